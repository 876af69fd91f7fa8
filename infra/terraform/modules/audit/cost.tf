locals {
  monitor_arn = var.anomaly_monitor_arn == null ? aws_ce_anomaly_monitor.this[0].arn : var.anomaly_monitor_arn
  # What was spent, at two marks, and what the month will come to at this rate.
  notifications = {
    spent_most  = { type = "ACTUAL", percent = 80 }
    spent_all   = { type = "ACTUAL", percent = 100 }
    will_exceed = { type = "FORECASTED", percent = 100 }
  }
  # A topic can be told at once; e-mail only in a summary.
  subscriptions = merge(
    length(var.ops_topic_arns) == 0 ? {} : { topic = { frequency = "IMMEDIATE", subscribers = { SNS = var.ops_topic_arns } } },
    length(var.ops_endpoints) == 0 ? {} : { mail = { frequency = "DAILY", subscribers = { EMAIL = var.ops_endpoints } } },
  )
}

resource "aws_budgets_budget" "this" {
  name         = "${var.name}-monthly"
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = tostring(var.monthly_budget_usd)
  limit_unit   = "USD"

  dynamic "cost_filter" {
    for_each = var.cost_tag == null ? [] : [var.cost_tag]

    content {
      name   = "TagKeyValue"
      values = [format("user:%s$%s", cost_filter.value.key, cost_filter.value.value)]
    }
  }

  dynamic "notification" {
    for_each = local.notifications

    content {
      comparison_operator        = "GREATER_THAN"
      notification_type          = notification.value.type
      threshold                  = notification.value.percent
      threshold_type             = "PERCENTAGE"
      subscriber_sns_topic_arns  = var.ops_topic_arns
      subscriber_email_addresses = var.ops_endpoints
    }
  }
}

resource "aws_ce_anomaly_monitor" "this" {
  count = var.anomaly_monitor_arn == null ? 1 : 0

  name              = "${var.name}-cost"
  monitor_type      = var.cost_tag == null ? "DIMENSIONAL" : "CUSTOM"
  monitor_dimension = var.cost_tag == null ? "SERVICE" : null

  # The service answers with every field, so each is given.
  monitor_specification = var.cost_tag == null ? null : jsonencode({
    And            = null
    CostCategories = null
    Dimensions     = null
    Not            = null
    Or             = null
    Tags           = { Key = var.cost_tag.key, MatchOptions = null, Values = [var.cost_tag.value] }
  })
}

resource "aws_ce_anomaly_subscription" "this" {
  for_each = local.subscriptions

  name             = "${var.name}-cost-${each.key}"
  frequency        = each.value.frequency
  monitor_arn_list = [local.monitor_arn]

  dynamic "subscriber" {
    for_each = flatten([for type, addresses in each.value.subscribers : [for address in addresses : { type = type, address = address }]])

    content {
      type    = subscriber.value.type
      address = subscriber.value.address
    }
  }

  threshold_expression {
    dimension {
      key           = "ANOMALY_TOTAL_IMPACT_ABSOLUTE"
      match_options = ["GREATER_THAN_OR_EQUAL"]
      values        = [tostring(var.anomaly_threshold_usd)]
    }
  }
}
