run "outputs_are_what_the_programs_define" {
  command = plan

  assert {
    condition     = alltrue([for prefix in values(output.prefixes) : endswith(prefix, "/") && !startswith(prefix, "/")])
    error_message = "Prefixes are folders: they end in a slash and do not begin with one."
  }

  assert {
    condition     = length(distinct(values(output.prefixes))) == 5 && output.prefixes.raw == "clickstream/"
    error_message = "Each kind of object has its own prefix; the raw objects are below clickstream/."
  }

  assert {
    condition     = startswith(output.operator.redriven_prefix, output.prefixes.dead_letters) && startswith(output.operator.repaired_prefix, output.prefixes.raw) && length(output.operator.watch_queue_prefix) > 0
    error_message = "Marks lie below the dead letters, and repaired lines below the raw prefix."
  }

  assert {
    condition     = output.hour_folder == "year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/hour=!{timestamp:HH}/"
    error_message = "Firehose has to write the hour folders that the tables project."
  }

  assert {
    condition     = alltrue([for name in ["stream", "raw_bucket", "curated_bucket", "alerts_topic_arn", "dead_letter_queue_url"] : output.settings[name] == "CLICKSTREAM_${upper(name)}"])
    error_message = "The programs read their settings from CLICKSTREAM_ variables."
  }

  assert {
    condition     = toset(keys(output.properties)) == toset(["source", "alerts", "delivery"])
    error_message = "The job's property groups are source, alerts and delivery, beside the rules and the run options."
  }

  assert {
    condition = toset(flatten([
      for group, keys in output.properties : [for key, default in keys : "${group}/${key}" if default == null]
    ])) == toset(["source/stream_arn", "alerts/topic_arn", "delivery/dead_letter_queue_url", "delivery/curated_bucket"])
    error_message = "What has no default has to be given by the module of the job, which gives these four."
  }

  assert {
    condition     = toset(keys(output.run_options)) == toset(["python", "jarfile", "pyFiles"])
    error_message = "The service is told of the program, its jar and its folder of packages."
  }

  assert {
    condition     = length(output.message_attributes) > 0 && length(output.message_attributes) <= 5
    error_message = "An alert has at most five message attributes."
  }
}

run "hive_tables_are_whole" {
  command = plan

  assert {
    condition     = [for key in output.raw_table.partition_keys : key.name] == ["year", "month", "day", "hour"] && [for key in output.receipts_table.partition_keys : key.name] == ["year", "month", "day", "hour"]
    error_message = "Both tables are in hour folders."
  }

  assert {
    condition     = length(output.raw_table.columns) > 0 && length(output.receipts_table.columns) > 0
    error_message = "A table without columns says nothing."
  }

  assert {
    condition     = output.raw_table.parameters["storage.location.template"] == "s3://BUCKET/${output.prefixes.raw}year=$${year}/month=$${month}/day=$${day}/hour=$${hour}/"
    error_message = "The raw table's partitions are projected below the raw prefix of a bucket that is put in for BUCKET."
  }

  assert {
    condition     = output.receipts_table.parameters["storage.location.template"] == "s3://BUCKET/${output.receipts_table.location_prefix}year=$${year}/month=$${month}/day=$${day}/hour=$${hour}/"
    error_message = "The receipts' partitions are projected below their prefix of a bucket that is put in for BUCKET."
  }

  assert {
    condition     = contains(output.tables, "fact_clicks") && contains(output.tables, "dim_users")
    error_message = "The Iceberg tables hold the facts and the users."
  }
}

run "times_hang_together" {
  command = plan

  assert {
    condition     = output.dropped_files.visibility_s >= 6 * output.dropped_files.timeout_s
    error_message = "Lambda asks for a visibility timeout of six times the function's timeout."
  }

  assert {
    condition     = output.dropped_files.timeout_s <= 900 && output.dropped_files.memory_mib >= 128 && output.dropped_files.batch_size <= 10000
    error_message = "The function's timeout, memory and batch are what Lambda takes."
  }

  assert {
    condition     = output.firehose.buffer_seconds < 1200 && output.firehose.buffer_mib >= 1 && output.firehose.buffer_mib <= 128
    error_message = "Firehose has to deliver before the compaction closes the hour, 20 minutes after its end."
  }

  assert {
    condition     = output.flink.min_pause_ms < output.flink.checkpoint_interval_ms
    error_message = "A pause as long as the interval would halve the checkpoints."
  }

  assert {
    condition     = alltrue([for schedule in values(output.schedules) : can(regex("^cron\\([0-9]+ ([0-9]+|\\*) \\* \\* \\? \\*\\)$", schedule.expression))])
    error_message = "Schedules are cron expressions of EventBridge Scheduler."
  }

  assert {
    condition     = length(distinct([for schedule in values(output.schedules) : schedule.expression])) == 5
    error_message = "No two runs begin at the same time."
  }

  assert {
    condition     = output.schedules.compact.command[0] == "compact" && output.schedules.enrich.command[0] == "enrich" && output.schedules.maintain.command[0] == "maintain" && contains(output.schedules.reconcile.command, "--reconcile")
    error_message = "Each schedule has its command."
  }
}

run "alarms_find_their_metrics" {
  command = plan

  assert {
    condition     = alltrue([for name in ["Runs", "HoursHeld", "ObjectsUnread", "Duration", "PeakMemory"] : contains(output.metrics.compaction.names, name)])
    error_message = "The compaction counts what its alarms are about."
  }

  assert {
    condition     = contains(output.metrics.validation.names, "Anomalies") && output.metrics.validation.namespace != output.metrics.compaction.namespace
    error_message = "The validation counts anomalies, in a namespace of its own."
  }

  assert {
    condition     = contains(output.metrics.job.names, "oldest_unsettled_ms") && contains(output.metrics.job.names, "failing_for_ms")
    error_message = "The job counts what its alarms are about."
  }
}
