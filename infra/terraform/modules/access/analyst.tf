data "aws_iam_policy_document" "analyst" {
  statement {
    sid = "Query"
    actions = [
      "athena:BatchGetNamedQuery",
      "athena:BatchGetQueryExecution",
      "athena:GetNamedQuery",
      "athena:GetQueryExecution",
      "athena:GetQueryResults",
      "athena:GetQueryRuntimeStatistics",
      "athena:GetWorkGroup",
      "athena:ListNamedQueries",
      "athena:ListQueryExecutions",
      "athena:StartQueryExecution",
      "athena:StopQueryExecution",
    ]
    resources = [var.workgroup_arn]
  }

  statement {
    sid       = "ReadCatalog"
    actions   = local.glue_reads
    resources = local.read_tables
  }

  statement {
    sid       = "ReadObjects"
    actions   = ["s3:GetObject"]
    resources = local.read_folders
  }

  statement {
    sid       = "ListBuckets"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = [var.lake.raw.arn, var.lake.curated.arn, var.lake.athena_results.arn]
  }

  # Athena writes results under the rights of whoever asked.
  statement {
    sid       = "KeepResults"
    actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
    resources = ["${var.lake.athena_results.arn}/${local.results_prefix}*"]
  }

  statement {
    sid       = "DecryptObjects"
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
        for bucket in [var.lake.raw, var.lake.curated, var.lake.athena_results] : [bucket.arn, "${bucket.arn}/*"]
      ])
    }
  }

  statement {
    sid       = "EncryptResults"
    actions   = ["kms:GenerateDataKey"]
    resources = [var.lake_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${local.region}.${local.dns}"]
    }

    condition {
      test     = "StringLike"
      variable = "kms:EncryptionContext:aws:s3:arn"
      values   = [var.lake.athena_results.arn, "${var.lake.athena_results.arn}/*"]
    }
  }
}
