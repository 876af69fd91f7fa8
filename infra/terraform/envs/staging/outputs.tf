output "clickstream_toml" {
  description = "The text of a clickstream.toml, with which the commands of the project work on this deployment."
  value       = module.pipeline.clickstream_toml
}

output "artifacts_bucket" {
  description = "Name of the bucket that packages are uploaded to."
  value       = module.pipeline.artifacts_bucket
}

output "repository_url" {
  description = "Where the compaction's image is pushed to; what follows the @ of compaction_image is its digest."
  value       = module.pipeline.repository_url
}

output "repository_name" {
  description = "The repository's name, without the registry."
  value       = module.pipeline.repository_name
}

output "buckets" {
  description = "Names of the buckets: raw, curated, athena_results, logs, artifacts."
  value       = module.pipeline.buckets
}

output "stream_name" {
  description = "Name of the Kinesis stream."
  value       = module.pipeline.stream_name
}

output "firehose_name" {
  description = "Name of the Firehose stream."
  value       = module.pipeline.firehose_name
}

output "application_name" {
  description = "Name of the alert job's application."
  value       = module.pipeline.application_name
}

output "function_name" {
  description = "Name of the function for dropped files."
  value       = module.pipeline.function_name
}

output "topic_arns" {
  description = "ARN of each topic of alerts, by name."
  value       = module.pipeline.topic_arns
}

output "databases" {
  description = "The Glue databases: curated and raw."
  value       = module.pipeline.databases
}

output "task" {
  description = "What starts a command of the compaction by hand: cluster, task definition, container, subnets and security group."
  value       = module.pipeline.task
}

output "runbook_exports" {
  description = "Shell text of the names that the commands of docs/runbook.md take."
  value       = module.pipeline.runbook_exports
}

output "workgroup_name" {
  description = "The Athena workgroup."
  value       = module.pipeline.workgroup_name
}

output "warehouse_workgroup" {
  description = "The Redshift Serverless workgroup; null without one."
  value       = module.pipeline.warehouse_workgroup
}

output "role_arns" {
  description = "Roles for people and other programs: analyst, operator, producer, reader."
  value       = module.pipeline.role_arns
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = module.pipeline.alarm_names
}

output "dashboard_name" {
  description = "Name of the CloudWatch dashboard."
  value       = module.pipeline.dashboard_name
}

output "key_users" {
  description = "Names of the roles that may use each key."
  value       = module.pipeline.key_users
}
