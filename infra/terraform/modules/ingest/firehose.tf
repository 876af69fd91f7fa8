resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:how long logs are kept is the environment's decision
  name              = "/aws/kinesisfirehose/${local.firehose_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.logs_key_arn
}

resource "aws_cloudwatch_log_stream" "this" {
  name           = "delivery"
  log_group_name = aws_cloudwatch_log_group.this.name
}

resource "aws_kinesis_firehose_delivery_stream" "this" {
  #checkov:skip=CKV_AWS_240:encryption of its own is for direct puts; what is read from a stream is encrypted with the stream's key
  #checkov:skip=CKV_AWS_241:encryption of its own is for direct puts; what is read from a stream is encrypted with the stream's key
  name        = local.firehose_name
  destination = "extended_s3"

  kinesis_source_configuration {
    kinesis_stream_arn = aws_kinesis_stream.this.arn
    role_arn           = aws_iam_role.this.arn
  }

  extended_s3_configuration {
    role_arn            = aws_iam_role.this.arn
    bucket_arn          = var.raw_bucket.arn
    prefix              = "${module.facts.prefixes.raw}${module.facts.hour_folder}"
    error_output_prefix = "${module.facts.prefixes.raw_errors}!{firehose:error-output-type}/${module.facts.hour_folder}"
    # The hours of the folders are those of the tables.
    custom_time_zone   = "UTC"
    compression_format = "GZIP"
    file_extension     = module.facts.firehose.extension
    buffering_size     = coalesce(var.buffer_mib, module.facts.firehose.buffer_mib)
    buffering_interval = coalesce(var.buffer_seconds, module.facts.firehose.buffer_seconds)
    kms_key_arn        = var.lake_key_arn

    # Events have no newline on the wire. What is not here is RecordDeAggregation: Firehose takes the KPL's aggregates
    # of a stream apart by itself, and that processor is about several JSON objects in one record.
    processing_configuration {
      enabled = true

      processors {
        type = "AppendDelimiterToRecord"
      }
    }

    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = aws_cloudwatch_log_group.this.name
      log_stream_name = aws_cloudwatch_log_stream.this.name
    }
  }

  # It begins to read at once, and what it may not do then it tries again only after minutes.
  depends_on = [aws_iam_role_policy.this]
}
