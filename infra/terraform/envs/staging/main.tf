# Composition only: what an environment is, is in modules/pipeline; how large, in sizes.auto.tfvars.json; what it is called, and
# what it may lose, in environment.auto.tfvars. All files of this folder but these two are the same in each environment.

module "pipeline" {
  source = "../../modules/pipeline"

  name                      = var.name
  expected_events_per_s     = var.expected_events_per_s
  event_bytes               = var.event_bytes
  capacity                  = var.capacity
  retention_hours           = var.retention_hours
  buffer_mib                = var.buffer_mib
  buffer_seconds            = var.buffer_seconds
  parallelism               = var.parallelism
  compaction                = var.compaction
  warehouse                 = var.warehouse
  availability_zones        = var.availability_zones
  raw_archive_after_days    = var.raw_archive_after_days
  raw_expire_after_days     = var.raw_expire_after_days
  log_retention_days        = var.log_retention_days
  alerts_package_key        = var.alerts_package_key
  dropped_files_package_key = var.dropped_files_package_key
  compaction_image          = var.compaction_image
  start_job                 = var.start_job
  schedules_enabled         = var.schedules_enabled
  alert_types               = var.alert_types
  max_alert_age             = var.max_alert_age
  rule_topics               = var.rule_topics
  alert_rules               = var.alert_rules
  subscriptions             = var.subscriptions
  ops_endpoints             = var.ops_endpoints
  page_endpoints            = var.page_endpoints
  runbook_url               = var.runbook_url
  monthly_budget_usd        = var.monthly_budget_usd
  is_cost_tag_active        = var.is_cost_tag_active
  anomaly_monitor_arn       = var.anomaly_monitor_arn
  trusted_principals        = var.trusted_principals
  reader_external_id        = var.reader_external_id
  require_mfa               = var.require_mfa
  deployer_role_names       = var.deployer_role_names
  key_administrator_arns    = var.key_administrator_arns
  force_destroy             = var.force_destroy
  key_deletion_window_days  = var.key_deletion_window_days
  crawler                   = var.crawler
  lake_formation            = var.lake_formation
}
