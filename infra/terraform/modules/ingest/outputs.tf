output "stream_name" {
  description = "Name of the stream."
  value       = aws_kinesis_stream.this.name
}

output "stream_arn" {
  description = "ARN of the stream."
  value       = aws_kinesis_stream.this.arn
}

output "firehose_name" {
  description = "Name of the Firehose stream, with which the raw objects' names begin."
  value       = aws_kinesis_firehose_delivery_stream.this.name
}

output "firehose_arn" {
  description = "ARN of the Firehose stream."
  value       = aws_kinesis_firehose_delivery_stream.this.arn
}

output "log_group_name" {
  description = "Log group of Firehose's failed deliveries."
  value       = aws_cloudwatch_log_group.this.name
}

output "role_arn" {
  description = "ARN of Firehose's role."
  value       = aws_iam_role.this.arn
}
