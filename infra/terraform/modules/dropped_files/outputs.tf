output "function_name" {
  description = "Name of the function; known before there is one."
  value       = local.function_name
}

output "function_arn" {
  description = "ARN of the function; known before there is one."
  value       = local.function_arn
}

output "queue_name" {
  description = "Name of the queue of what was put."
  value       = aws_sqs_queue.this.name
}

output "queue_arn" {
  description = "ARN of that queue."
  value       = aws_sqs_queue.this.arn
}

output "dead_queue_name" {
  description = "Name of the queue of files that could not be worked through."
  value       = aws_sqs_queue.dead.name
}

output "dead_queue_arn" {
  description = "ARN of that queue."
  value       = aws_sqs_queue.dead.arn
}

output "table_name" {
  description = "Name of the table of what is done."
  value       = aws_dynamodb_table.this.name
}

output "table_arn" {
  description = "ARN of that table."
  value       = aws_dynamodb_table.this.arn
}

output "log_group_name" {
  description = "Log group of the function."
  value       = aws_cloudwatch_log_group.this.name
}

output "role_arn" {
  description = "ARN of the function's role."
  value       = aws_iam_role.this.arn
}

output "environment" {
  description = "The function's environment."
  value       = local.environment
}
