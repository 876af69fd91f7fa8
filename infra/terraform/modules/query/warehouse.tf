locals {
  has_warehouse = var.warehouse.enabled
  warehouse     = "${var.name}-warehouse"
  log_exports   = ["connectionlog", "useractivitylog", "userlog"]
}

resource "aws_redshiftserverless_namespace" "this" {
  count                = local.has_warehouse ? 1 : 0
  namespace_name       = local.warehouse
  db_name              = "clickstream"
  kms_key_id           = var.warehouse_key_arn
  iam_roles            = [aws_iam_role.spectrum[0].arn]
  default_iam_role_arn = aws_iam_role.spectrum[0].arn
  log_exports          = local.log_exports

  # Secrets Manager makes the password and turns it over; it is in no state and no plan.
  manage_admin_password            = true
  admin_password_secret_kms_key_id = var.warehouse_key_arn

  # Redshift would make these groups by itself, with no key of ours and without an end.
  depends_on = [aws_cloudwatch_log_group.warehouse]
}

resource "aws_redshiftserverless_workgroup" "this" {
  count                = local.has_warehouse ? 1 : 0
  workgroup_name       = local.warehouse
  namespace_name       = aws_redshiftserverless_namespace.this[0].namespace_name
  base_capacity        = var.warehouse.base_capacity
  max_capacity         = var.warehouse.max_capacity
  enhanced_vpc_routing = true
  publicly_accessible  = false
  subnet_ids           = var.subnet_ids
  security_group_ids   = [aws_security_group.warehouse[0].id, var.security_group_id]

  # All that there are: AWS fills in what is not given, which a plan would show as a change each time.
  dynamic "config_parameter" {
    for_each = {
      auto_mv                          = "true"
      datestyle                        = "ISO, MDY"
      enable_case_sensitive_identifier = "false"
      enable_user_activity_logging     = "true"
      max_query_execution_time         = tostring(var.warehouse.max_query_s)
      query_group                      = "default"
      require_ssl                      = "true"
      search_path                      = "$user, public"
      use_fips_ssl                     = "false"
    }

    content {
      parameter_key   = config_parameter.key
      parameter_value = config_parameter.value
    }
  }

  lifecycle {
    precondition {
      condition     = length(var.subnet_ids) >= 3
      error_message = "A warehouse needs subnets in three availability zones."
    }

    precondition {
      condition     = var.vpc_id != null && var.security_group_id != null
      error_message = "A warehouse needs vpc_id and security_group_id."
    }
  }
}

# A query that goes astray, or somebody who leaves one running, costs so much and no more.
resource "aws_redshiftserverless_usage_limit" "this" {
  count         = local.has_warehouse ? 1 : 0
  resource_arn  = aws_redshiftserverless_workgroup.this[0].arn
  usage_type    = "serverless-compute"
  period        = "daily"
  amount        = var.warehouse.daily_rpu_hours
  breach_action = "deactivate"
}

resource "aws_cloudwatch_log_group" "warehouse" {
  #checkov:skip=CKV_AWS_338:how long logs are kept is said by the environment, and less than a year is enough for connections and statements
  for_each = local.has_warehouse ? toset(local.log_exports) : []

  name              = "/aws/redshift/${local.warehouse}/${each.key}"
  kms_key_id        = var.logs_key_arn
  retention_in_days = var.log_retention_days
}

# Who may connect. The way out to S3 and Glue is the security group that the module is given.
resource "aws_security_group" "warehouse" {
  count       = local.has_warehouse ? 1 : 0
  name        = local.warehouse
  description = "Connections to the warehouse"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "warehouse" {
  for_each = local.has_warehouse ? toset(var.warehouse.client_security_group_ids) : []

  security_group_id            = aws_security_group.warehouse[0].id
  description                  = "SQL clients"
  referenced_security_group_id = each.key
  ip_protocol                  = "tcp"
  from_port                    = 5439
  to_port                      = 5439
}

data "aws_iam_policy_document" "spectrum_trust" {
  statement {
    sid     = "Assume"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["redshift.amazonaws.com", "redshift-serverless.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_iam_role" "spectrum" {
  count                = local.has_warehouse ? 1 : 0
  name                 = "${var.name}-spectrum"
  description          = "What the warehouse may do outside of itself: read the tables of the lake."
  assume_role_policy   = data.aws_iam_policy_document.spectrum_trust.json
  permissions_boundary = var.permissions_boundary_arn
}

data "aws_iam_policy_document" "spectrum" {
  count = local.has_warehouse ? 1 : 0

  statement {
    sid = "ReadCatalog"
    actions = [
      "glue:BatchGetPartition",
      "glue:GetDatabase",
      "glue:GetDatabases",
      "glue:GetPartition",
      "glue:GetPartitions",
      "glue:GetTable",
      "glue:GetTables",
    ]
    resources = concat(
      ["arn:${local.partition}:glue:${local.region}:${local.account}:catalog"],
      flatten([
        for database in [var.database, var.raw_database] : [
          "arn:${local.partition}:glue:${local.region}:${local.account}:database/${database}",
          "arn:${local.partition}:glue:${local.region}:${local.account}:table/${database}/*",
        ]
      ]),
    )
  }

  statement {
    sid     = "ReadObjects"
    actions = ["s3:GetObject"]
    resources = concat(
      [for table in module.facts.tables : "${var.curated_bucket.arn}/${table}/*"],
      ["${var.curated_bucket.arn}/${module.facts.prefixes.receipts}*", "${var.raw_bucket.arn}/${module.facts.prefixes.raw}*"],
    )
  }

  statement {
    sid       = "ListBuckets"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = [var.curated_bucket.arn, var.raw_bucket.arn]
  }

  statement {
    sid       = "UseBucketsKey"
    actions   = ["kms:Decrypt"]
    resources = [var.lake_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${local.region}.${local.dns}"]
    }

    condition {
      test     = "StringLike"
      variable = "kms:EncryptionContext:aws:s3:arn"
      values = flatten([
        for bucket in [var.raw_bucket, var.curated_bucket] : [bucket.arn, "${bucket.arn}/*"]
      ])
    }
  }
}

resource "aws_iam_role_policy" "spectrum" {
  count  = local.has_warehouse ? 1 : 0
  name   = "spectrum"
  role   = aws_iam_role.spectrum[0].id
  policy = data.aws_iam_policy_document.spectrum[0].json
}
