locals {
  has_redrives = length(var.redrives) > 0
  redriven_to  = distinct([for redrive in values(var.redrives) : redrive.source_queue_arn if redrive.source_queue_arn != null])
}

data "aws_iam_policy_document" "operator" {
  #checkov:skip=CKV_AWS_356:the actions on every resource are those that take none, as is said beside each
  # `clickstream dead-letters list` and `redrive`.
  statement {
    sid = "RedriveLetters"
    actions = [
      "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:ReceiveMessage",
      "sqs:SendMessage",
    ]
    resources = [var.dead_letter_queue_arn]
  }

  statement {
    sid       = "PublishAlerts"
    actions   = ["sns:Publish"]
    resources = values(var.topic_arns)
  }

  statement {
    sid     = "KeepLettersAndReceipts"
    actions = ["s3:GetObject", "s3:PutObject"]
    resources = [
      "${var.lake.curated.arn}/${module.facts.prefixes.dead_letters}*",
      "${var.lake.curated.arn}/${module.facts.prefixes.receipts}*",
    ]
  }

  statement {
    sid       = "ForgetMarks"
    actions   = ["s3:DeleteObject"]
    resources = ["${var.lake.curated.arn}/${module.facts.operator.redriven_prefix}*"]
  }

  # Dead letters of queues, which SQS itself moves back.
  dynamic "statement" {
    for_each = local.has_redrives ? [1] : []

    content {
      sid = "MoveMessages"
      actions = [
        "sqs:CancelMessageMoveTask",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ListMessageMoveTasks",
        "sqs:ReceiveMessage",
        "sqs:StartMessageMoveTask",
      ]
      resources = [for redrive in values(var.redrives) : redrive.dead_letter_queue_arn]
    }
  }

  dynamic "statement" {
    for_each = length(local.redriven_to) > 0 ? [1] : []

    content {
      sid       = "MoveMessagesBack"
      actions   = ["sqs:SendMessage"]
      resources = local.redriven_to
    }
  }

  # `clickstream watch`: a queue of its own, subscribed for as long as it watches.
  statement {
    sid       = "Subscribe"
    actions   = ["sns:GetTopicAttributes", "sns:Subscribe"]
    resources = values(var.topic_arns)
  }

  # Takes no resource.
  statement {
    sid       = "Unsubscribe"
    actions   = ["sns:Unsubscribe"]
    resources = ["*"]
  }

  statement {
    sid = "KeepQueueOfWatching"
    actions = [
      "sqs:CreateQueue",
      "sqs:DeleteMessage",
      "sqs:DeleteQueue",
      "sqs:GetQueueAttributes",
      "sqs:ReceiveMessage",
      "sqs:SetQueueAttributes",
    ]
    resources = ["arn:${local.partition}:sqs:${local.region}:${local.account}:${module.facts.operator.watch_queue_prefix}*"]
  }

  # `compact`, `enrich`, `hours`, `rollback`, `maintain`, `validate`, `quarantine` and `verify` on the operator's machine.
  statement {
    sid       = "ListBuckets"
    actions   = ["s3:ListBucket"]
    resources = [var.lake.raw.arn, var.lake.curated.arn]
  }

  statement {
    sid       = "ReadRawObjects"
    actions   = ["s3:GetObject"]
    resources = ["${var.lake.raw.arn}/${module.facts.prefixes.raw}*"]
  }

  statement {
    sid       = "PutRepairedLines"
    actions   = ["s3:PutObject"]
    resources = ["${var.lake.raw.arn}/${module.facts.operator.repaired_prefix}*"]
  }

  statement {
    sid       = "WriteTables"
    actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = local.table_folders
  }

  statement {
    sid       = "WriteValidations"
    actions   = ["s3:PutObject"]
    resources = ["${var.lake.curated.arn}/${module.facts.prefixes.validations}*"]
  }

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
      ["${local.glue}:catalog", "${local.glue}:database/${var.databases.curated}"],
      [for table in module.facts.tables : "${local.glue}:table/${var.databases.curated}/${table}"],
    )
  }

  statement {
    sid       = "TakeNotifications"
    actions   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    resources = [var.compaction.raw_objects_queue_arn]
  }

  # A run beside the schedule's, with a command of the operator's.
  dynamic "statement" {
    for_each = var.compaction.cluster_arn != null ? [1] : []

    content {
      sid       = "StartTask"
      actions   = ["ecs:RunTask"]
      resources = ["arn:${local.partition}:ecs:${local.region}:${local.account}:task-definition/${var.compaction.task_family}:*"]

      condition {
        test     = "ArnEquals"
        variable = "ecs:cluster"
        values   = [var.compaction.cluster_arn]
      }
    }
  }

  dynamic "statement" {
    for_each = var.compaction.cluster_arn != null ? [1] : []

    content {
      sid       = "StopTask"
      actions   = ["ecs:DescribeTasks", "ecs:StopTask"]
      resources = ["${replace(var.compaction.cluster_arn, ":cluster/", ":task/")}/*"]
    }
  }

  # Tasks of a cluster are listed by its container instances, of which Fargate has none: the cluster is a condition.
  dynamic "statement" {
    for_each = var.compaction.cluster_arn != null ? [1] : []

    content {
      sid       = "ListTasks"
      actions   = ["ecs:ListTasks"]
      resources = ["*"]

      condition {
        test     = "ArnEquals"
        variable = "ecs:cluster"
        values   = [var.compaction.cluster_arn]
      }
    }
  }

  dynamic "statement" {
    for_each = var.compaction.cluster_arn != null ? [1] : []

    content {
      sid       = "PassRoles"
      actions   = ["iam:PassRole"]
      resources = var.compaction.role_arns

      condition {
        test     = "StringEquals"
        variable = "iam:PassedToService"
        values   = ["ecs-tasks.amazonaws.com"]
      }
    }
  }

  dynamic "statement" {
    for_each = var.compaction.glue_job_name != null ? [1] : []

    content {
      sid       = "StartJob"
      actions   = ["glue:BatchStopJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:StartJobRun"]
      resources = ["${local.glue}:job/${var.compaction.glue_job_name}"]
    }
  }

  # Stopping takes a snapshot, and starting begins from it.
  dynamic "statement" {
    for_each = var.application_arn != null ? [1] : []

    content {
      sid = "StopAndStartAlerts"
      actions = [
        "kinesisanalytics:CreateApplicationPresignedUrl",
        "kinesisanalytics:DescribeApplication",
        "kinesisanalytics:ListApplicationSnapshots",
        "kinesisanalytics:StartApplication",
        "kinesisanalytics:StopApplication",
      ]
      resources = [var.application_arn]
    }
  }

  dynamic "statement" {
    for_each = length(var.log_group_names) > 0 ? [1] : []

    content {
      sid       = "ReadLogs"
      actions   = ["logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents", "logs:GetQueryResults", "logs:StartQuery"]
      resources = [for group in var.log_group_names : "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${group}:*"]
    }
  }

  # Take no resource.
  statement {
    sid       = "LookAtFigures"
    actions   = ["cloudwatch:GetMetricData", "cloudwatch:ListMetrics"]
    resources = ["*"]
  }

  statement {
    sid       = "LookAtAlarms"
    actions   = ["cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms"]
    resources = ["arn:${local.partition}:cloudwatch:${local.region}:${local.account}:alarm:*"]
  }

  # The smoke test, `clickstream demo --aws`, sends events of its own.
  dynamic "statement" {
    for_each = data.aws_iam_policy_document.producer.statement

    content {
      sid       = statement.value.sid
      actions   = statement.value.actions
      resources = statement.value.resources

      dynamic "condition" {
        for_each = statement.value.condition

        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = condition.value.values
        }
      }
    }
  }

  statement {
    sid       = "UseMessagingKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.messaging_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["sns.${local.region}.${local.dns}", "sqs.${local.region}.${local.dns}"]
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

    condition {
      test     = "StringLike"
      variable = "kms:EncryptionContext:aws:s3:arn"
      values = flatten([
        for bucket in [var.lake.raw, var.lake.curated] : [bucket.arn, "${bucket.arn}/*"]
      ])
    }
  }
}
