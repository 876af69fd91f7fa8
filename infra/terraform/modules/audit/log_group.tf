resource "aws_cloudwatch_log_group" "trail" {
  #checkov:skip=CKV_AWS_338:The bucket has the trail for longer than a year; here it is for searches
  count = var.deliver_to_cloudwatch ? 1 : 0

  name              = "/aws/cloudtrail/${local.trail_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.logs_key_arn
}

data "aws_iam_policy_document" "trail_trust" {
  statement {
    sid     = "CloudTrail"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.trail_arn]
    }
  }
}

data "aws_iam_policy_document" "trail" {
  count = var.deliver_to_cloudwatch ? 1 : 0

  # A trail of all regions writes a stream for each of them.
  statement {
    sid       = "Write"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.trail[0].arn}:log-stream:${local.account}_CloudTrail_*"]
  }
}

resource "aws_iam_role" "trail" {
  count = var.deliver_to_cloudwatch ? 1 : 0

  name                 = "${local.trail_name}-trail"
  description          = "CloudTrail: writes the audit trail of ${var.name} into its log group."
  assume_role_policy   = data.aws_iam_policy_document.trail_trust.json
  permissions_boundary = var.permissions_boundary_arn
}

resource "aws_iam_role_policy" "trail" {
  count = var.deliver_to_cloudwatch ? 1 : 0

  name   = "trail"
  role   = aws_iam_role.trail[0].id
  policy = data.aws_iam_policy_document.trail[0].json
}
