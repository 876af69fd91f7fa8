# The settings of this deployment, by the names that the programs know (`schemas/settings.py`): the text for the operators'
# commands, and what the modules of the function and of the task do not know themselves.
locals {
  settings = {
    stream                = module.ingest.stream_name
    raw_bucket            = module.lake.buckets["raw"].name
    curated_bucket        = module.lake.buckets["curated"].name
    alerts_topic_arn      = module.alerts.topic_arn
    dead_letter_queue_url = module.alerts.dead_letter_queue_url
    database              = module.catalog.database_name
    raw_database          = module.catalog.raw_database_name
    dropped_files_table   = module.dropped_files.table_name
    raw_objects_queue_url = module.compaction.raw_objects_queue_url
    # An empty value counts as none, and gives the default; a lone comma is a list of nothing.
    alert_types   = length(var.alert_types) > 0 ? join(",", var.alert_types) : ","
    alert_rules   = join("; ", [for name, rule in module.alerts.alert_rules : "${name}: ${rule}"])
    max_alert_age = var.max_alert_age
  }

  # Those of the module's own are left out; module dropped_files refuses them.
  function_settings = {
    database     = local.databases.curated
    raw_database = local.databases.raw
  }

  task_settings = {
    for name in ["stream", "alerts_topic_arn", "dead_letter_queue_url", "dropped_files_table", "alert_types", "alert_rules", "max_alert_age"] :
    module.facts.settings[name] => local.settings[name] if local.settings[name] != ""
  }

  # TOML takes a JSON text as a text of its own. Terraform writes signs of HTML as numbers, which nobody wants to read.
  clickstream_toml = join("", [
    for name in sort(keys(module.facts.settings)) :
    "${name} = ${replace(replace(replace(jsonencode(local.settings[name]), "\\u003c", "<"), "\\u003e", ">"), "\\u0026", "&")}\n"
  ])
}
