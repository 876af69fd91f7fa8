data "aws_iam_policy_document" "reader" {
  statement {
    sid       = "ReadCatalog"
    actions   = local.glue_reads
    resources = ["${local.glue}:catalog", "${local.glue}:database/${var.databases.curated}", "${local.glue}:table/${var.databases.curated}/*"]
  }

  statement {
    sid       = "ReadTables"
    actions   = ["s3:GetObject"]
    resources = local.table_folders
  }

  statement {
    sid       = "FindBucket"
    actions   = ["s3:GetBucketLocation"]
    resources = [var.lake.curated.arn]
  }

  statement {
    sid       = "ListTables"
    actions   = ["s3:ListBucket"]
    resources = [var.lake.curated.arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = flatten([for table in module.facts.tables : [table, "${table}/*"]])
    }
  }

  statement {
    sid       = "DecryptTables"
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
      values   = [var.lake.curated.arn, "${var.lake.curated.arn}/*"]
    }
  }
}
