data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  account      = data.aws_caller_identity.this.account_id
  account_root = "arn:${local.partition}:iam::${local.account}:root"
  partition    = data.aws_partition.this.partition
  region       = data.aws_region.this.region
  # How KMS names the services of this region, without the service.
  of_region = "${local.region}.${data.aws_partition.this.dns_suffix}"

  # `via`: the services through which the users of a key use it.
  # `creates`: the services that get a grant when something encrypted is created, and work by it from then on.
  # `sends`: those that encrypt under the rights of the creator, and decrypt under those of a role.
  domains = {
    stream    = { what = "The event stream", via = ["kinesis"], creates = ["kinesis"], sends = [] }
    messaging = { what = "Topics, queues and schedules", via = ["sns", "sqs", "scheduler"], creates = [], sends = ["scheduler"] }
    lake = {
      what    = "Buckets, results of queries, tables of functions, and images"
      via     = ["s3", "dynamodb", "glue"]
      creates = ["dynamodb", "ecr", "lambda"]
      sends   = []
    }
    logs = { what = "Log groups and the audit trail", via = ["s3"], creates = [], sends = [] }
    warehouse = {
      what    = "The warehouse and its secret"
      via     = ["redshift", "redshift-serverless", "secretsmanager"]
      creates = ["redshift", "redshift-serverless", "secretsmanager"]
      sends   = []
    }
  }
}

resource "aws_kms_key" "this" {
  for_each = local.domains

  description             = "${each.value.what} of ${var.name}"
  policy                  = data.aws_iam_policy_document.this[each.key].json
  enable_key_rotation     = true
  rotation_period_in_days = var.rotation_period_days
  deletion_window_in_days = var.deletion_window_days
}

resource "aws_kms_alias" "this" {
  for_each = local.domains

  name          = "alias/${var.name}-${each.key}"
  target_key_id = aws_kms_key.this[each.key].arn
}
