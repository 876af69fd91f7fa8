resource "aws_cloudwatch_event_rule" "this" {
  name        = local.function_name
  description = "Objects put below ${module.facts.prefixes.raw} of the raw bucket"

  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [var.raw_bucket.name] }
      object = { key = [{ prefix = module.facts.prefixes.raw }] }
    }
  })
}

resource "aws_cloudwatch_event_target" "this" {
  rule      = aws_cloudwatch_event_rule.this.name
  target_id = "queue"
  arn       = aws_sqs_queue.this.arn

  retry_policy {
    maximum_event_age_in_seconds = 24 * 3600
    maximum_retry_attempts       = 185
  }

  dead_letter_config {
    arn = aws_sqs_queue.dead.arn
  }

  # Events that come before the queue lets them in would be lost to it.
  depends_on = [aws_sqs_queue_policy.this, aws_sqs_queue_policy.dead]
}
