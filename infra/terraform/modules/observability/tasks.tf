# Tasks that end with a fault. ECS forgets a stopped task after an hour, so why it stopped goes into a log; the rule's
# own count is what the alarm compaction-failed watches.
resource "aws_cloudwatch_event_rule" "failed_tasks" {
  name        = "${var.name}-failed-tasks"
  description = "Tasks of the compaction that did not start, or ended with another exit code than 0."
  # Source: Amazon ECS developer guide, "Amazon ECS task state change events" and "Stopped task error codes".
  event_pattern = jsonencode({
    source        = ["aws.ecs"]
    "detail-type" = ["ECS Task State Change"]
    detail = {
      clusterArn = [var.cluster_arn]
      lastStatus = ["STOPPED"]
      "$or" = [
        { containers = { exitCode = [{ "anything-but" = [0] }] } },
        { stopCode = ["TaskFailedToStart", "SpotInterruption"] },
      ]
    }
  })
}

resource "aws_cloudwatch_event_target" "failed_tasks" {
  rule      = aws_cloudwatch_event_rule.failed_tasks.name
  target_id = "log"
  arn       = aws_cloudwatch_log_group.failed_tasks.arn
}

resource "aws_cloudwatch_log_group" "failed_tasks" {
  #checkov:skip=CKV_AWS_338:how long logs are kept is each environment's decision; a stopped task is of no use after a year
  name              = "/aws/events/${var.name}-failed-tasks"
  kms_key_id        = var.logs_key_arn
  retention_in_days = var.log_retention_days
}

# Source: EventBridge user guide, "Using resource-based policies for Amazon EventBridge", on CloudWatch Logs: both
# services, and the rule as a condition of the second action alone.
data "aws_iam_policy_document" "failed_tasks" {
  statement {
    sid       = "EventsCreateStreams"
    actions   = ["logs:CreateLogStream"]
    resources = ["${aws_cloudwatch_log_group.failed_tasks.arn}:*"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com", "delivery.logs.amazonaws.com"]
    }
  }

  statement {
    sid       = "RuleWrites"
    actions   = ["logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.failed_tasks.arn}:*:*"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com", "delivery.logs.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.failed_tasks.arn]
    }
  }
}

resource "aws_cloudwatch_log_resource_policy" "failed_tasks" {
  policy_name     = "${var.name}-failed-tasks"
  policy_document = data.aws_iam_policy_document.failed_tasks.json
}
