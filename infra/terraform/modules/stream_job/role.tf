data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "Flink"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["kinesisanalytics.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.application_arn]
    }
  }
}

resource "aws_iam_role" "this" {
  name                 = "${var.name}-alert-job"
  description          = "The alert job, from the stream to the topics"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.permissions_boundary_arn
}

resource "aws_iam_role_policy" "this" {
  name   = "alert-job"
  role   = aws_iam_role.this.name
  policy = data.aws_iam_policy_document.this.json
}

locals {
  written_prefixes = [module.facts.prefixes.dead_letters, module.facts.prefixes.receipts]
  subnet_arns      = [for id in try(var.vpc.subnet_ids, []) : "arn:${local.partition}:ec2:${local.region}:${local.account}:subnet/${id}"]
  group_arns       = [for id in try(var.vpc.security_group_ids, []) : "arn:${local.partition}:ec2:${local.region}:${local.account}:security-group/${id}"]
  interface_arn    = "arn:${local.partition}:ec2:${local.region}:${local.account}:network-interface/*"
}

data "aws_iam_policy_document" "this" {
  statement {
    sid       = "ReadStream"
    actions   = ["kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"]
    resources = [var.stream_arn]
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
      values   = [var.stream_arn]
    }
  }

  statement {
    sid       = "PublishAlerts"
    actions   = ["sns:Publish"]
    resources = values(var.topic_arns)
  }

  statement {
    sid       = "SendDeadLetters"
    actions   = ["sqs:SendMessage"]
    resources = [var.dead_letter_queue_arn]
  }

  statement {
    sid       = "EncryptAlerts"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.messaging_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["sns.${local.region}.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:sns:topicArn"
      values   = values(var.topic_arns)
    }
  }

  statement {
    sid       = "EncryptDeadLetters"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.messaging_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["sqs.${local.region}.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:sqs:arn"
      values   = [var.dead_letter_queue_arn]
    }
  }

  statement {
    sid       = "WriteReceiptsAndLetters"
    actions   = ["s3:PutObject"]
    resources = [for prefix in local.written_prefixes : "${var.curated_bucket.arn}/${prefix}*"]
  }

  # The context is the bucket where it has a bucket key, else the object.
  statement {
    sid       = "EncryptReceiptsAndLetters"
    actions   = ["kms:GenerateDataKey"]
    resources = [var.lake_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${local.region}.amazonaws.com"]
    }

    condition {
      test     = "StringLike"
      variable = "kms:EncryptionContext:aws:s3:arn"
      values   = concat([var.curated_bucket.arn], [for prefix in local.written_prefixes : "${var.curated_bucket.arn}/${prefix}*"])
    }
  }

  # The whole folder: an application that goes back to the version before reads the package before.
  dynamic "statement" {
    for_each = var.package_key == null ? [] : [var.package_key]

    content {
      sid       = "ReadPackage"
      actions   = ["s3:GetObject", "s3:GetObjectVersion"]
      resources = ["${var.artifacts_bucket.arn}/${dirname(statement.value)}/*"]
    }
  }

  statement {
    sid       = "DecryptPackage"
    actions   = ["kms:Decrypt"]
    resources = [var.lake_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${local.region}.amazonaws.com"]
    }

    condition {
      test     = "StringLike"
      variable = "kms:EncryptionContext:aws:s3:arn"
      values   = compact([var.artifacts_bucket.arn, var.package_key == null ? null : "${var.artifacts_bucket.arn}/${dirname(var.package_key)}/*"])
    }
  }

  # A list of groups takes no resource: IAM knows none for it.
  statement {
    sid       = "FindLogGroup"
    actions   = ["logs:DescribeLogGroups"]
    resources = ["*"]
  }

  statement {
    sid       = "FindLogStream"
    actions   = ["logs:DescribeLogStreams"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }

  statement {
    sid       = "WriteLog"
    actions   = ["logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:log-stream:${aws_cloudwatch_log_stream.this.name}"]
  }

  # Descriptions of the network take no resource: EC2 knows none for them.
  dynamic "statement" {
    for_each = var.vpc == null ? [] : ["vpc"]

    content {
      sid       = "LookAtNetwork"
      actions   = ["ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"]
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = var.vpc == null ? [] : ["vpc"]

    content {
      sid       = "CreateInterfaces"
      actions   = ["ec2:CreateNetworkInterface"]
      resources = concat(local.subnet_arns, local.group_arns, [local.interface_arn])
    }
  }

  dynamic "statement" {
    for_each = var.vpc == null ? [] : ["vpc"]

    content {
      sid       = "UseInterfaces"
      actions   = ["ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface"]
      resources = [local.interface_arn]

      condition {
        test     = "ArnEquals"
        variable = "ec2:Subnet"
        values   = local.subnet_arns
      }
    }
  }
}
