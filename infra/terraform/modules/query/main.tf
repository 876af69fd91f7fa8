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
}

resource "aws_athena_workgroup" "this" {
  name          = var.name
  description   = "Queries over the clickstream: encrypted results, and an end to queries that read too much."
  force_destroy = var.force_destroy

  configuration {
    # Whatever a client asks for, its results go here and are encrypted.
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = var.bytes_scanned_limit
    requester_pays_enabled             = false

    # Iceberg tables need it.
    engine_version {
      selected_engine_version = "Athena engine version 3"
    }

    result_configuration {
      output_location       = "s3://${var.athena_results_bucket.name}/${var.name}/"
      expected_bucket_owner = local.account

      encryption_configuration {
        encryption_option = "SSE_KMS"
        kms_key_arn       = var.lake_key_arn
      }
    }
  }
}

resource "aws_athena_named_query" "this" {
  for_each = var.queries

  name        = each.key
  description = each.value.description
  workgroup   = aws_athena_workgroup.this.id
  database    = coalesce(each.value.database, var.database)
  query       = each.value.sql
}
