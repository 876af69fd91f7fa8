output "clickstream_toml" {
  description = "The text of a clickstream.toml, with which the commands of the project work on this deployment."
  value       = local.clickstream_toml

  precondition {
    condition     = toset(keys(local.settings)) == toset(keys(module.facts.settings))
    error_message = "The programs have other settings than those that are given here."
  }
}

output "artifacts_bucket" {
  description = "Name of the bucket that packages are uploaded to."
  value       = module.lake.buckets["artifacts"].name
}

output "repository_url" {
  description = "Where the compaction's image is pushed to; what follows the @ of compaction_image is its digest."
  value       = module.compaction.repository_url
}

output "repository_name" {
  description = "The repository's name, without the registry."
  value       = module.compaction.repository_name
}

output "buckets" {
  description = "Names of the buckets: raw, curated, athena_results, logs, artifacts."
  value       = { for what, bucket in module.lake.buckets : what => bucket.name }
}

output "stream_name" {
  description = "Name of the Kinesis stream."
  value       = module.ingest.stream_name
}

output "firehose_name" {
  description = "Name of the Firehose stream."
  value       = module.ingest.firehose_name
}

output "application_name" {
  description = "Name of the alert job's application."
  value       = module.stream_job.application_name
}

output "function_name" {
  description = "Name of the function for dropped files."
  value       = module.dropped_files.function_name
}

output "topic_arns" {
  description = "ARN of each topic of alerts, by name."
  value       = module.alerts.topic_arns
}

output "databases" {
  description = "The Glue databases: curated and raw."
  value       = { curated = module.catalog.database_name, raw = module.catalog.raw_database_name }
}

output "task" {
  description = "What starts a command of the compaction by hand: cluster, task definition, container, subnets and security group."
  value = {
    cluster           = module.compaction.cluster_name
    definition_arn    = module.compaction.task_definition_arn
    container         = module.compaction.container_name
    subnet_ids        = module.network.private_subnet_ids
    security_group_id = module.network.task_security_group_id
    log_group_name    = module.compaction.log_group_name
  }
}

output "runbook_exports" {
  description = "Shell text of the names that the commands of docs/runbook.md take."
  value = join("", [for variable, value in {
    NAME           = var.name
    STREAM         = module.ingest.stream_name
    FIREHOSE       = module.ingest.firehose_name
    APPLICATION    = module.stream_job.application_name
    FUNCTION       = module.dropped_files.function_name
    CLUSTER        = module.compaction.cluster_name
    TASK           = module.compaction.task_family
    SUBNET         = module.network.private_subnet_ids[0]
    SECURITY_GROUP = module.network.task_security_group_id
    TOPIC_ARN      = module.alerts.topic_arn
    RAW_BUCKET     = module.lake.buckets["raw"].name
    CURATED_BUCKET = module.lake.buckets["curated"].name
    WORKGROUP      = module.query.workgroup_name
    JOB_LOG        = module.stream_job.log_group_name
    FUNCTION_LOG   = module.dropped_files.log_group_name
    COMPACTION_LOG = module.compaction.log_group_name
    FIREHOSE_LOG   = module.ingest.log_group_name
  } : "export ${variable}='${value}'\n"])
}

output "workgroup_name" {
  description = "The Athena workgroup."
  value       = module.query.workgroup_name
}

output "warehouse_workgroup" {
  description = "The Redshift Serverless workgroup; null without one."
  value       = module.query.warehouse_workgroup
}

output "role_arns" {
  description = "Roles for people and other programs: analyst, operator, producer, reader."
  value       = module.access.role_arns
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = module.observability.alarm_names
}

output "dashboard_name" {
  description = "Name of the CloudWatch dashboard."
  value       = module.observability.dashboard_name
}

output "key_users" {
  description = "Names of the roles that may use each key."
  value       = local.key_users
}
