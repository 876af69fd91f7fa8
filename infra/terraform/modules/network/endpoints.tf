locals {
  # For each service the name of its endpoint, and what is called through it: what the components do, and no
  # administration. Roles say which of them may do what; here it ends for all.
  interface_endpoints = {
    athena = {
      service = "athena"
      actions = [
        "athena:GetDataCatalog", "athena:GetQueryExecution", "athena:GetQueryResults", "athena:GetWorkGroup",
        "athena:StartQueryExecution", "athena:StopQueryExecution",
      ]
    }
    ecr_api  = { service = "ecr.api", actions = local.ecr_actions }
    ecr_dkr  = { service = "ecr.dkr", actions = local.ecr_actions }
    firehose = { service = "kinesis-firehose", actions = ["firehose:PutRecord", "firehose:PutRecordBatch"] }
    glue = {
      service = "glue"
      actions = [
        "glue:CreateDatabase", "glue:CreateTable", "glue:GetDatabase", "glue:GetDatabases", "glue:GetPartition",
        "glue:GetPartitions", "glue:GetTable", "glue:GetTables", "glue:UpdateTable",
      ]
    }
    kinesis = {
      service = "kinesis-streams"
      actions = [
        "kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator",
        "kinesis:ListShards", "kinesis:PutRecord", "kinesis:PutRecords",
      ]
    }
    kms = {
      service = "kms"
      actions = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
    }
    logs = {
      service = "logs"
      actions = ["logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    }
    monitoring = {
      service = "monitoring"
      actions = ["cloudwatch:GetMetricData", "cloudwatch:GetMetricStatistics", "cloudwatch:ListMetrics", "cloudwatch:PutMetricData"]
    }
    secretsmanager = {
      service = "secretsmanager"
      actions = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
    }
    sns = { service = "sns", actions = ["sns:Publish"] }
    sqs = {
      service = "sqs"
      actions = [
        "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage",
        "sqs:SendMessage",
      ]
    }
    sts = { service = "sts", actions = ["sts:AssumeRole", "sts:GetCallerIdentity"] }
  }
  ecr_actions = [
    "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetAuthorizationToken", "ecr:GetDownloadUrlForLayer",
  ]

  gateway_endpoints = {
    dynamodb = {
      actions = [
        "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:DescribeTable", "dynamodb:GetItem",
        "dynamodb:PutItem",
      ]
      resources = ["arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/${var.name}-*"]
    }
    s3 = {
      actions = [
        "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetBucketLocation", "s3:GetObject",
        "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListBucketVersions",
        "s3:ListMultipartUploadParts", "s3:PutObject",
      ]
      resources = [
        "arn:${local.partition}:s3:::${var.name}-*-${local.account}",
        "arn:${local.partition}:s3:::${var.name}-*-${local.account}/*",
      ]
    }
  }
}

# With an interface endpoint a service's usual name leads here, so that no code knows of it.
data "aws_iam_policy_document" "interface" {
  for_each = var.interface_endpoints

  statement {
    sid     = "OwnAccount"
    actions = local.interface_endpoints[each.key].actions
    # Which of them are the pipeline's is for roles to say; what counts here is whose they are.
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalAccount"
      values   = [local.account]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = var.interface_endpoints

  vpc_id              = aws_vpc.this.id
  vpc_endpoint_type   = "Interface"
  service_name        = "${data.aws_partition.this.reverse_dns_prefix}.${local.region}.${local.interface_endpoints[each.key].service}"
  private_dns_enabled = true
  subnet_ids          = slice(aws_subnet.private[*].id, 0, coalesce(var.endpoint_zones, var.availability_zones))
  security_group_ids  = [aws_security_group.endpoint.id]
  policy              = data.aws_iam_policy_document.interface[each.key].json

  tags = { Name = "${var.name}-${replace(each.key, "_", "-")}" }
}

data "aws_iam_policy_document" "gateway" {
  for_each = local.gateway_endpoints

  statement {
    sid       = "OwnResources"
    actions   = each.value.actions
    resources = each.value.resources

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalAccount"
      values   = [local.account]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceAccount"
      values   = [local.account]
    }
  }

  # ECR keeps the layers of images in a bucket of its own, and signs what is asked of it.
  dynamic "statement" {
    for_each = each.key == "s3" ? [1] : []

    content {
      sid       = "LayersOfImages"
      actions   = ["s3:GetObject"]
      resources = ["arn:${local.partition}:s3:::prod-${local.region}-starport-layer-bucket/*"]

      principals {
        type        = "AWS"
        identifiers = ["*"]
      }
    }
  }
}

resource "aws_vpc_endpoint" "gateway" {
  for_each = local.gateway_endpoints

  vpc_id            = aws_vpc.this.id
  vpc_endpoint_type = "Gateway"
  service_name      = "${data.aws_partition.this.reverse_dns_prefix}.${local.region}.${each.key}"
  route_table_ids   = [aws_route_table.private.id]
  policy            = data.aws_iam_policy_document.gateway[each.key].json

  tags = { Name = "${var.name}-${each.key}" }
}
