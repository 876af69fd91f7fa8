locals {
  # The longest that SQS keeps a message. In a dead-letter queue it counts from when the message was first sent.
  retention_seconds = 14 * 24 * 3600
}

resource "aws_sqs_queue" "this" {
  name                              = local.function_name
  visibility_timeout_seconds        = module.facts.dropped_files.visibility_s
  message_retention_seconds         = local.retention_seconds
  kms_master_key_id                 = var.messaging_key_arn
  kms_data_key_reuse_period_seconds = 300

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = module.facts.dropped_files.max_receives
  })
}

resource "aws_sqs_queue" "dead" {
  name                              = "${local.function_name}-dead"
  message_retention_seconds         = local.retention_seconds
  kms_master_key_id                 = var.messaging_key_arn
  kms_data_key_reuse_period_seconds = 300
}

resource "aws_sqs_queue_redrive_allow_policy" "this" {
  queue_url            = aws_sqs_queue.this.id
  redrive_allow_policy = jsonencode({ redrivePermission = "denyAll" })
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  queue_url = aws_sqs_queue.dead.id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.this.arn]
  })
}

# The same for both: what EventBridge cannot put into the queue it puts into the one for what failed.
data "aws_iam_policy_document" "queue" {
  for_each = { this = aws_sqs_queue.this.arn, dead = aws_sqs_queue.dead.arn }

  statement {
    sid       = "RuleSends"
    actions   = ["sqs:SendMessage"]
    resources = [each.value]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.this.arn]
    }
  }

  statement {
    sid       = "OnlyByTls"
    effect    = "Deny"
    actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"]
    resources = [each.value]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "this" {
  queue_url = aws_sqs_queue.this.id
  policy    = data.aws_iam_policy_document.queue["this"].json
}

resource "aws_sqs_queue_policy" "dead" {
  queue_url = aws_sqs_queue.dead.id
  policy    = data.aws_iam_policy_document.queue["dead"].json
}
