# What S3 says of new raw objects, for the compaction alone. No redrive: a run that dies leaves its messages, which show up
# again and are no reason to put them away; what no run committed is work for the next one, however often it was tried.
resource "aws_sqs_queue" "raw_objects" {
  name                      = "${var.name}-raw-objects"
  kms_master_key_id         = var.messaging_key_arn
  message_retention_seconds = 14 * 24 * 3600
}

data "aws_iam_policy_document" "raw_objects" {
  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage"]
    resources = [aws_sqs_queue.raw_objects.arn]

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
    sid       = "Notifications"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.raw_objects.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    # The rule's ARN names the account too.
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.raw_objects.arn]
    }
  }
}

resource "aws_sqs_queue_policy" "raw_objects" {
  queue_url = aws_sqs_queue.raw_objects.url
  policy    = data.aws_iam_policy_document.raw_objects.json
}

resource "aws_cloudwatch_event_rule" "raw_objects" {
  name        = "${var.name}-raw-objects"
  description = "Objects put below the raw prefix, for the compaction."

  event_pattern = jsonencode({
    source        = ["aws.s3"]
    "detail-type" = ["Object Created"]
    detail = {
      bucket = { name = [var.raw_bucket.name] }
      object = { key = [{ prefix = module.facts.prefixes.raw }] }
    }
  })
}

# What EventBridge cannot deliver within a day is lost here, and found by the daily reconcile, which looks at every object.
resource "aws_cloudwatch_event_target" "raw_objects" {
  rule      = aws_cloudwatch_event_rule.raw_objects.name
  target_id = "raw-objects"
  arn       = aws_sqs_queue.raw_objects.arn
}

# Runs that failed: an exit code other than 0, or a task or job that never got as far as to have one. The rule's own metric
# (AWS/Events, TriggeredRules, by its name) is what an alarm is for, the log group says which run it was and why.
resource "aws_cloudwatch_event_rule" "failed_runs" {
  name        = "${local.family}-failed"
  description = "Runs of the compaction that ended with an exit code other than 0, or did not start."

  event_pattern = local.is_fargate ? jsonencode({
    source        = ["aws.ecs"]
    "detail-type" = ["ECS Task State Change"]
    detail = {
      clusterArn = [aws_ecs_cluster.this[0].arn]
      lastStatus = ["STOPPED"]
      "$or" = [
        { containers = { exitCode = [{ "anything-but" = [0] }] } },
        { stopCode = ["TaskFailedToStart"] },
      ]
    }
    }) : jsonencode({
    source        = ["aws.glue"]
    "detail-type" = ["Glue Job State Change"]
    detail = {
      jobName = [local.family]
      state   = ["FAILED", "TIMEOUT", "ERROR"]
    }
  })
}

resource "aws_cloudwatch_log_group" "failed_runs" {
  #checkov:skip=CKV_AWS_338:how long logs are kept is said by the environment, and less than a year is enough for logs of runs
  name              = "/aws/events/${local.family}-failed"
  kms_key_id        = var.logs_key_arn
  retention_in_days = var.log_retention_days
}

resource "aws_cloudwatch_event_target" "failed_runs" {
  rule      = aws_cloudwatch_event_rule.failed_runs.name
  target_id = "log"
  arn       = aws_cloudwatch_log_group.failed_runs.arn
}

data "aws_iam_policy_document" "failed_runs" {
  # EventBridge tells the rule when it writes, not when it makes a stream to write to.
  statement {
    sid       = "MakeStream"
    actions   = ["logs:CreateLogStream"]
    resources = ["${aws_cloudwatch_log_group.failed_runs.arn}:*"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com", "delivery.logs.amazonaws.com"]
    }
  }

  statement {
    sid       = "Write"
    actions   = ["logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.failed_runs.arn}:*"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com", "delivery.logs.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.failed_runs.arn]
    }
  }
}

resource "aws_cloudwatch_log_resource_policy" "failed_runs" {
  policy_name     = "${local.family}-failed"
  policy_document = data.aws_iam_policy_document.failed_runs.json
}
