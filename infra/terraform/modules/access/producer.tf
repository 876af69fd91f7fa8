data "aws_iam_policy_document" "producer" {
  # What a producer calls: it asks for the shards when it begins and when a record comes back astray, and puts.
  statement {
    sid       = "Put"
    actions   = ["kinesis:ListShards", "kinesis:PutRecords"]
    resources = [var.stream_arn]
  }

  statement {
    sid       = "UseStreamKey"
    actions   = ["kms:GenerateDataKey"]
    resources = [var.stream_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["kinesis.${local.region}.${local.dns}"]
    }
  }
}
