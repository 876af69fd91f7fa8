variables {
  name             = "clickstream-test"
  artifacts_bucket = { name = "clickstream-test-artifacts-123456789012", arn = "arn:aws:s3:::clickstream-test-artifacts-123456789012" }
  package_key      = "alerts/2026-11-26.zip"
  stream_arn       = "arn:aws:kinesis:us-east-1:123456789012:stream/clickstream-test-events"
  topic_arns = {
    PurchaseAlerts = "arn:aws:sns:us-east-1:123456789012:clickstream-test-PurchaseAlerts"
    LargeOrders    = "arn:aws:sns:us-east-1:123456789012:clickstream-test-LargeOrders"
  }
  alert_rules = {
    big-order = "purchase where amount_minor >= 100000 to arn:aws:sns:us-east-1:123456789012:clickstream-test-LargeOrders"
  }
  dead_letter_queue_arn = "arn:aws:sqs:us-east-1:123456789012:clickstream-test-dead-letters"
  dead_letter_queue_url = "https://sqs.us-east-1.amazonaws.com/123456789012/clickstream-test-dead-letters"
  curated_bucket        = { name = "clickstream-test-curated-123456789012", arn = "arn:aws:s3:::clickstream-test-curated-123456789012" }
  stream_key_arn        = "arn:aws:kms:us-east-1:123456789012:key/stream"
  messaging_key_arn     = "arn:aws:kms:us-east-1:123456789012:key/messaging"
  lake_key_arn          = "arn:aws:kms:us-east-1:123456789012:key/lake"
  logs_key_arn          = "arn:aws:kms:us-east-1:123456789012:key/logs"
}

run "the_application_is_what_the_job_was_tested_as" {
  command = plan

  assert {
    condition     = aws_kinesisanalyticsv2_application.this[0].name == "clickstream-test-alerts" && aws_kinesisanalyticsv2_application.this[0].runtime_environment == "FLINK-2_2" && aws_kinesisanalyticsv2_application.this[0].application_mode == "STREAMING"
    error_message = "The application has its name and the runtime that the package is built for."
  }

  assert {
    condition     = aws_kinesisanalyticsv2_application.this[0].application_configuration[0].application_code_configuration[0].code_content_type == "ZIPFILE" && aws_kinesisanalyticsv2_application.this[0].application_configuration[0].application_code_configuration[0].code_content[0].s3_content_location[0].bucket_arn == var.artifacts_bucket.arn && aws_kinesisanalyticsv2_application.this[0].application_configuration[0].application_code_configuration[0].code_content[0].s3_content_location[0].file_key == var.package_key
    error_message = "The code is the package in the artifacts bucket."
  }

  assert {
    condition     = aws_kinesisanalyticsv2_application.this[0].application_configuration[0].flink_application_configuration[0].checkpoint_configuration[0].configuration_type == "CUSTOM" && aws_kinesisanalyticsv2_application.this[0].application_configuration[0].flink_application_configuration[0].checkpoint_configuration[0].checkpointing_enabled && aws_kinesisanalyticsv2_application.this[0].application_configuration[0].flink_application_configuration[0].checkpoint_configuration[0].checkpoint_interval == 10000 && aws_kinesisanalyticsv2_application.this[0].application_configuration[0].flink_application_configuration[0].checkpoint_configuration[0].min_pause_between_checkpoints == 5000
    error_message = "Checkpoints are taken every ten seconds; without CUSTOM the service would use values of its own."
  }

  assert {
    condition     = aws_kinesisanalyticsv2_application.this[0].application_configuration[0].flink_application_configuration[0].parallelism_configuration[0].configuration_type == "CUSTOM" && aws_kinesisanalyticsv2_application.this[0].application_configuration[0].flink_application_configuration[0].parallelism_configuration[0].parallelism == 1 && aws_kinesisanalyticsv2_application.this[0].application_configuration[0].flink_application_configuration[0].parallelism_configuration[0].parallelism_per_kpu == 1 && !aws_kinesisanalyticsv2_application.this[0].application_configuration[0].flink_application_configuration[0].parallelism_configuration[0].auto_scaling_enabled
    error_message = "One subtask on each unit, and no scaling by itself."
  }

  assert {
    condition     = aws_kinesisanalyticsv2_application.this[0].application_configuration[0].flink_application_configuration[0].monitoring_configuration[0].configuration_type == "CUSTOM" && aws_kinesisanalyticsv2_application.this[0].application_configuration[0].flink_application_configuration[0].monitoring_configuration[0].metrics_level == "APPLICATION" && aws_kinesisanalyticsv2_application.this[0].application_configuration[0].flink_application_configuration[0].monitoring_configuration[0].log_level == "INFO"
    error_message = "Metrics are the application's; the log says what happens."
  }

  assert {
    condition     = aws_kinesisanalyticsv2_application.this[0].application_configuration[0].application_snapshot_configuration[0].snapshots_enabled && !aws_kinesisanalyticsv2_application.this[0].force_stop && aws_kinesisanalyticsv2_application.this[0].start_application
    error_message = "The application runs, and a stop keeps its state."
  }

  assert {
    condition     = aws_kinesisanalyticsv2_application.this[0].application_configuration[0].run_configuration[0].application_restore_configuration[0].application_restore_type == "RESTORE_FROM_LATEST_SNAPSHOT" && !aws_kinesisanalyticsv2_application.this[0].application_configuration[0].run_configuration[0].flink_run_configuration[0].allow_non_restored_state
    error_message = "A start takes up the whole state of the newest snapshot."
  }

  assert {
    condition     = length(aws_kinesisanalyticsv2_application.this[0].application_configuration[0].vpc_configuration) == 0
    error_message = "Without a word the job is in the service's network."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/aws/kinesis-analytics/clickstream-test-alerts" && aws_cloudwatch_log_group.this.kms_key_id == var.logs_key_arn && aws_cloudwatch_log_group.this.retention_in_days == 90 && aws_cloudwatch_log_stream.this.name == "job"
    error_message = "The log is encrypted with the logs' key and ends."
  }
}

run "the_job_is_told_everything" {
  command = plan

  assert {
    condition = { for group in aws_kinesisanalyticsv2_application.this[0].application_configuration[0].environment_properties[0].property_group : group.property_group_id => group.property_map } == {
      "kinesis.analytics.flink.run.options" = tomap({ python = "main.py", jarfile = "lib/pyflink-dependencies.jar", pyFiles = "dep/" })
      source                                = tomap({ stream_arn = var.stream_arn, start = "trim-horizon", kind = "connector" })
      alerts                                = tomap({ topic_arn = var.topic_arns["PurchaseAlerts"], types = "purchase", max_age = "24h", dedupe_hours = "24", flag_backlog = "true" })
      alert_rules                           = tomap(var.alert_rules)
      delivery                              = tomap({ dead_letter_queue_url = var.dead_letter_queue_url, curated_bucket = var.curated_bucket.name, deadline_s = "1800", receipts_linger_ms = "5000" })
    }
    error_message = "The properties are those of the job, with this deployment's stream, topics, queue and bucket."
  }
}

run "what_is_alerted_can_be_changed" {
  command = plan

  variables {
    alert_types   = []
    max_alert_age = "7d"
    properties    = { alerts = { dedupe_hours = "48" }, source = { start = "latest" } }
    parallelism   = 3
    autoscaling   = true
    start         = false
  }

  assert {
    condition     = output.property_groups.alerts.types == "," && output.property_groups.alerts.max_age == "7d" && output.property_groups.alerts.dedupe_hours == "48" && output.property_groups.source.start == "latest"
    error_message = "Types, age and further properties are as given; a lone comma is a list of nothing."
  }

  assert {
    condition     = aws_kinesisanalyticsv2_application.this[0].application_configuration[0].flink_application_configuration[0].parallelism_configuration[0].parallelism == 3 && aws_kinesisanalyticsv2_application.this[0].application_configuration[0].flink_application_configuration[0].parallelism_configuration[0].auto_scaling_enabled && !aws_kinesisanalyticsv2_application.this[0].start_application
    error_message = "Size and start are as given."
  }
}

run "without_rules_there_is_no_group_of_them" {
  command = plan

  variables {
    alert_rules = {}
    alert_types = ["purchase", "signup"]
  }

  assert {
    condition     = !contains(keys(output.property_groups), "alert_rules") && output.property_groups.alerts.types == "purchase,signup"
    error_message = "An empty group is refused by the service."
  }
}

run "the_job_may_do_what_it_does_and_no_more" {
  command = apply

  variables {
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
  }

  assert {
    condition     = aws_kinesisanalyticsv2_application.this[0].service_execution_role == aws_iam_role.this.arn && aws_kinesisanalyticsv2_application.this[0].cloudwatch_logging_options[0].log_stream_arn == aws_cloudwatch_log_stream.this.arn
    error_message = "The application has its role and its log."
  }

  assert {
    condition     = aws_iam_role.this.name == "clickstream-test-alert-job" && aws_iam_role.this.permissions_boundary == var.permissions_boundary_arn
    error_message = "The role has the name that key and topic policies know, and the boundary."
  }

  assert {
    condition = jsonencode(jsondecode(aws_iam_role.this.assume_role_policy).Statement) == jsonencode([{
      Sid       = "Flink"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "kinesisanalytics.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = "123456789012" }
        ArnEquals    = { "aws:SourceArn" = "arn:aws:kinesisanalytics:us-east-1:123456789012:application/clickstream-test-alerts" }
      }
    }])
    error_message = "This application alone takes the role."
  }

  assert {
    condition = jsonencode({ for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid => sort(flatten([statement.Action])) }) == jsonencode({
      ReadStream                = ["kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"]
      DecryptStream             = ["kms:Decrypt"]
      PublishAlerts             = ["sns:Publish"]
      SendDeadLetters           = ["sqs:SendMessage"]
      EncryptAlerts             = ["kms:Decrypt", "kms:GenerateDataKey"]
      EncryptDeadLetters        = ["kms:Decrypt", "kms:GenerateDataKey"]
      WriteReceiptsAndLetters   = ["s3:PutObject"]
      EncryptReceiptsAndLetters = ["kms:GenerateDataKey"]
      ReadPackage               = ["s3:GetObject", "s3:GetObjectVersion"]
      DecryptPackage            = ["kms:Decrypt"]
      FindLogGroup              = ["logs:DescribeLogGroups"]
      FindLogStream             = ["logs:DescribeLogStreams"]
      WriteLog                  = ["logs:PutLogEvents"]
    })
    error_message = "The role has these actions and no others."
  }

  assert {
    condition = jsonencode({ for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid => sort(flatten([statement.Resource])) }) == jsonencode({
      ReadStream                = [var.stream_arn]
      DecryptStream             = [var.stream_key_arn]
      PublishAlerts             = sort(values(var.topic_arns))
      SendDeadLetters           = [var.dead_letter_queue_arn]
      EncryptAlerts             = [var.messaging_key_arn]
      EncryptDeadLetters        = [var.messaging_key_arn]
      WriteReceiptsAndLetters   = ["${var.curated_bucket.arn}/dead-letters/*", "${var.curated_bucket.arn}/purchases/*"]
      EncryptReceiptsAndLetters = [var.lake_key_arn]
      ReadPackage               = ["${var.artifacts_bucket.arn}/alerts/*"]
      DecryptPackage            = [var.lake_key_arn]
      FindLogGroup              = ["*"]
      FindLogStream             = ["${aws_cloudwatch_log_group.this.arn}:*"]
      WriteLog                  = ["${aws_cloudwatch_log_group.this.arn}:log-stream:job"]
    })
    error_message = "The role has them on this deployment's stream, topics, queue, prefixes, package, keys and log alone."
  }

  assert {
    condition = jsonencode({ for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid => statement.Condition if can(statement.Condition) }) == jsonencode({
      DecryptStream = {
        StringEquals = { "kms:ViaService" = "kinesis.us-east-1.amazonaws.com", "kms:EncryptionContext:aws:kinesis:arn" = var.stream_arn }
      }
      EncryptAlerts = {
        StringEquals = { "kms:ViaService" = "sns.us-east-1.amazonaws.com", "kms:EncryptionContext:aws:sns:topicArn" = values(var.topic_arns) }
      }
      EncryptDeadLetters = {
        StringEquals = { "kms:ViaService" = "sqs.us-east-1.amazonaws.com", "kms:EncryptionContext:aws:sqs:arn" = var.dead_letter_queue_arn }
      }
      EncryptReceiptsAndLetters = {
        StringEquals = { "kms:ViaService" = "s3.us-east-1.amazonaws.com" }
        StringLike   = { "kms:EncryptionContext:aws:s3:arn" = [var.curated_bucket.arn, "${var.curated_bucket.arn}/dead-letters/*", "${var.curated_bucket.arn}/purchases/*"] }
      }
      DecryptPackage = {
        StringEquals = { "kms:ViaService" = "s3.us-east-1.amazonaws.com" }
        StringLike   = { "kms:EncryptionContext:aws:s3:arn" = [var.artifacts_bucket.arn, "${var.artifacts_bucket.arn}/alerts/*"] }
      }
    })
    error_message = "The keys are used through the services, for this stream and these buckets."
  }
}

run "in_a_vpc_it_makes_interfaces_in_its_subnets" {
  command = apply

  variables {
    vpc = { subnet_ids = ["subnet-a", "subnet-b"], security_group_ids = ["sg-task"] }
  }

  assert {
    condition     = toset(aws_kinesisanalyticsv2_application.this[0].application_configuration[0].vpc_configuration[0].subnet_ids) == toset(["subnet-a", "subnet-b"]) && toset(aws_kinesisanalyticsv2_application.this[0].application_configuration[0].vpc_configuration[0].security_group_ids) == toset(["sg-task"])
    error_message = "The job is in the subnets that were given."
  }

  assert {
    condition = jsonencode({ for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid => { actions = sort(flatten([statement.Action])), resources = sort(flatten([statement.Resource])) } if startswith(jsonencode(statement.Action), "[\"ec2:") || startswith(jsonencode(statement.Action), "\"ec2:") }) == jsonencode({
      LookAtNetwork = {
        actions   = ["ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"]
        resources = ["*"]
      }
      CreateInterfaces = {
        actions = ["ec2:CreateNetworkInterface"]
        resources = [
          "arn:aws:ec2:us-east-1:123456789012:network-interface/*", "arn:aws:ec2:us-east-1:123456789012:security-group/sg-task",
          "arn:aws:ec2:us-east-1:123456789012:subnet/subnet-a", "arn:aws:ec2:us-east-1:123456789012:subnet/subnet-b",
        ]
      }
      UseInterfaces = {
        actions   = ["ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface"]
        resources = ["arn:aws:ec2:us-east-1:123456789012:network-interface/*"]
      }
    })
    error_message = "The role makes interfaces in the subnets and groups of the job."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : jsonencode(statement.Condition) if statement.Sid == "UseInterfaces"] == [jsonencode({ ArnEquals = { "ec2:Subnet" = ["arn:aws:ec2:us-east-1:123456789012:subnet/subnet-a", "arn:aws:ec2:us-east-1:123456789012:subnet/subnet-b"] } })]
    error_message = "The role removes interfaces of its own subnets alone."
  }
}

run "values_that_the_service_or_the_job_refuses" {
  command = plan

  variables {
    name                     = "Test"
    artifacts_bucket         = { name = "one", arn = "arn:aws:s3:::two-artifacts" }
    curated_bucket           = { name = "one", arn = "arn:aws:s3:::two-curated" }
    package_key              = "/alerts/*.zip"
    stream_arn               = "clickstream-test-events"
    dead_letter_queue_arn    = "clickstream-test-dead-letters"
    dead_letter_queue_url    = "http://localhost/letters"
    stream_key_arn           = "stream"
    messaging_key_arn        = "messaging"
    lake_key_arn             = "lake"
    logs_key_arn             = "logs"
    parallelism              = 0
    alert_types              = ["page view"]
    max_alert_age            = "1 day"
    vpc                      = { subnet_ids = [], security_group_ids = ["sg-task"] }
    permissions_boundary_arn = "boundary"
    log_retention_days       = 100
  }

  expect_failures = [
    var.name, var.artifacts_bucket, var.curated_bucket, var.package_key, var.stream_arn, var.dead_letter_queue_arn, var.dead_letter_queue_url,
    var.stream_key_arn, var.messaging_key_arn, var.lake_key_arn, var.logs_key_arn, var.parallelism, var.alert_types, var.max_alert_age, var.vpc,
    var.permissions_boundary_arn, var.log_retention_days,
  ]
}

run "the_package_lies_in_a_folder" {
  command = plan

  variables {
    package_key = "alerts.zip"
  }

  expect_failures = [var.package_key]
}

run "the_main_topic_is_given" {
  command = plan

  variables {
    topic_arns  = { LargeOrders = "arn:aws:sns:us-east-1:123456789012:clickstream-test-LargeOrders" }
    alert_rules = {}
  }

  expect_failures = [var.topic_arns]
}

run "a_rule_publishes_to_a_topic_that_the_role_may" {
  command = plan

  variables {
    alert_rules = { other = "purchase to arn:aws:sns:us-east-1:123456789012:Other" }
  }

  expect_failures = [var.alert_rules]
}

run "something_is_alerted" {
  command = plan

  variables {
    alert_rules = {}
    alert_types = []
  }

  expect_failures = [var.alert_rules]
}

run "a_property_that_the_job_does_not_know_is_refused" {
  command = plan

  variables {
    properties = { alerts = { dedupe_days = "2" } }
  }

  expect_failures = [var.properties]
}

run "a_property_with_a_variable_of_its_own_is_given_there" {
  command = plan

  variables {
    properties = { alerts = { types = "signup" } }
  }

  expect_failures = [aws_kinesisanalyticsv2_application.this]
}

run "without_a_package_there_is_everything_but_the_application" {
  command = apply

  variables {
    package_key = null
  }

  assert {
    condition     = length(aws_kinesisanalyticsv2_application.this) == 0 && output.application_name == "clickstream-test-alerts" && output.role_arn == aws_iam_role.this.arn
    error_message = "The application's name is known before there is one, and its role and log are made."
  }

  assert {
    condition     = length([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement if statement.Sid == "ReadPackage"]) == 0
    error_message = "Without a package nothing of the artifacts bucket is read."
  }
}
