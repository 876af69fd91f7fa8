output "prefixes" {
  description = "Prefixes of keys in the buckets, each with its slash: raw and raw_errors in the raw bucket, the others in the curated one."
  value = {
    raw          = tostring(local.facts.prefixes.raw)
    raw_errors   = tostring(local.facts.prefixes.raw_errors)
    receipts     = tostring(local.facts.prefixes.receipts)
    dead_letters = tostring(local.facts.prefixes.dead_letters)
    validations  = tostring(local.facts.prefixes.validations)
  }
}

output "hour_folder" {
  description = "Folder of the hour below the raw prefix, as Firehose takes it in a prefix."
  value       = tostring(local.facts.hour_folder)
}

output "raw_table" {
  description = "The Hive table over the raw objects. BUCKET in its parameters stands for the name of the raw bucket."
  value       = local.hive_tables.raw
}

output "receipts_table" {
  description = "The Hive table over the receipts. BUCKET in its parameters stands for the name of the curated bucket."
  value       = local.hive_tables.receipts
}

output "tables" {
  description = "Names of the Iceberg tables."
  value       = tolist(local.facts.tables)
}

output "settings" {
  description = "Environment variable of each setting of the programs, by the setting's name."
  value       = tomap(local.facts.settings)
}

output "properties" {
  description = "Properties of the alert job: group -> key -> default, null for one that has to be given."
  value       = { for group, keys in local.facts.properties : group => tomap({ for key, default in keys : key => default == null ? null : tostring(default) }) }
}

output "rules_group" {
  description = "The property group whose keys are names of further alert rules."
  value       = tostring(local.facts.rules_group)
}

output "run_options_group" {
  description = "The property group that tells the service what to start."
  value       = tostring(local.facts.run_options_group)
}

output "run_options" {
  description = "What is in that group: the files of the job's package."
  value       = tomap(local.facts.run_options)
}

output "message_attributes" {
  description = "Message attributes of an alert, on which subscriptions can filter."
  value       = tolist(local.facts.message_attributes)
}

output "handlers" {
  description = "What is called: the function for dropped files, the compaction as a function, and the compaction as the entry point of a container."
  value = {
    dropped_files          = tostring(local.facts.handlers.dropped_files)
    compaction_function    = tostring(local.facts.handlers.compaction_function)
    compaction_entry_point = tolist(local.facts.handlers.compaction_entry_point)
  }
}

output "schedules" {
  description = "What the compaction's image is started with and when: name -> expression of EventBridge Scheduler, in UTC, and command."
  value = {
    for name in ["compact", "enrich", "reconcile", "validate", "maintain"] : name => {
      expression = tostring(local.facts.schedules[name].expression)
      command    = tolist(local.facts.schedules[name].command)
    }
  }
}

output "dropped_files" {
  description = "The function for dropped files: its timeout and memory, how its queue hides, retries and batches messages, and the key and the time to live of its table."
  value = {
    timeout_s    = tonumber(local.facts.dropped_files.timeout_s)
    visibility_s = tonumber(local.facts.dropped_files.visibility_s)
    batch_size   = tonumber(local.facts.dropped_files.batch_size)
    max_receives = tonumber(local.facts.dropped_files.max_receives)
    memory_mib   = tonumber(local.facts.dropped_files.memory_mib)
    table_key    = tostring(local.facts.dropped_files.table_key)
    table_ttl    = tostring(local.facts.dropped_files.table_ttl)
  }
}

output "operator" {
  description = "What the commands of an operator keep beside the data: marks of redrives below the dead letters, objects of repaired lines below the raw prefix, and what the names of the queues begin with through which alerts are watched."
  value = {
    redriven_prefix    = tostring(local.facts.operator.redriven_prefix)
    repaired_prefix    = tostring(local.facts.operator.repaired_prefix)
    watch_queue_prefix = tostring(local.facts.operator.watch_queue_prefix)
  }
}

output "flink" {
  description = "The alert job's runtime, its checkpoints, and its parallelism for each processing unit."
  value = {
    runtime                = tostring(local.facts.flink.runtime)
    checkpoint_interval_ms = tonumber(local.facts.flink.checkpoint_interval_ms)
    min_pause_ms           = tonumber(local.facts.flink.min_pause_ms)
    parallelism_per_kpu    = tonumber(local.facts.flink.parallelism_per_kpu)
  }
}

output "metrics" {
  description = "What the programs count in CloudWatch, by program: namespace, the one dimension, and the names."
  value = {
    for program in ["compaction", "validation", "job"] : program => {
      namespace = tostring(local.facts.metrics[program].namespace)
      dimension = tostring(local.facts.metrics[program].dimension)
      names     = tolist(local.facts.metrics[program].names)
    }
  }
}

output "stream" {
  description = "What a shard takes, and for how many times the expected bytes a provisioned stream has shards."
  value = {
    headroom          = tonumber(local.facts.stream.headroom)
    shard_bytes_per_s = tonumber(local.facts.stream.shard_bytes_per_s)
  }
}

output "firehose" {
  description = "When Firehose delivers, and the extension of what it delivers."
  value = {
    buffer_mib     = tonumber(local.facts.firehose.buffer_mib)
    buffer_seconds = tonumber(local.facts.firehose.buffer_seconds)
    extension      = tostring(local.facts.firehose.extension)
  }
}

output "runtimes" {
  description = "The Python of Lambda, and the processor of each program: of the function as Lambda names it, of the container as ECS does."
  value = {
    python = tostring(local.facts.runtimes.python)
    architectures = {
      dropped_files = tostring(local.facts.runtimes.architectures.dropped_files)
      compaction    = tostring(local.facts.runtimes.architectures.compaction)
    }
  }
}
