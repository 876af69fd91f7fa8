locals {
  topics = {
    # Every change of every alarm.
    ops = "${var.name}-ops-alerts"
    # The composite alarm of what cannot wait, so that nothing else wakes anybody.
    pages = "${var.name}-ops-pages"
  }
}

resource "aws_sns_topic" "this" {
  for_each = local.topics

  name              = each.value
  kms_master_key_id = var.messaging_key_arn
}

# EventBridge is not among the publishers: SNS knows no condition for it, so that rules of any account could publish.
# Source: EventBridge user guide, "Using resource-based policies for Amazon EventBridge", on Amazon SNS.
data "aws_iam_policy_document" "topic" {
  for_each = local.topics

  statement {
    sid       = "AlarmsPublish"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.this[each.key].arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:cloudwatch:${local.region}:${local.account_id}:alarm:${var.name}-*"]
    }
  }

  dynamic "statement" {
    # What costs more than was planned is no reason to wake anybody.
    for_each = each.key == "ops" ? {
      BudgetsPublish       = { service = "budgets.amazonaws.com", source = "arn:${local.partition}:budgets::${local.account_id}:*" }
      CostAnomaliesPublish = { service = "costalerts.amazonaws.com", source = "arn:${local.partition}:ce::${local.account_id}:anomalysubscription/*" }
    } : {}

    content {
      sid       = statement.key
      actions   = ["sns:Publish"]
      resources = [aws_sns_topic.this[each.key].arn]

      principals {
        type        = "Service"
        identifiers = [statement.value.service]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local.account_id]
      }

      condition {
        test     = "ArnLike"
        variable = "aws:SourceArn"
        values   = [statement.value.source]
      }
    }
  }

  statement {
    sid       = "OnlyOverTLS"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.this[each.key].arn]

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

resource "aws_sns_topic_policy" "this" {
  for_each = local.topics

  arn    = aws_sns_topic.this[each.key].arn
  policy = data.aws_iam_policy_document.topic[each.key].json
}

resource "aws_sns_topic_subscription" "ops" {
  for_each = toset(var.ops_endpoints)

  topic_arn = aws_sns_topic.this["ops"].arn
  protocol  = "email"
  endpoint  = each.value
}

resource "aws_sns_topic_subscription" "pages" {
  for_each = var.page_endpoints

  topic_arn = aws_sns_topic.this["pages"].arn
  protocol  = each.value.protocol
  endpoint  = each.value.endpoint
}
