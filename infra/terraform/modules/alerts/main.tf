module "facts" {
  source = "../facts"
}

locals {
  # The topic of the alerted types; the others are for rules of one's own.
  main_topic = "PurchaseAlerts"

  # Lower bounds come first: SNS takes no range the other way round.
  comparisons = ["=", ">", ">=", "<", "<="]

  filter_policies = {
    for name, subscription in var.subscriptions : name => merge(
      { for attribute, texts in subscription.filter : attribute => texts },
      {
        for attribute, bounds in subscription.numeric : attribute => [{
          numeric = flatten([for comparison in local.comparisons : [comparison, bounds[comparison]] if contains(keys(bounds), comparison)])
        }]
      },
    )
  }
}

resource "aws_sns_topic" "this" {
  for_each = setunion([local.main_topic], var.rule_topics)

  name              = "${var.name}-${each.key}"
  kms_master_key_id = var.messaging_key_arn
  signature_version = 2
}

resource "aws_sns_topic_policy" "this" {
  for_each = aws_sns_topic.this

  arn    = each.value.arn
  policy = data.aws_iam_policy_document.topic[each.key].json
}

resource "aws_sns_topic_subscription" "this" {
  for_each = var.subscriptions

  topic_arn            = aws_sns_topic.this[each.value.topic].arn
  protocol             = each.value.protocol
  endpoint             = each.value.endpoint
  raw_message_delivery = contains(["sqs", "https"], each.value.protocol) && each.value.raw
  filter_policy        = length(local.filter_policies[each.key]) > 0 ? jsonencode(local.filter_policies[each.key]) : null
  filter_policy_scope  = length(local.filter_policies[each.key]) > 0 ? "MessageAttributes" : null
  redrive_policy       = jsonencode({ deadLetterTargetArn = aws_sqs_queue.undelivered[each.key].arn })

  # Without the policy SNS takes the redrive policy, and loses what it cannot deliver.
  depends_on = [aws_sqs_queue_policy.undelivered]
}
