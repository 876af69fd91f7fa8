# The modules that have roles, queues, topics and tables, put together as a deployment is, so that what they render can be
# looked at. It is applied against a provider that calls nobody.
terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0, < 7.0"
    }
  }
}

provider "aws" {
  region = "us-east-1"
}

data "aws_caller_identity" "this" {}

locals {
  name      = "clickstream-test"
  account   = data.aws_caller_identity.this.account_id
  arn       = "arn:aws:kms:us-east-1:${local.account}:key"
  databases = { curated = "clickstream_test", raw = "clickstream_test_raw" }
  subnets   = ["subnet-a", "subnet-b"]
  group     = "sg-tasks"
  boundary  = "arn:aws:iam::${local.account}:policy/${local.name}-boundary"
  publisher = [for role in ["alert-job", "dropped-files", "operator"] : "arn:aws:iam::${local.account}:role/${local.name}-${role}"]
}

module "lake" {
  source       = "../../../../infra/terraform/modules/lake"
  name         = local.name
  lake_key_arn = "${local.arn}/lake"
  logs_key_arn = "${local.arn}/logs"
}

module "ingest" {
  source                   = "../../../../infra/terraform/modules/ingest"
  name                     = local.name
  raw_bucket               = module.lake.buckets.raw
  stream_key_arn           = "${local.arn}/stream"
  lake_key_arn             = "${local.arn}/lake"
  logs_key_arn             = "${local.arn}/logs"
  permissions_boundary_arn = local.boundary
}

module "alerts" {
  source              = "../../../../infra/terraform/modules/alerts"
  name                = local.name
  messaging_key_arn   = "${local.arn}/messaging"
  publisher_role_arns = local.publisher
  rule_topics         = ["LargeOrders"]
  alert_rules         = { big-order = { event_type = "purchase", where = "amount_minor >= 100000", topic = "LargeOrders" } }

  subscriptions = {
    germany = {
      protocol = "sqs"
      endpoint = "arn:aws:sqs:us-east-1:${local.account}:germany"
      filter   = { country = ["DE"] }
      numeric  = { amount_minor = { ">=" = 1000 } }
    }
    everything = {
      protocol = "sqs"
      endpoint = "arn:aws:sqs:us-east-1:${local.account}:everything"
    }
  }
}

module "stream_job" {
  source                   = "../../../../infra/terraform/modules/stream_job"
  name                     = local.name
  artifacts_bucket         = module.lake.buckets.artifacts
  package_key              = "alerts/2026-11-26.zip"
  stream_arn               = module.ingest.stream_arn
  topic_arns               = module.alerts.topic_arns
  alert_rules              = module.alerts.alert_rules
  dead_letter_queue_arn    = module.alerts.dead_letter_queue_arn
  dead_letter_queue_url    = module.alerts.dead_letter_queue_url
  curated_bucket           = module.lake.buckets.curated
  stream_key_arn           = "${local.arn}/stream"
  messaging_key_arn        = "${local.arn}/messaging"
  lake_key_arn             = "${local.arn}/lake"
  logs_key_arn             = "${local.arn}/logs"
  vpc                      = { subnet_ids = local.subnets, security_group_ids = [local.group] }
  permissions_boundary_arn = local.boundary
}

module "dropped_files" {
  source                   = "../../../../infra/terraform/modules/dropped_files"
  name                     = local.name
  raw_bucket               = module.lake.buckets.raw
  curated_bucket           = module.lake.buckets.curated
  artifacts_bucket         = module.lake.buckets.artifacts
  package_key              = "dropped-files/2026-11-26.zip"
  topic_arns               = module.alerts.topic_arns
  alert_rules              = module.alerts.alert_rules
  dead_letter_queue_arn    = module.alerts.dead_letter_queue_arn
  dead_letter_queue_url    = module.alerts.dead_letter_queue_url
  messaging_key_arn        = "${local.arn}/messaging"
  lake_key_arn             = "${local.arn}/lake"
  logs_key_arn             = "${local.arn}/logs"
  subnet_ids               = local.subnets
  security_group_id        = local.group
  permissions_boundary_arn = local.boundary
}

module "compaction" {
  source                   = "../../../../infra/terraform/modules/compaction"
  name                     = local.name
  image                    = "${local.account}.dkr.ecr.us-east-1.amazonaws.com/${local.name}-compaction@sha256:${sha256("an image")}"
  raw_bucket               = module.lake.buckets.raw
  curated_bucket           = module.lake.buckets.curated
  databases                = local.databases
  lake_key_arn             = "${local.arn}/lake"
  messaging_key_arn        = "${local.arn}/messaging"
  logs_key_arn             = "${local.arn}/logs"
  subnet_ids               = local.subnets
  security_group_id        = local.group
  permissions_boundary_arn = local.boundary

  settings = {
    CLICKSTREAM_STREAM                = module.ingest.stream_name
    CLICKSTREAM_ALERTS_TOPIC_ARN      = module.alerts.topic_arn
    CLICKSTREAM_DEAD_LETTER_QUEUE_URL = module.alerts.dead_letter_queue_url
  }
}

module "catalog" {
  source                   = "../../../../infra/terraform/modules/catalog"
  name                     = local.name
  raw_bucket               = module.lake.buckets.raw
  curated_bucket           = module.lake.buckets.curated
  database                 = local.databases.curated
  raw_database             = local.databases.raw
  lake_key_arn             = "${local.arn}/lake"
  logs_key_arn             = "${local.arn}/logs"
  permissions_boundary_arn = local.boundary
}

module "access" {
  source                = "../../../../infra/terraform/modules/access"
  name                  = local.name
  stream_arn            = module.ingest.stream_arn
  workgroup_arn         = "arn:aws:athena:us-east-1:${local.account}:workgroup/${local.name}"
  lake                  = module.lake.buckets
  databases             = local.databases
  lake_key_arn          = "${local.arn}/lake"
  stream_key_arn        = "${local.arn}/stream"
  messaging_key_arn     = "${local.arn}/messaging"
  topic_arns            = module.alerts.topic_arns
  dead_letter_queue_arn = module.alerts.dead_letter_queue_arn
  application_arn       = module.stream_job.application_arn
  log_group_names       = [module.stream_job.log_group_name]

  redrives = {
    dropped-files = {
      dead_letter_queue_arn = module.dropped_files.dead_queue_arn
      source_queue_arn      = module.dropped_files.queue_arn
    }
  }

  compaction = {
    cluster_arn           = module.compaction.cluster_arn
    task_family           = module.compaction.task_family
    role_arns             = [module.compaction.role_arn, module.compaction.execution_role_arn]
    raw_objects_queue_arn = module.compaction.raw_objects_queue_arn
  }

  trusted_principals = {
    analyst  = ["arn:aws:iam::${local.account}:role/people"]
    operator = ["arn:aws:iam::${local.account}:role/people"]
    producer = ["arn:aws:iam::${local.account}:role/shop"]
    reader   = ["arn:aws:iam::210987654321:root"]
  }
  reader_external_id = "agreed-with-the-reader"
}
