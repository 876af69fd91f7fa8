output "application_name" {
  description = "Name of the application, the dimension of its metrics; known before there is one."
  value       = local.application_name
}

output "application_arn" {
  description = "ARN of the application; known before there is one."
  value       = local.application_arn
}

output "role_arn" {
  description = "ARN of the job's role."
  value       = aws_iam_role.this.arn
}

output "log_group_name" {
  description = "Log group of the job."
  value       = aws_cloudwatch_log_group.this.name
}

output "property_groups" {
  description = "Every property that the application gets: group -> key -> value."
  value       = local.property_groups
}
