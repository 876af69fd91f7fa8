# An alarm is data: `alarms_*.tf` have a map each, name -> what is watched. Parts that may be left out are filled in here.
#   severity    page: somebody is woken, or ticket: somebody looks within a working day
#   description one sentence, without its full stop; the address of the heading in the runbook is put behind it
#   anchor      the heading, where it is not the alarm's name
#   namespace, metric, dimensions, statistic   what is watched, or
#   expression  math over `metrics`, id -> the same four; or a query, of which there are no metrics
#   period      in seconds; evaluation: periods that are looked at; datapoints: of which so many have to breach, or all
#   threshold, comparison (">" or "<"), missing: what a period without data means
locals {
  alarms = {
    for name, alarm in merge(
      local.ingest_alarms,
      local.job_alarms,
      local.delivery_alarms,
      local.compaction_alarms,
      local.storage_alarms,
      ) : name => {
      severity    = alarm.severity
      description = "${alarm.description}. ${var.runbook_url}#${try(alarm.anchor, name)}"
      namespace   = try(alarm.namespace, null)
      metric      = try(alarm.metric, null)
      dimensions  = try(alarm.dimensions, null)
      statistic   = try(alarm.statistic, null)
      expression  = try(alarm.expression, null)
      metrics     = try(alarm.metrics, {})
      period      = alarm.period
      evaluation  = alarm.evaluation
      datapoints  = try(alarm.datapoints, alarm.evaluation)
      threshold   = alarm.threshold
      comparison  = alarm.comparison
      missing     = alarm.missing
    }
  }

  comparisons = {
    ">" = "GreaterThanThreshold"
    "<" = "LessThanThreshold"
  }

  severities = {
    page   = { description = "Something that cannot wait until the morning", topics = ["ops", "pages"] }
    ticket = { description = "Something that wants looking at within a working day", topics = ["ops"] }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  actions_enabled     = true
  alarm_actions       = [aws_sns_topic.this["ops"].arn]
  ok_actions          = [aws_sns_topic.this["ops"].arn]
  comparison_operator = local.comparisons[each.value.comparison]
  threshold           = each.value.threshold
  evaluation_periods  = each.value.evaluation
  datapoints_to_alarm = each.value.datapoints
  treat_missing_data  = each.value.missing

  namespace   = each.value.namespace
  metric_name = each.value.metric
  dimensions  = each.value.dimensions
  statistic   = each.value.statistic
  period      = each.value.expression == null ? each.value.period : null

  dynamic "metric_query" {
    for_each = each.value.metrics

    content {
      id = metric_query.key

      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.metric
        dimensions  = metric_query.value.dimensions
        stat        = metric_query.value.statistic
        period      = each.value.period
      }
    }
  }

  dynamic "metric_query" {
    for_each = each.value.expression[*]

    content {
      id          = "watched"
      expression  = metric_query.value
      label       = each.key
      return_data = true
      # Math has the period of its metrics, a query one of its own.
      period = length(each.value.metrics) == 0 ? each.value.period : null
    }
  }
}

resource "aws_cloudwatch_composite_alarm" "this" {
  for_each = local.severities

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = "${each.value.description}. ${var.runbook_url}#${each.key}"
  actions_enabled   = true
  alarm_actions     = [for topic in each.value.topics : aws_sns_topic.this[topic].arn]
  ok_actions        = [for topic in each.value.topics : aws_sns_topic.this[topic].arn]
  alarm_rule = join(" OR ", [
    for name, alarm in local.alarms : "ALARM(\"${aws_cloudwatch_metric_alarm.this[name].alarm_name}\")" if alarm.severity == each.key
  ])

  lifecycle {
    # Source: CloudWatch user guide, "Create a composite alarm": a hundred alarms, 10,240 characters.
    precondition {
      condition     = length([for alarm in local.alarms : alarm if alarm.severity == each.key]) <= 100
      error_message = "A composite alarm has a hundred alarms below it at most: give fewer buckets or subscriptions."
    }
  }
}
