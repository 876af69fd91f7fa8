locals {
  role_arn_prefix = "arn:${data.aws_partition.this.partition}:iam::${data.aws_caller_identity.this.account_id}:role/${var.name}"

  # Glue knows no hyphens where SQL does not want them quoted.
  database  = replace(var.name, "-", "_")
  databases = { curated = local.database, raw = "${local.database}_raw" }

  # What the job, the function and the task call, and of a warehouse the key's service. S3 and DynamoDB have gateways.
  interface_endpoints = concat(
    ["ecr_api", "ecr_dkr", "glue", "kinesis", "logs", "monitoring", "sns", "sqs", "sts"],
    var.warehouse.enabled ? ["kms"] : [],
  )

  # As the cost is reckoned: shards for twice what is expected on average.
  needed_shards = max(1, ceil(
    module.facts.stream.headroom * var.expected_events_per_s * var.event_bytes / module.facts.stream.shard_bytes_per_s
  ))
  capacity = {
    mode   = var.capacity.mode
    shards = var.capacity.mode == "PROVISIONED" ? coalesce(var.capacity.shards, local.needed_shards) : null
  }

  lake_formation = {
    enabled = var.lake_formation
    writers = { for role in concat(["compaction"], local.people.operator) : role => "${local.role_arn_prefix}-${role}" }
    readers = { for role in concat(local.people.analyst, local.people.reader, local.warehouse_roles) : role => "${local.role_arn_prefix}-${role}" }
  }

  # What an operator puts back into its queue, and what can only be looked at: what a subscriber did not take is redriven by SNS
  # alone, and a run that did not start is done by the next one.
  redrives = merge(
    {
      dropped-files = {
        dead_letter_queue_arn = module.dropped_files.dead_queue_arn
        source_queue_arn      = module.dropped_files.queue_arn
      }
      schedules = { dead_letter_queue_arn = module.compaction.schedule_dead_letter_queue_arn, source_queue_arn = null }
    },
    {
      for name, arn in module.alerts.subscription_dead_letter_queue_arns :
      "subscription-${name}" => { dead_letter_queue_arn = arn, source_queue_arn = null }
    },
  )

  # The first line of each file is a comment that says what is answered.
  query_files = fileset(local.query_folder, "*.sql")
  queries = {
    for file in local.query_files : trimsuffix(file, ".sql") => {
      description = trimprefix(split("\n", file("${local.query_folder}/${file}"))[0], "-- ")
      sql         = file("${local.query_folder}/${file}")
    }
  }
  query_folder = "${path.module}/../../../../analytics/sql/athena/queries"
}
