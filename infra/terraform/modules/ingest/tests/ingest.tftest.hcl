variables {
  name = "clickstream-test"
  raw_bucket = {
    name = "clickstream-test-raw-123456789012"
    arn  = "arn:aws:s3:::clickstream-test-raw-123456789012"
  }
  stream_key_arn = "arn:aws:kms:us-east-1:123456789012:key/stream"
  lake_key_arn   = "arn:aws:kms:us-east-1:123456789012:key/lake"
  logs_key_arn   = "arn:aws:kms:us-east-1:123456789012:key/logs"
}

run "the_stream_is_encrypted_and_keeps_a_week" {
  command = plan

  assert {
    condition     = aws_kinesis_stream.this.name == "clickstream-test-events" && aws_kinesis_stream.this.retention_period == 168
    error_message = "The stream has its name and keeps records for a week."
  }

  assert {
    condition     = aws_kinesis_stream.this.encryption_type == "KMS" && aws_kinesis_stream.this.kms_key_id == var.stream_key_arn
    error_message = "The stream is encrypted with the stream's key."
  }

  assert {
    condition     = aws_kinesis_stream.this.stream_mode_details[0].stream_mode == "ON_DEMAND" && aws_kinesis_stream.this.shard_count == null
    error_message = "Without a word the stream scales by itself, and no shards are asked for."
  }

  assert {
    condition     = contains(aws_kinesis_stream.this.shard_level_metrics, "IteratorAgeMilliseconds") && contains(aws_kinesis_stream.this.shard_level_metrics, "WriteProvisionedThroughputExceeded")
    error_message = "Lag and throttling are known for each shard."
  }
}

run "shards_can_be_counted" {
  command = plan

  variables {
    capacity        = { mode = "PROVISIONED", shards = 4 }
    retention_hours = 24
    buffer_mib      = 5
    buffer_seconds  = 60
    shard_metrics   = []
  }

  assert {
    condition     = aws_kinesis_stream.this.stream_mode_details[0].stream_mode == "PROVISIONED" && aws_kinesis_stream.this.shard_count == 4
    error_message = "A provisioned stream has the shards that were asked for."
  }

  assert {
    condition     = aws_kinesis_stream.this.retention_period == 24 && length(aws_kinesis_stream.this.shard_level_metrics) == 0
    error_message = "Retention and shard metrics are as given."
  }

  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration[0].buffering_size == 5 && aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration[0].buffering_interval == 60
    error_message = "The buffer is as given."
  }
}

run "firehose_writes_lines_into_the_hours_of_the_lake" {
  command = plan

  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this.name == "clickstream-test-raw" && aws_kinesis_firehose_delivery_stream.this.destination == "extended_s3"
    error_message = "The Firehose stream has its name and writes to S3."
  }

  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration[0].prefix == "clickstream/year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/hour=!{timestamp:HH}/"
    error_message = "Raw objects lie in the folders that the tables project."
  }

  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration[0].error_output_prefix == "clickstream-errors/!{firehose:error-output-type}/year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/hour=!{timestamp:HH}/"
    error_message = "What Firehose cannot deliver lies by its kind below the error prefix, which is outside of the raw one."
  }

  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration[0].custom_time_zone == "UTC"
    error_message = "Folders are hours of UTC."
  }

  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration[0].compression_format == "GZIP" && aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration[0].file_extension == ".json.gz"
    error_message = "Raw objects are gzip, and say so in their names."
  }

  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration[0].kms_key_arn == var.lake_key_arn && aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration[0].bucket_arn == var.raw_bucket.arn
    error_message = "Raw objects go to the raw bucket, encrypted with the lake's key."
  }

  assert {
    condition     = [for processor in aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration[0].processing_configuration[0].processors : processor.type] == ["AppendDelimiterToRecord"] && aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration[0].processing_configuration[0].enabled
    error_message = "Each record ends in a newline, and nothing else is done to it."
  }

  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration[0].buffering_size == module.facts.firehose.buffer_mib && aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration[0].buffering_interval == module.facts.firehose.buffer_seconds
    error_message = "Without a word the buffer is the one that the project is tuned for."
  }

  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration[0].cloudwatch_logging_options[0].enabled && aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration[0].cloudwatch_logging_options[0].log_group_name == aws_cloudwatch_log_group.this.name && aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration[0].cloudwatch_logging_options[0].log_stream_name == "delivery"
    error_message = "Failed deliveries are in the log."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/aws/kinesisfirehose/clickstream-test-raw" && aws_cloudwatch_log_group.this.kms_key_id == var.logs_key_arn && aws_cloudwatch_log_group.this.retention_in_days == 90
    error_message = "The log is encrypted with the logs' key and ends."
  }
}

run "firehose_may_do_what_it_does_and_no_more" {
  command = apply

  variables {
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
  }

  assert {
    condition     = aws_kinesis_firehose_delivery_stream.this.kinesis_source_configuration[0].kinesis_stream_arn == aws_kinesis_stream.this.arn && aws_kinesis_firehose_delivery_stream.this.kinesis_source_configuration[0].role_arn == aws_iam_role.this.arn && aws_kinesis_firehose_delivery_stream.this.extended_s3_configuration[0].role_arn == aws_iam_role.this.arn
    error_message = "Firehose reads this stream, by its role."
  }

  assert {
    condition     = aws_iam_role.this.name == "clickstream-test-firehose" && aws_iam_role.this.permissions_boundary == var.permissions_boundary_arn
    error_message = "The role has the name that key policies know, and the boundary."
  }

  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement == [{
      Sid       = "Firehose"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "firehose.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = "123456789012" }
        ArnEquals    = { "aws:SourceArn" = "arn:aws:firehose:us-east-1:123456789012:deliverystream/clickstream-test-raw" }
      }
    }]
    error_message = "This Firehose stream alone takes the role."
  }

  assert {
    condition = jsonencode({ for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid => sort(flatten([statement.Action])) }) == jsonencode({
      ReadStream        = ["kinesis:DescribeStream", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"]
      DecryptStream     = ["kms:Decrypt"]
      LookAtRawBucket   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
      WriteRawObjects   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
      EncryptRawObjects = ["kms:Decrypt", "kms:GenerateDataKey"]
      WriteLog          = ["logs:PutLogEvents"]
    })
    error_message = "The role has these actions and no others."
  }

  assert {
    condition = jsonencode({ for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid => sort(flatten([statement.Resource])) }) == jsonencode({
      ReadStream        = [aws_kinesis_stream.this.arn]
      DecryptStream     = [var.stream_key_arn]
      LookAtRawBucket   = [var.raw_bucket.arn]
      WriteRawObjects   = ["${var.raw_bucket.arn}/clickstream-errors/*", "${var.raw_bucket.arn}/clickstream/*"]
      EncryptRawObjects = [var.lake_key_arn]
      WriteLog          = ["${aws_cloudwatch_log_group.this.arn}:log-stream:delivery"]
    })
    error_message = "The role has them on the stream, the two raw prefixes, the keys and its log alone."
  }

  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid => statement.Condition if can(statement.Condition) } == {
      DecryptStream = {
        StringEquals = { "kms:ViaService" = "kinesis.us-east-1.amazonaws.com", "kms:EncryptionContext:aws:kinesis:arn" = aws_kinesis_stream.this.arn }
      }
      EncryptRawObjects = {
        StringEquals = { "kms:ViaService" = "s3.us-east-1.amazonaws.com" }
        StringLike   = { "kms:EncryptionContext:aws:s3:arn" = [var.raw_bucket.arn, "${var.raw_bucket.arn}/clickstream/*", "${var.raw_bucket.arn}/clickstream-errors/*"] }
      }
    }
    error_message = "The keys are used through the services, for this stream and this bucket."
  }
}

run "shards_belong_to_a_provisioned_stream" {
  command = plan

  variables {
    capacity = { mode = "ON_DEMAND", shards = 4 }
  }

  expect_failures = [var.capacity]
}

run "a_provisioned_stream_has_shards" {
  command = plan

  variables {
    capacity = { mode = "PROVISIONED" }
  }

  expect_failures = [var.capacity]
}

run "there_are_two_modes" {
  command = plan

  variables {
    capacity = { mode = "SERVERLESS" }
  }

  expect_failures = [var.capacity]
}

run "values_that_the_services_refuse" {
  command = plan

  variables {
    name                     = "Clickstream"
    retention_hours          = 12
    shard_metrics            = ["ALL"]
    buffer_mib               = 129
    buffer_seconds           = 0
    log_retention_days       = 100
    stream_key_arn           = "arn:aws:kms:us-east-1:123456789012:alias/stream"
    lake_key_arn             = "lake"
    logs_key_arn             = "arn:aws:kms:us-east-1:123456789012:alias/logs"
    permissions_boundary_arn = "boundary"
    raw_bucket               = { name = "one", arn = "arn:aws:s3:::two-raw" }
  }

  expect_failures = [
    var.name, var.retention_hours, var.shard_metrics, var.buffer_mib, var.buffer_seconds, var.log_retention_days, var.stream_key_arn,
    var.lake_key_arn, var.logs_key_arn, var.permissions_boundary_arn, var.raw_bucket,
  ]
}

run "a_stream_keeps_records_for_a_year_at_most" {
  command = plan

  variables {
    retention_hours = 8761
  }

  expect_failures = [var.retention_hours]
}
