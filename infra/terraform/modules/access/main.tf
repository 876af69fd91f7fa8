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

  results_prefix = coalesce(var.results_prefix, "${var.name}/")
  glue           = "arn:${local.partition}:glue:${local.region}:${local.account}"

  roles = {
    analyst  = "Queries the tables in the workgroup of Athena."
    operator = "Runs the commands of the clickstream: dead letters, compaction, rollback, quarantine, watching."
    producer = "Puts events into the stream."
    reader   = "Reads the curated tables from another account."
  }
  people = ["analyst", "operator"]
  made   = { for role, description in local.roles : role => description if length(var.trusted_principals[role]) > 0 }
  policies = {
    analyst  = data.aws_iam_policy_document.analyst.json
    operator = data.aws_iam_policy_document.operator.json
    producer = data.aws_iam_policy_document.producer.json
    reader   = data.aws_iam_policy_document.reader.json
  }

  table_folders = [for table in module.facts.tables : "${var.lake.curated.arn}/${table}/*"]
  read_folders = concat(local.table_folders, [
    "${var.lake.curated.arn}/${module.facts.prefixes.receipts}*",
    "${var.lake.raw.arn}/${module.facts.prefixes.raw}*",
  ])
  read_tables = concat(
    ["${local.glue}:catalog"],
    flatten([for database in values(var.databases) : ["${local.glue}:database/${database}", "${local.glue}:table/${database}/*"]]),
  )
  glue_reads = [
    "glue:BatchGetPartition",
    "glue:GetDatabase",
    "glue:GetDatabases",
    "glue:GetPartition",
    "glue:GetPartitions",
    "glue:GetTable",
    "glue:GetTables",
  ]
}

data "aws_iam_policy_document" "trust" {
  for_each = local.made

  statement {
    sid     = "Assume"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = var.trusted_principals[each.key]
    }

    dynamic "condition" {
      for_each = var.require_mfa && contains(local.people, each.key) ? [1] : []

      content {
        test     = "Bool"
        variable = "aws:MultiFactorAuthPresent"
        values   = ["true"]
      }
    }

    dynamic "condition" {
      for_each = each.key == "reader" ? [var.reader_external_id] : []

      content {
        test     = "StringEquals"
        variable = "sts:ExternalId"
        values   = [condition.value]
      }
    }
  }
}

resource "aws_iam_role" "this" {
  for_each = local.made

  name                 = "${var.name}-${each.key}"
  description          = each.value
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  permissions_boundary = aws_iam_policy.boundary.arn
  max_session_duration = contains(local.people, each.key) ? var.session_hours * 3600 : 3600
}

resource "aws_iam_role_policy" "this" {
  for_each = local.made

  name   = each.key
  role   = aws_iam_role.this[each.key].id
  policy = local.policies[each.key]
}
