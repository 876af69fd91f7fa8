variables {
  name                   = "clickstream-test"
  expected_events_per_s  = 3000
  event_bytes            = 500
  capacity               = { mode = "PROVISIONED", shards = null }
  retention_hours        = 72
  buffer_mib             = 128
  buffer_seconds         = 300
  parallelism            = 2
  compaction             = { cpu = 2048, memory_mib = 8192, disk_gib = 40 }
  warehouse              = { enabled = true, base_capacity = 8, max_capacity = 16 }
  availability_zones     = 3
  raw_archive_after_days = 30
  raw_expire_after_days  = 180
  log_retention_days     = 30
  ops_endpoints          = ["ops@example.com"]
  runbook_url            = "https://git.example.com/clickstream/docs/runbook.md"
  monthly_budget_usd     = 500
  deployer_role_names    = ["deployer"]

  trusted_principals = {
    analyst  = ["arn:aws:iam::123456789012:role/analysts"]
    operator = ["arn:aws:iam::123456789012:role/operators"]
    producer = ["arn:aws:iam::123456789012:role/shop"]
    reader   = ["arn:aws:iam::210987654321:root"]
  }
  reader_external_id = "another-account"

  rule_topics = ["LargeOrders"]
  alert_rules = {
    large-orders = { event_type = "purchase", where = "amount_minor >= 100000", topic = "LargeOrders" }
  }
  subscriptions = {
    shop = { protocol = "sqs", endpoint = "arn:aws:sqs:us-east-1:123456789012:shop", filter = { country = ["DE"] } }
    team = { protocol = "email", endpoint = "team@example.com", raw = false, topic = "LargeOrders" }
  }
}

run "the_first_apply_makes_the_ground" {
  command = apply

  assert {
    condition     = output.artifacts_bucket == "clickstream-test-artifacts-123456789012" && output.repository_name == "clickstream-test-compaction"
    error_message = "There is a place for packages and one for images."
  }

  assert {
    condition     = output.task.definition_arn == null && length(module.compaction.schedule_names) == 0
    error_message = "Nothing is started that is not there yet."
  }

  assert {
    condition     = output.application_name == "clickstream-test-alerts" && output.function_name == "clickstream-test-dropped-files"
    error_message = "What will be watched has its name."
  }
}

run "the_second_apply_starts_the_programs" {
  command = apply

  variables {
    alerts_package_key        = "alerts/0123.zip"
    dropped_files_package_key = "dropped-files/4567.zip"
    compaction_image          = "123456789012.dkr.ecr.us-east-1.amazonaws.com/clickstream-test-compaction@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    crawler                   = { enabled = true, prefixes = ["partner/"] }
    lake_formation            = true
  }

  assert {
    condition     = output.task.definition_arn != null && toset(keys(module.compaction.schedule_names)) == toset(keys(module.facts.schedules))
    error_message = "Each schedule of the programs is there."
  }

  # As many as twice the bytes need, of which a shard takes 1 MiB a second.
  assert {
    condition     = local.capacity == { mode = "PROVISIONED", shards = 3 }
    error_message = "A provisioned stream has shards for twice what is expected."
  }

  assert {
    condition     = toset(keys(module.compaction.environment)) == toset(values(module.facts.settings))
    error_message = "The task gets every setting of the programs."
  }

  assert {
    condition = module.compaction.environment == {
      for name, variable in module.facts.settings : variable => local.settings[name]
    }
    error_message = "The task gets the settings that the operators get."
  }

  # The queue of raw objects is the compaction's alone.
  assert {
    condition = module.dropped_files.environment == {
      for name, variable in module.facts.settings : variable => local.settings[name] if name != "raw_objects_queue_url"
    }
    error_message = "The function gets the settings that the operators get."
  }

  assert {
    condition = module.stream_job.property_groups["alerts"]["topic_arn"] == local.settings.alerts_topic_arn && alltrue([
      module.stream_job.property_groups["delivery"]["dead_letter_queue_url"] == local.settings.dead_letter_queue_url,
      module.stream_job.property_groups["delivery"]["curated_bucket"] == local.settings.curated_bucket,
      module.stream_job.property_groups["alerts"]["types"] == local.settings.alert_types,
      module.stream_job.property_groups["alerts"]["max_age"] == local.settings.max_alert_age,
      endswith(module.stream_job.property_groups["source"]["stream_arn"], ":stream/${local.settings.stream}"),
      join("; ", [for name, rule in module.stream_job.property_groups[module.facts.rules_group] : "${name}: ${rule}"]) == local.settings.alert_rules,
    ])
    error_message = "The job, the function and the operators alert the same."
  }

  assert {
    condition = output.clickstream_toml == join("", [
      "alert_rules = \"large-orders: purchase where amount_minor >= 100000 to arn:aws:sns:us-east-1:123456789012:clickstream-test-LargeOrders\"\n",
      "alert_types = \"purchase\"\n",
      "alerts_topic_arn = \"arn:aws:sns:us-east-1:123456789012:clickstream-test-PurchaseAlerts\"\n",
      "curated_bucket = \"clickstream-test-curated-123456789012\"\n",
      "database = \"clickstream_test\"\n",
      "dead_letter_queue_url = ${jsonencode(module.alerts.dead_letter_queue_url)}\n",
      "dropped_files_table = \"clickstream-test-dropped-files\"\n",
      "max_alert_age = \"24h\"\n",
      "raw_bucket = \"clickstream-test-raw-123456789012\"\n",
      "raw_database = \"clickstream_test_raw\"\n",
      "raw_objects_queue_url = ${jsonencode(module.compaction.raw_objects_queue_url)}\n",
      "stream = \"clickstream-test-events\"\n",
    ])
    error_message = "Operators get every setting, as TOML."
  }

  assert {
    condition     = length(module.query.named_query_ids) == length(fileset("../../../../analytics/sql/athena/queries", "*.sql")) && local.queries["top_pages"].description == "Which pages are seen most, and by how many users?"
    error_message = "The workgroup keeps the queries of analytics/sql/athena/queries with what they answer."
  }

  assert {
    condition     = strcontains(output.runbook_exports, "export STREAM='clickstream-test-events'\n") && strcontains(output.runbook_exports, "export JOB_LOG='/aws/kinesis-analytics/clickstream-test-alerts'\n")
    error_message = "The runbook's commands get their names."
  }

  assert {
    condition     = toset(keys(module.network.endpoint_ids)) == toset(concat(local.interface_endpoints, ["s3", "dynamodb"])) && contains(local.interface_endpoints, "kms")
    error_message = "The network reaches what the programs call, and the warehouse its key."
  }

  assert {
    condition     = module.query.warehouse_workgroup == "clickstream-test-warehouse" && contains(output.key_users.lake.decrypt, "clickstream-test-spectrum")
    error_message = "A warehouse reads the lake by a role of its own."
  }
}

run "who_is_not_there_is_not_named" {
  command = apply

  variables {
    warehouse          = { enabled = false, base_capacity = 8, max_capacity = 8 }
    trusted_principals = {}
    reader_external_id = null
    subscriptions      = {}
    alert_types        = []
    capacity           = { mode = "ON_DEMAND", shards = null }
  }

  assert {
    condition     = length(output.role_arns) == 0 && length([for role in flatten([for uses in values(output.key_users) : values(uses)]) : role if can(regex("-(analyst|operator|producer|reader|spectrum|crawler)$", role))]) == 0
    error_message = "A role that is not made is in no key's policy."
  }

  assert {
    condition     = local.settings.alert_types == "," && local.capacity.mode == "ON_DEMAND" && local.capacity.shards == null
    error_message = "No types are a lone comma, and a stream on demand has no number of shards."
  }
}

run "a_number_of_shards_that_is_given_is_taken" {
  command = plan

  variables {
    capacity = { mode = "PROVISIONED", shards = 8 }
  }

  assert {
    condition     = local.capacity.shards == 8
    error_message = "Shards are those given."
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    name                  = "Clickstream"
    expected_events_per_s = 0
    event_bytes           = 0
    capacity              = { mode = "ON_DEMAND", shards = 2 }
    availability_zones    = 2
    deployer_role_names   = []
  }

  expect_failures = [
    var.name, var.expected_events_per_s, var.event_bytes, var.capacity, var.availability_zones, var.deployer_role_names,
  ]
}
