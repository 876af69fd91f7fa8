locals {
  # The longest that SQS keeps a message.
  retention_seconds = 14 * 24 * 3600
}

# What cannot become an alert, from the job and from the function for dropped files.
resource "aws_sqs_queue" "dead_letters" {
  name                              = "${var.name}-dead-letters"
  message_retention_seconds         = local.retention_seconds
  kms_master_key_id                 = var.messaging_key_arn
  kms_data_key_reuse_period_seconds = 300
}

# No queue gives its messages to it: letters are sent, by the publishers.
resource "aws_sqs_queue_redrive_allow_policy" "dead_letters" {
  queue_url            = aws_sqs_queue.dead_letters.id
  redrive_allow_policy = jsonencode({ redrivePermission = "denyAll" })
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id
  policy    = data.aws_iam_policy_document.dead_letters.json
}

# What SNS could not deliver to a subscriber.
resource "aws_sqs_queue" "undelivered" {
  for_each = var.subscriptions

  name                              = "${var.name}-${each.key}-undelivered"
  message_retention_seconds         = local.retention_seconds
  kms_master_key_id                 = var.messaging_key_arn
  kms_data_key_reuse_period_seconds = 300
}

resource "aws_sqs_queue_redrive_allow_policy" "undelivered" {
  for_each = aws_sqs_queue.undelivered

  queue_url            = each.value.id
  redrive_allow_policy = jsonencode({ redrivePermission = "denyAll" })
}

resource "aws_sqs_queue_policy" "undelivered" {
  for_each = aws_sqs_queue.undelivered

  queue_url = each.value.id
  policy    = data.aws_iam_policy_document.undelivered[each.key].json
}
