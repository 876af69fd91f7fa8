output "ops_topic_arn" {
  description = "ARN of the topic of all alarms; budgets and cost anomalies of this account may publish to it."
  value       = aws_sns_topic.this["ops"].arn
}

output "page_topic_arn" {
  description = "ARN of the topic of what cannot wait."
  value       = aws_sns_topic.this["pages"].arn
}

output "alarm_names" {
  description = "Names of all alarms, by their names in the module; the composite ones are page and ticket."
  value = merge(
    { for name, alarm in aws_cloudwatch_metric_alarm.this : name => alarm.alarm_name },
    { for name, alarm in aws_cloudwatch_composite_alarm.this : name => alarm.alarm_name },
  )
}

output "dashboard_name" {
  description = "Name of the dashboard."
  value       = aws_cloudwatch_dashboard.this.dashboard_name
}
