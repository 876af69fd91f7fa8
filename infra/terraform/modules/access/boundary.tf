# What a role of the pipeline may ever do, whatever its own policy says. It gives nothing by itself: a role has what its policy
# and this allow both. Names are those that the modules give, which all begin with the name of the environment.
locals {
  here = "${local.region}:${local.account}"
}

data "aws_iam_policy_document" "boundary" {
  #checkov:skip=CKV_AWS_111:a boundary gives nothing, and the policies of the roles name what they write
  #checkov:skip=CKV_AWS_109:of permissions it allows to pass roles of the pipeline to tasks
  #checkov:skip=CKV_AWS_356:what is on every resource takes none, or is named by AWS
  statement {
    sid = "Objects"
    actions = [
      "s3:AbortMultipartUpload",
      "s3:DeleteObject",
      "s3:GetBucketLocation",
      "s3:GetObject",
      "s3:GetObjectVersion",
      "s3:ListBucket",
      "s3:ListBucketMultipartUploads",
      "s3:ListMultipartUploadParts",
      "s3:PutObject",
    ]
    resources = ["arn:${local.partition}:s3:::${var.name}-*"]
  }

  statement {
    sid = "Stream"
    actions = [
      "kinesis:DescribeStream",
      "kinesis:DescribeStreamSummary",
      "kinesis:GetRecords",
      "kinesis:GetShardIterator",
      "kinesis:ListShards",
      "kinesis:PutRecords",
    ]
    resources = ["arn:${local.partition}:kinesis:${local.here}:stream/${var.name}-*"]
  }

  statement {
    sid = "Messages"
    actions = [
      "sns:GetTopicAttributes",
      "sns:Publish",
      "sns:Subscribe",
      "sqs:CancelMessageMoveTask",
      "sqs:ChangeMessageVisibility",
      "sqs:CreateQueue",
      "sqs:DeleteMessage",
      "sqs:DeleteQueue",
      "sqs:GetQueueAttributes",
      "sqs:ListMessageMoveTasks",
      "sqs:ReceiveMessage",
      "sqs:SendMessage",
      "sqs:SetQueueAttributes",
      "sqs:StartMessageMoveTask",
    ]
    resources = [
      "arn:${local.partition}:sns:${local.here}:${var.name}-*",
      "arn:${local.partition}:sqs:${local.here}:${var.name}-*",
      "arn:${local.partition}:sqs:${local.here}:${module.facts.operator.watch_queue_prefix}*",
    ]
  }

  statement {
    sid       = "Claims"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:PutItem"]
    resources = ["arn:${local.partition}:dynamodb:${local.here}:table/${var.name}-*"]
  }

  # Which keys, their own policies say.
  statement {
    sid = "Keys"
    actions = [
      "kms:CreateGrant",
      "kms:Decrypt",
      "kms:DescribeKey",
      "kms:Encrypt",
      "kms:GenerateDataKey",
      "kms:GenerateDataKeyWithoutPlaintext",
      "kms:ReEncryptFrom",
      "kms:ReEncryptTo",
    ]
    resources = ["arn:${local.partition}:kms:${local.here}:key/*"]
  }

  statement {
    sid = "Catalog"
    actions = [
      "glue:BatchCreatePartition",
      "glue:BatchGetPartition",
      "glue:BatchStopJobRun",
      "glue:CreateDatabase",
      "glue:CreateTable",
      "glue:GetDatabase",
      "glue:GetDatabases",
      "glue:GetJobRun",
      "glue:GetJobRuns",
      "glue:GetPartition",
      "glue:GetPartitions",
      "glue:GetTable",
      "glue:GetTables",
      "glue:StartJobRun",
      "glue:UpdatePartition",
      "glue:UpdateTable",
    ]
    resources = concat(local.read_tables, ["${local.glue}:job/${var.name}-*"])
  }

  statement {
    sid = "Programs"
    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:GetDownloadUrlForLayer",
      "ecs:DescribeTasks",
      "ecs:RunTask",
      "ecs:StopTask",
      "kinesisanalytics:CreateApplicationPresignedUrl",
      "kinesisanalytics:DescribeApplication",
      "kinesisanalytics:ListApplicationSnapshots",
      "kinesisanalytics:StartApplication",
      "kinesisanalytics:StopApplication",
    ]
    resources = [
      "arn:${local.partition}:ecr:${local.here}:repository/${var.name}-*",
      "arn:${local.partition}:ecs:${local.here}:task-definition/${var.name}-*",
      "arn:${local.partition}:ecs:${local.here}:task/${var.name}-*",
      "arn:${local.partition}:kinesisanalytics:${local.here}:application/${var.name}-*",
    ]
  }

  statement {
    sid = "Queries"
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

  # Actions that take no resource, and those whose resources AWS names: interfaces of functions in the VPC, log groups of
  # services.
  statement {
    sid = "WithoutNames"
    actions = [
      "cloudwatch:DescribeAlarmHistory",
      "cloudwatch:DescribeAlarms",
      "cloudwatch:GetMetricData",
      "cloudwatch:ListMetrics",
      "ec2:AssignPrivateIpAddresses",
      "ec2:CreateNetworkInterface",
      "ec2:CreateNetworkInterfacePermission",
      "ec2:DeleteNetworkInterface",
      "ec2:DescribeDhcpOptions",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets",
      "ec2:DescribeVpcs",
      "ec2:DetachNetworkInterface",
      "ec2:UnassignPrivateIpAddresses",
      "ecr:GetAuthorizationToken",
      "ecs:ListTasks",
      "glue:GetSecurityConfiguration",
      "logs:AssociateKmsKey",
      "logs:CreateLogGroup",
      "logs:CreateLogStream",
      "logs:DescribeLogGroups",
      "logs:DescribeLogStreams",
      "logs:FilterLogEvents",
      "logs:GetLogEvents",
      "logs:GetQueryResults",
      "logs:PutLogEvents",
      "logs:StartQuery",
      "sns:Unsubscribe",
    ]
    resources = ["*"]
  }

  statement {
    sid       = "PassRoles"
    actions   = ["iam:PassRole"]
    resources = ["arn:${local.partition}:iam::${local.account}:role/${var.name}-*"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }

  # IAM has no region of its own.
  statement {
    sid         = "NoOtherRegion"
    effect      = "Deny"
    not_actions = ["iam:PassRole"]
    resources   = ["*"]

    condition {
      test     = "StringNotEquals"
      variable = "aws:RequestedRegion"
      values   = [local.region]
    }
  }

  # Where a request says whose the resource is, which not every one does.
  statement {
    sid       = "NoOtherAccount"
    effect    = "Deny"
    actions   = ["*"]
    resources = ["*"]

    condition {
      test     = "StringNotEquals"
      variable = "aws:ResourceAccount"
      values   = [local.account]
    }

    condition {
      test     = "Null"
      variable = "aws:ResourceAccount"
      values   = ["false"]
    }
  }

  # None of it is allowed above. It is refused as well, so that nobody who adds to the list gives it by mistake.
  statement {
    sid    = "NoAdministration"
    effect = "Deny"
    actions = [
      "account:*",
      "iam:Add*",
      "iam:Attach*",
      "iam:Create*",
      "iam:Delete*",
      "iam:Detach*",
      "iam:Put*",
      "iam:Remove*",
      "iam:Set*",
      "iam:Tag*",
      "iam:Untag*",
      "iam:Update*",
      "iam:Upload*",
      "kms:CancelKeyDeletion",
      "kms:Create*Key*",
      "kms:CreateAlias",
      "kms:Delete*",
      "kms:Disable*",
      "kms:Enable*",
      "kms:Import*",
      "kms:Put*",
      "kms:Replicate*",
      "kms:Revoke*",
      "kms:Schedule*",
      "kms:Update*",
      "organizations:*",
      "s3:DeleteBucket*",
      "s3:PutBucket*",
      "s3:PutEncryptionConfiguration",
    ]
    resources = ["*"]
  }

  # A grant is for what a service of AWS keeps with the key, never for another principal.
  statement {
    sid       = "NoGrants"
    effect    = "Deny"
    actions   = ["kms:CreateGrant"]
    resources = ["*"]

    condition {
      test     = "Bool"
      variable = "kms:GrantIsForAWSResource"
      values   = ["false"]
    }
  }
}

resource "aws_iam_policy" "boundary" {
  name        = "${var.name}-boundary"
  description = "What a role of the clickstream pipeline may ever do."
  policy      = data.aws_iam_policy_document.boundary.json

  lifecycle {
    # IAM counts no whitespace.
    precondition {
      condition     = length(replace(data.aws_iam_policy_document.boundary.json, "/\\s/", "")) <= 6144
      error_message = "The boundary is longer than the 6144 characters that IAM takes."
    }
  }
}
