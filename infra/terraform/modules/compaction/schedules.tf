resource "aws_scheduler_schedule_group" "this" {
  name = local.family
}

resource "aws_scheduler_schedule" "this" {
  for_each = local.schedules

  name                         = "${local.family}-${each.key}"
  description                  = "clickstream ${join(" ", each.value.command)}"
  group_name                   = aws_scheduler_schedule_group.this.name
  schedule_expression          = each.value.expression
  schedule_expression_timezone = "UTC"
  state                        = var.schedules_enabled ? "ENABLED" : "DISABLED"
  kms_key_arn                  = var.messaging_key_arn

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = local.is_fargate ? aws_ecs_cluster.this[0].arn : "arn:${local.partition}:scheduler:::aws-sdk:glue:startJobRun"
    role_arn = aws_iam_role.scheduler.arn

    input = local.is_fargate ? jsonencode({
      containerOverrides = [{ name = local.container, command = each.value.command }]
      }) : jsonencode({
      JobName   = aws_glue_job.this[0].name
      Arguments = { "--command" = jsonencode(each.value.command) }
    })

    dynamic "ecs_parameters" {
      for_each = local.is_fargate ? [1] : []

      content {
        task_definition_arn = aws_ecs_task_definition.this[0].arn
        launch_type         = "FARGATE"
        platform_version    = "LATEST"
        task_count          = 1

        network_configuration {
          subnets          = var.subnet_ids
          security_groups  = [var.security_group_id]
          assign_public_ip = false
        }
      }
    }

    # Tries to start a run, within less than the hour in which the next one is due. A run that began and failed is not
    # started again by this: the next run does its work.
    retry_policy {
      maximum_retry_attempts       = 10
      maximum_event_age_in_seconds = 3000
    }

    dead_letter_config {
      arn = aws_sqs_queue.schedules_dead.arn
    }
  }
}

resource "aws_sqs_queue" "schedules_dead" {
  name                      = "${local.family}-schedules-dead"
  kms_master_key_id         = var.messaging_key_arn
  message_retention_seconds = 14 * 24 * 3600
}

data "aws_iam_policy_document" "schedules_dead" {
  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage"]
    resources = [aws_sqs_queue.schedules_dead.arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  statement {
    sid       = "Scheduler"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.schedules_dead.arn]

    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.scheduler.arn]
    }
  }
}

resource "aws_sqs_queue_policy" "schedules_dead" {
  queue_url = aws_sqs_queue.schedules_dead.url
  policy    = data.aws_iam_policy_document.schedules_dead.json
}

data "aws_iam_policy_document" "scheduler_trust" {
  statement {
    sid     = "Assume"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_scheduler_schedule_group.this.arn]
    }
  }
}

resource "aws_iam_role" "scheduler" {
  name                 = "${var.name}-scheduler"
  description          = "What the schedules may do: start the compaction, and nothing else."
  assume_role_policy   = data.aws_iam_policy_document.scheduler_trust.json
  permissions_boundary = var.permissions_boundary_arn
}

data "aws_iam_policy_document" "scheduler" {
  dynamic "statement" {
    for_each = local.is_fargate ? [1] : []

    content {
      sid     = "StartTask"
      actions = ["ecs:RunTask"]
      # Every revision: a new one is in the schedules before it could be here.
      resources = ["arn:${local.partition}:ecs:${local.region}:${local.account}:task-definition/${local.family}:*"]

      condition {
        test     = "ArnEquals"
        variable = "ecs:cluster"
        values   = [aws_ecs_cluster.this[0].arn]
      }
    }
  }

  dynamic "statement" {
    for_each = local.is_fargate ? [1] : []

    content {
      sid       = "PassRoles"
      actions   = ["iam:PassRole"]
      resources = [aws_iam_role.this.arn, aws_iam_role.execution[0].arn]

      condition {
        test     = "StringEquals"
        variable = "iam:PassedToService"
        values   = ["ecs-tasks.amazonaws.com"]
      }
    }
  }

  dynamic "statement" {
    for_each = local.is_glue ? [1] : []

    content {
      sid       = "StartJob"
      actions   = ["glue:StartJobRun"]
      resources = ["arn:${local.partition}:glue:${local.region}:${local.account}:job/${local.family}"]
    }
  }

  statement {
    sid       = "KeepWhatCouldNotStart"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.schedules_dead.arn]
  }

  # For the queue; and what a schedule sends is encrypted with the same key.
  statement {
    sid       = "UseMessagingKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.messaging_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["scheduler.${local.region}.${local.dns}", "sqs.${local.region}.${local.dns}"]
    }
  }
}

resource "aws_iam_role_policy" "scheduler" {
  name   = "scheduler"
  role   = aws_iam_role.scheduler.id
  policy = data.aws_iam_policy_document.scheduler.json
}
