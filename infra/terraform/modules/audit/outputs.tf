output "trail_arn" {
  description = "ARN of the trail."
  value       = aws_cloudtrail.this.arn
}

output "trail_name" {
  description = "Name of the trail, which `aws cloudtrail validate-logs` and the keys' policies know it by."
  value       = aws_cloudtrail.this.name
}

output "log_group_name" {
  description = "Name of the trail's log group; null where it is delivered to the bucket alone."
  value       = one(aws_cloudwatch_log_group.trail[*].name)
}

output "budget_name" {
  description = "Name of the budget."
  value       = aws_budgets_budget.this.name
}

output "anomaly_monitor_arn" {
  description = "ARN of the monitor of cost anomalies."
  value       = local.monitor_arn
}
