# The task's own role. What it may do is what docs/operations.md says that the commands of the schedules call.
data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "Assume"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [local.is_fargate ? "ecs-tasks.amazonaws.com" : "glue.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }

    # ECS says neither cluster nor family when it assumes a role, only the region.
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:${local.is_fargate ? "ecs" : "glue"}:${local.region}:${local.account}:*"]
    }
  }
}

resource "aws_iam_role" "this" {
  name                 = local.family
  description          = "What the compaction may do: read raw objects, write the tables."
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.permissions_boundary_arn
}

locals {
  # Glue runs outside of the network.
  s3_endpoint_ids = local.is_fargate && var.s3_endpoint_id != null ? [var.s3_endpoint_id] : []
}

data "aws_iam_policy_document" "this" {
  # Without a condition on the prefix: with one, S3 would say of an object that is gone that it is forbidden.
  statement {
    sid       = "ListBuckets"
    actions   = ["s3:ListBucket"]
    resources = [var.raw_bucket.arn, var.curated_bucket.arn]

    # Under these credentials nobody reads or writes from elsewhere.
    dynamic "condition" {
      for_each = local.s3_endpoint_ids

      content {
        test     = "StringEquals"
        variable = "aws:SourceVpce"
        values   = [condition.value]
      }
    }
  }

  statement {
    sid       = "ReadRawObjects"
    actions   = ["s3:GetObject"]
    resources = ["${var.raw_bucket.arn}/${module.facts.prefixes.raw}*"]

    dynamic "condition" {
      for_each = local.s3_endpoint_ids

      content {
        test     = "StringEquals"
        variable = "aws:SourceVpce"
        values   = [condition.value]
      }
    }
  }

  # maintain deletes orphans; a commit that came second deletes its own manifests.
  statement {
    sid       = "WriteTables"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    resources = [for table in module.facts.tables : "${var.curated_bucket.arn}/${table}/*"]

    dynamic "condition" {
      for_each = local.s3_endpoint_ids

      content {
        test     = "StringEquals"
        variable = "aws:SourceVpce"
        values   = [condition.value]
      }
    }
  }

  statement {
    sid       = "WriteValidations"
    actions   = ["s3:PutObject"]
    resources = ["${var.curated_bucket.arn}/${module.facts.prefixes.validations}*"]

    dynamic "condition" {
      for_each = local.s3_endpoint_ids

      content {
        test     = "StringEquals"
        variable = "aws:SourceVpce"
        values   = [condition.value]
      }
    }
  }

  statement {
    sid       = "UseBucketsKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.lake_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${local.region}.${local.dns}"]
    }

    # With a bucket key the context is the bucket, without one the object.
    condition {
      test     = "StringLike"
      variable = "kms:EncryptionContext:aws:s3:arn"
      values = flatten([
        for bucket in [var.raw_bucket, var.curated_bucket] : [bucket.arn, "${bucket.arn}/*"]
      ])
    }
  }

  # pyiceberg makes the database and a table where they are not there yet, and asks what kind of database it is.
  statement {
    sid = "KeepTables"
    actions = [
      "glue:CreateDatabase",
      "glue:CreateTable",
      "glue:GetDatabase",
      "glue:GetTable",
      "glue:UpdateTable",
    ]
    resources = concat(
      [
        "arn:${local.partition}:glue:${local.region}:${local.account}:catalog",
        "arn:${local.partition}:glue:${local.region}:${local.account}:database/${var.databases.curated}",
      ],
      [
        for table in module.facts.tables :
        "arn:${local.partition}:glue:${local.region}:${local.account}:table/${var.databases.curated}/${table}"
      ],
    )
  }

  statement {
    sid       = "TakeNotifications"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = [aws_sqs_queue.raw_objects.arn]
  }

  statement {
    sid       = "ReadNotifications"
    actions   = ["kms:Decrypt"]
    resources = [var.messaging_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["sqs.${local.region}.${local.dns}"]
    }
  }
}

resource "aws_iam_role_policy" "this" {
  name   = "compaction"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.this.json
}

# What ECS itself does for a task: pulls the image and writes the log.
resource "aws_iam_role" "execution" {
  count                = local.is_fargate ? 1 : 0
  name                 = "${local.family}-execution"
  description          = "What ECS may do to start the compaction: pull its image, write its log."
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.permissions_boundary_arn
}

data "aws_iam_policy_document" "execution" {
  # ECR gives tokens for a registry, not for a repository: the action takes no resource.
  statement {
    sid       = "LogIn"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid       = "PullImage"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [aws_ecr_repository.this.arn]
  }

  statement {
    sid       = "WriteLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }
}

resource "aws_iam_role_policy" "execution" {
  count  = local.is_fargate ? 1 : 0
  name   = "execution"
  role   = aws_iam_role.execution[0].id
  policy = data.aws_iam_policy_document.execution.json
}
