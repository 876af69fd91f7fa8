module "facts" {
  source = "../facts"
}

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

locals {
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition
  region    = data.aws_region.this.region
  dns       = data.aws_partition.this.dns_suffix

  is_fargate = var.engine == "fargate"
  is_glue    = var.engine == "glue"
  has_task   = local.is_fargate && var.image != null
  schedules  = local.has_task || local.is_glue ? module.facts.schedules : {}

  family         = "${var.name}-compaction"
  container      = "compaction"
  scratch        = "/tmp"
  log_group_name = local.is_fargate ? "/ecs/${local.family}" : "/aws-glue/jobs/${local.family}"

  environment = merge(var.settings, {
    (module.facts.settings.raw_bucket)            = var.raw_bucket.name
    (module.facts.settings.curated_bucket)        = var.curated_bucket.name
    (module.facts.settings.database)              = var.databases.curated
    (module.facts.settings.raw_database)          = var.databases.raw
    (module.facts.settings.raw_objects_queue_url) = aws_sqs_queue.raw_objects.url
  })
  # What the program refuses to start without, though the compaction itself calls none of it.
  required_settings = [
    module.facts.settings.stream,
    module.facts.settings.alerts_topic_arn,
    module.facts.settings.dead_letter_queue_url,
  ]
  missing_settings = setsubtract(local.required_settings, keys(var.settings))
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:how long logs are kept is said by the environment, and less than a year is enough for logs of runs
  name              = local.log_group_name
  kms_key_id        = var.logs_key_arn
  retention_in_days = var.log_retention_days
}
