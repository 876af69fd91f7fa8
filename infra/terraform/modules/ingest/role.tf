data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "Firehose"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["firehose.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.firehose_arn]
    }
  }
}

resource "aws_iam_role" "this" {
  name                 = "${var.name}-firehose"
  description          = "Firehose, from the stream to the raw bucket"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.permissions_boundary_arn
}

data "aws_iam_policy_document" "this" {
  statement {
    sid       = "ReadStream"
    actions   = ["kinesis:DescribeStream", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"]
    resources = [aws_kinesis_stream.this.arn]
  }

  statement {
    sid       = "DecryptStream"
    actions   = ["kms:Decrypt"]
    resources = [var.stream_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["kinesis.${local.region}.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:kinesis:arn"
      values   = [aws_kinesis_stream.this.arn]
    }
  }

  statement {
    sid       = "LookAtRawBucket"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
    resources = [var.raw_bucket.arn]
  }

  statement {
    sid     = "WriteRawObjects"
    actions = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
    resources = [
      "${var.raw_bucket.arn}/${module.facts.prefixes.raw}*",
      "${var.raw_bucket.arn}/${module.facts.prefixes.raw_errors}*",
    ]
  }

  # Decrypt is for uploads in parts. The context is the bucket where it has a bucket key, else the object.
  statement {
    sid       = "EncryptRawObjects"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.lake_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${local.region}.amazonaws.com"]
    }

    condition {
      test     = "StringLike"
      variable = "kms:EncryptionContext:aws:s3:arn"
      values = [
        var.raw_bucket.arn,
        "${var.raw_bucket.arn}/${module.facts.prefixes.raw}*",
        "${var.raw_bucket.arn}/${module.facts.prefixes.raw_errors}*",
      ]
    }
  }

  statement {
    sid       = "WriteLog"
    actions   = ["logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:log-stream:${aws_cloudwatch_log_stream.this.name}"]
  }
}

resource "aws_iam_role_policy" "this" {
  name   = "firehose"
  role   = aws_iam_role.this.name
  policy = data.aws_iam_policy_document.this.json
}
