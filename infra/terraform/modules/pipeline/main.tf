# The whole pipeline, from the keys to the people. No resources of its own: what belongs to nobody else is a name.

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

module "facts" {
  source = "../facts"
}

# The ground: keys, network, buckets.

module "keys" {
  source = "../keys"

  name                 = var.name
  users                = local.key_users
  deployer_role_names  = var.deployer_role_names
  administrator_arns   = var.key_administrator_arns
  deletion_window_days = var.key_deletion_window_days
}

module "network" {
  source = "../network"

  name                = var.name
  availability_zones  = var.availability_zones
  interface_endpoints = local.interface_endpoints
  logs_key_arn        = module.keys.arns["logs"]
  log_retention_days  = var.log_retention_days

  permissions_boundary_arn = module.access.permissions_boundary_arn
}

module "lake" {
  source = "../lake"

  name                   = var.name
  lake_key_arn           = module.keys.arns["lake"]
  logs_key_arn           = module.keys.arns["logs"]
  raw_archive_after_days = var.raw_archive_after_days
  raw_expire_after_days  = var.raw_expire_after_days
  force_destroy          = var.force_destroy
}

# Events in: the stream, and all of it kept.

module "ingest" {
  source = "../ingest"

  name            = var.name
  capacity        = local.capacity
  retention_hours = var.retention_hours
  raw_bucket      = module.lake.buckets["raw"]
  buffer_mib      = var.buffer_mib
  buffer_seconds  = var.buffer_seconds
  stream_key_arn  = module.keys.arns["stream"]
  lake_key_arn    = module.keys.arns["lake"]
  logs_key_arn    = module.keys.arns["logs"]

  permissions_boundary_arn = module.access.permissions_boundary_arn
  log_retention_days       = var.log_retention_days
}

# Alerts out: topics, the job that reads the stream, the function that reads what others drop.

module "alerts" {
  source = "../alerts"

  name              = var.name
  messaging_key_arn = module.keys.arns["messaging"]
  # The operator redrives dead letters.
  publisher_role_arns = [for role in concat(["alert-job", "dropped-files"], local.people.operator) : "${local.role_arn_prefix}-${role}"]
  rule_topics         = var.rule_topics
  alert_rules         = var.alert_rules
  subscriptions       = var.subscriptions
}

module "stream_job" {
  source = "../stream_job"

  name                  = var.name
  artifacts_bucket      = module.lake.buckets["artifacts"]
  package_key           = var.alerts_package_key
  start                 = var.start_job
  stream_arn            = module.ingest.stream_arn
  topic_arns            = module.alerts.topic_arns
  dead_letter_queue_arn = module.alerts.dead_letter_queue_arn
  dead_letter_queue_url = module.alerts.dead_letter_queue_url
  curated_bucket        = module.lake.buckets["curated"]
  alert_types           = var.alert_types
  max_alert_age         = var.max_alert_age
  alert_rules           = module.alerts.alert_rules
  parallelism           = var.parallelism
  stream_key_arn        = module.keys.arns["stream"]
  messaging_key_arn     = module.keys.arns["messaging"]
  lake_key_arn          = module.keys.arns["lake"]
  logs_key_arn          = module.keys.arns["logs"]

  vpc = {
    subnet_ids         = module.network.private_subnet_ids
    security_group_ids = [module.network.task_security_group_id]
  }

  permissions_boundary_arn = module.access.permissions_boundary_arn
  log_retention_days       = var.log_retention_days
}

module "dropped_files" {
  source = "../dropped_files"

  name                  = var.name
  artifacts_bucket      = module.lake.buckets["artifacts"]
  package_key           = var.dropped_files_package_key
  raw_bucket            = module.lake.buckets["raw"]
  curated_bucket        = module.lake.buckets["curated"]
  stream_name           = module.ingest.stream_name
  topic_arns            = module.alerts.topic_arns
  dead_letter_queue_arn = module.alerts.dead_letter_queue_arn
  dead_letter_queue_url = module.alerts.dead_letter_queue_url
  alert_types           = var.alert_types
  max_alert_age         = var.max_alert_age
  alert_rules           = module.alerts.alert_rules
  settings              = local.function_settings
  deletion_protection   = !var.force_destroy
  messaging_key_arn     = module.keys.arns["messaging"]
  lake_key_arn          = module.keys.arns["lake"]
  logs_key_arn          = module.keys.arns["logs"]
  subnet_ids            = module.network.private_subnet_ids
  security_group_id     = module.network.task_security_group_id
  s3_endpoint_id        = module.network.s3_endpoint_id
  dynamodb_endpoint_id  = module.network.dynamodb_endpoint_id

  permissions_boundary_arn = module.access.permissions_boundary_arn
  log_retention_days       = var.log_retention_days
}

# Tables: what compacts, the catalog that names them, and what asks them.

module "catalog" {
  source = "../catalog"

  name           = var.name
  raw_bucket     = module.lake.buckets["raw"]
  curated_bucket = module.lake.buckets["curated"]
  database       = local.databases.curated
  raw_database   = local.databases.raw
  crawler        = var.crawler
  lake_formation = local.lake_formation
  lake_key_arn   = module.keys.arns["lake"]
  logs_key_arn   = module.keys.arns["logs"]

  permissions_boundary_arn = module.access.permissions_boundary_arn
}

module "compaction" {
  source = "../compaction"

  name              = var.name
  image             = var.compaction_image
  schedules_enabled = var.schedules_enabled
  force_destroy     = var.force_destroy
  raw_bucket        = module.lake.buckets["raw"]
  curated_bucket    = module.lake.buckets["curated"]
  databases         = { curated = module.catalog.database_name, raw = module.catalog.raw_database_name }
  settings          = local.task_settings
  cpu               = var.compaction.cpu
  memory_mib        = var.compaction.memory_mib
  disk_gib          = var.compaction.disk_gib
  subnet_ids        = module.network.private_subnet_ids
  security_group_id = module.network.task_security_group_id
  s3_endpoint_id    = module.network.s3_endpoint_id
  lake_key_arn      = module.keys.arns["lake"]
  messaging_key_arn = module.keys.arns["messaging"]
  logs_key_arn      = module.keys.arns["logs"]

  permissions_boundary_arn = module.access.permissions_boundary_arn
  log_retention_days       = var.log_retention_days
}

module "query" {
  source = "../query"

  name                  = var.name
  athena_results_bucket = module.lake.buckets["athena_results"]
  raw_bucket            = module.lake.buckets["raw"]
  curated_bucket        = module.lake.buckets["curated"]
  database              = module.catalog.database_name
  raw_database          = module.catalog.raw_database_name
  queries               = local.queries
  warehouse             = var.warehouse
  force_destroy         = var.force_destroy
  vpc_id                = module.network.vpc_id
  subnet_ids            = module.network.private_subnet_ids
  security_group_id     = module.network.task_security_group_id
  lake_key_arn          = module.keys.arns["lake"]
  warehouse_key_arn     = module.keys.arns["warehouse"]
  logs_key_arn          = module.keys.arns["logs"]

  permissions_boundary_arn = module.access.permissions_boundary_arn
  log_retention_days       = var.log_retention_days
}

# Watching: alarms and dashboard, the trail and the budget.

module "observability" {
  source = "../observability"

  name             = var.name
  database         = module.catalog.database_name
  stream_name      = module.ingest.stream_name
  firehose_name    = module.ingest.firehose_name
  application_name = module.stream_job.application_name
  function_name    = module.dropped_files.function_name
  topic_name       = module.alerts.topic_name
  rule_topic_names = [for topic in var.rule_topics : element(split(":", module.alerts.topic_arns[topic]), -1)]

  queues = {
    dead_letters              = module.alerts.dead_letter_queue_name
    subscription_dead_letters = module.alerts.subscription_dead_letter_queue_names
    dropped_files             = module.dropped_files.queue_name
    dropped_files_dead        = module.dropped_files.dead_queue_name
    raw_objects               = module.compaction.raw_objects_queue_name
    schedule_dead_letters     = module.compaction.schedule_dead_letter_queue_name
  }

  failed_runs_rule_name  = module.compaction.failed_runs_rule_name
  compaction_memory_mib  = module.compaction.memory_mib
  bucket_names           = { for bucket in ["raw", "curated"] : bucket => module.lake.buckets[bucket].name }
  warehouse_workgroup    = module.query.warehouse_workgroup
  warehouse_max_capacity = var.warehouse.enabled ? var.warehouse.max_capacity : null
  ops_endpoints          = var.ops_endpoints
  page_endpoints         = var.page_endpoints
  runbook_url            = var.runbook_url
  messaging_key_arn      = module.keys.arns["messaging"]
}

module "audit" {
  source = "../audit"

  name                = var.name
  logs_bucket         = module.lake.buckets["logs"]
  trail_prefix        = module.lake.trail_prefix
  data_bucket_arns    = [for bucket in ["raw", "curated"] : module.lake.buckets[bucket].arn]
  logs_key_arn        = module.keys.arns["logs"]
  monthly_budget_usd  = var.monthly_budget_usd
  cost_tag            = var.is_cost_tag_active ? { key = "Environment", value = var.name } : null
  anomaly_monitor_arn = var.anomaly_monitor_arn
  ops_topic_arns      = [module.observability.ops_topic_arn]
  log_retention_days  = var.log_retention_days

  permissions_boundary_arn = module.access.permissions_boundary_arn
}

# People and other programs, and the boundary of every role.

module "access" {
  source = "../access"

  name              = var.name
  stream_arn        = module.ingest.stream_arn
  workgroup_arn     = module.query.workgroup_arn
  results_prefix    = module.query.results_prefix
  lake              = { for bucket in ["raw", "curated", "athena_results"] : bucket => module.lake.buckets[bucket] }
  databases         = local.databases
  lake_key_arn      = module.keys.arns["lake"]
  stream_key_arn    = module.keys.arns["stream"]
  messaging_key_arn = module.keys.arns["messaging"]

  topic_arns            = module.alerts.topic_arns
  dead_letter_queue_arn = module.alerts.dead_letter_queue_arn
  redrives              = local.redrives
  application_arn       = module.stream_job.application_arn
  compaction = {
    cluster_arn           = module.compaction.cluster_arn
    task_family           = module.compaction.task_family
    role_arns             = [module.compaction.role_arn, module.compaction.execution_role_arn]
    raw_objects_queue_arn = module.compaction.raw_objects_queue_arn
  }
  log_group_names = [
    module.ingest.log_group_name, module.stream_job.log_group_name, module.dropped_files.log_group_name,
    module.compaction.log_group_name, module.compaction.failed_runs_log_group_name,
  ]

  trusted_principals = var.trusted_principals
  reader_external_id = var.reader_external_id
  require_mfa        = var.require_mfa
}
