# A deployment with everything in it that has a role, a queue or a table, so that what is rendered can be looked at. It is
# applied against a provider that calls nobody.
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
  name    = "clickstream-test"
  account = data.aws_caller_identity.this.account_id
}

module "pipeline" {
  source = "../../../../infra/terraform/modules/pipeline"

  name                   = local.name
  expected_events_per_s  = 100
  event_bytes            = 500
  capacity               = { mode = "ON_DEMAND", shards = null }
  retention_hours        = 24
  buffer_mib             = 128
  buffer_seconds         = 300
  parallelism            = 1
  compaction             = { cpu = 1024, memory_mib = 4096, disk_gib = 21 }
  warehouse              = { enabled = true, base_capacity = 8, max_capacity = 8 }
  availability_zones     = 3
  raw_archive_after_days = 30
  raw_expire_after_days  = 120
  log_retention_days     = 14
  ops_endpoints          = ["ops@example.com"]
  runbook_url            = "https://git.example.com/clickstream/docs/runbook.md"
  monthly_budget_usd     = 400
  deployer_role_names    = ["deployer"]

  alerts_package_key        = "alerts/0123.zip"
  dropped_files_package_key = "dropped-files/4567.zip"
  compaction_image          = "${local.account}.dkr.ecr.us-east-1.amazonaws.com/${local.name}-compaction@sha256:${sha256("an image")}"
  crawler                   = { enabled = true, prefixes = ["partner/"] }

  rule_topics = ["LargeOrders"]
  alert_rules = {
    large-orders = { event_type = "purchase", where = "amount_minor >= 100000", topic = "LargeOrders" }
  }

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

  trusted_principals = {
    analyst  = ["arn:aws:iam::${local.account}:role/people"]
    operator = ["arn:aws:iam::${local.account}:role/people"]
    producer = ["arn:aws:iam::${local.account}:role/shop"]
    reader   = ["arn:aws:iam::210987654321:root"]
  }
  reader_external_id = "agreed-with-the-reader"
}
