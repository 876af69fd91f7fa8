# For further prefixes of the raw bucket whose schema is not known. Off by default: docs/adr/0017-crawler-off.md says why.
locals {
  crawler_prefix = "unknown_"
}

resource "aws_glue_crawler" "this" {
  count                  = var.crawler.enabled ? 1 : 0
  name                   = "${var.name}-crawler"
  description            = "Tables for prefixes of the raw bucket whose schema is not known."
  database_name          = aws_glue_catalog_database.raw.name
  role                   = aws_iam_role.crawler[0].arn
  schedule               = var.crawler.schedule
  table_prefix           = local.crawler_prefix
  security_configuration = aws_glue_security_configuration.crawler[0].name

  dynamic "s3_target" {
    for_each = var.crawler.prefixes

    content {
      path = "s3://${var.raw_bucket.name}/${s3_target.value}"
    }
  }

  # It reads what is new, and changes no table that somebody may query: a change is a line in its log.
  recrawl_policy {
    recrawl_behavior = "CRAWL_NEW_FOLDERS_ONLY"
  }

  schema_change_policy {
    update_behavior = "LOG"
    delete_behavior = "LOG"
  }

  configuration = jsonencode({
    Version  = 1.0
    Grouping = { TableGroupingPolicy = "CombineCompatibleSchemas" }
  })
}

resource "aws_glue_security_configuration" "crawler" {
  count = var.crawler.enabled ? 1 : 0
  name  = "${var.name}-crawler"

  encryption_configuration {
    cloudwatch_encryption {
      cloudwatch_encryption_mode = "SSE-KMS"
      kms_key_arn                = var.logs_key_arn
    }

    job_bookmarks_encryption {
      job_bookmarks_encryption_mode = "CSE-KMS"
      kms_key_arn                   = var.lake_key_arn
    }

    s3_encryption {
      s3_encryption_mode = "SSE-KMS"
      kms_key_arn        = var.lake_key_arn
    }
  }
}

data "aws_iam_policy_document" "crawler_trust" {
  statement {
    sid     = "Assume"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["glue.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:glue:${local.region}:${local.account}:*"]
    }
  }
}

resource "aws_iam_role" "crawler" {
  count                = var.crawler.enabled ? 1 : 0
  name                 = "${var.name}-crawler"
  description          = "What the crawler may do: read its prefixes, make tables for them."
  assume_role_policy   = data.aws_iam_policy_document.crawler_trust.json
  permissions_boundary = var.permissions_boundary_arn
}

data "aws_iam_policy_document" "crawler" {
  count = var.crawler.enabled ? 1 : 0

  statement {
    sid       = "ListPrefixes"
    actions   = ["s3:ListBucket"]
    resources = [var.raw_bucket.arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = [for prefix in var.crawler.prefixes : "${prefix}*"]
    }
  }

  # Glue asks for the bucket's region before it crawls.
  statement {
    sid       = "FindBucket"
    actions   = ["s3:GetBucketLocation"]
    resources = [var.raw_bucket.arn]
  }

  statement {
    sid       = "ReadPrefixes"
    actions   = ["s3:GetObject"]
    resources = [for prefix in var.crawler.prefixes : "${var.raw_bucket.arn}/${prefix}*"]
  }

  statement {
    sid       = "UseBucketKey"
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
      values   = [var.raw_bucket.arn, "${var.raw_bucket.arn}/*"]
    }
  }

  # Tables of its own prefix, so that it cannot touch those that are described here.
  statement {
    sid = "KeepTables"
    actions = [
      "glue:BatchCreatePartition",
      "glue:BatchGetPartition",
      "glue:CreateTable",
      "glue:GetDatabase",
      "glue:GetPartition",
      "glue:GetPartitions",
      "glue:GetTable",
      "glue:GetTables",
      "glue:UpdatePartition",
      "glue:UpdateTable",
    ]
    resources = [
      "arn:${local.partition}:glue:${local.region}:${local.account}:catalog",
      "arn:${local.partition}:glue:${local.region}:${local.account}:database/${var.raw_database}",
      "arn:${local.partition}:glue:${local.region}:${local.account}:table/${var.raw_database}/${local.crawler_prefix}*",
    ]
  }

  # Takes no resource.
  statement {
    sid       = "ReadSecurityConfiguration"
    actions   = ["glue:GetSecurityConfiguration"]
    resources = ["*"]
  }

  # Glue makes the group itself, by the names of role and security configuration, and encrypts it with the latter's key.
  statement {
    sid       = "WriteLog"
    actions   = ["logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws-glue/crawlers*"]
  }
}

resource "aws_iam_role_policy" "crawler" {
  count  = var.crawler.enabled ? 1 : 0
  name   = "crawler"
  role   = aws_iam_role.crawler[0].id
  policy = data.aws_iam_policy_document.crawler[0].json
}
