variables {
  name             = "clickstream-test"
  raw_bucket       = { name = "clickstream-test-raw-123456789012", arn = "arn:aws:s3:::clickstream-test-raw-123456789012" }
  curated_bucket   = { name = "clickstream-test-curated-123456789012", arn = "arn:aws:s3:::clickstream-test-curated-123456789012" }
  artifacts_bucket = { name = "clickstream-test-artifacts-123456789012", arn = "arn:aws:s3:::clickstream-test-artifacts-123456789012" }
  package_key      = "dropped-files/2026-11-26.zip"
  topic_arns = {
    PurchaseAlerts = "arn:aws:sns:us-east-1:123456789012:clickstream-test-PurchaseAlerts"
    LargeOrders    = "arn:aws:sns:us-east-1:123456789012:clickstream-test-LargeOrders"
  }
  dead_letter_queue_arn = "arn:aws:sqs:us-east-1:123456789012:clickstream-test-dead-letters"
  dead_letter_queue_url = "https://sqs.us-east-1.amazonaws.com/123456789012/clickstream-test-dead-letters"
  messaging_key_arn     = "arn:aws:kms:us-east-1:123456789012:key/messaging"
  lake_key_arn          = "arn:aws:kms:us-east-1:123456789012:key/lake"
  logs_key_arn          = "arn:aws:kms:us-east-1:123456789012:key/logs"
  subnet_ids            = ["subnet-a", "subnet-b"]
  security_group_id     = "sg-task"
}

run "the_function_is_the_one_that_was_tested" {
  command = plan

  assert {
    condition     = aws_lambda_function.this[0].function_name == "clickstream-test-dropped-files" && aws_lambda_function.this[0].runtime == "python3.12" && aws_lambda_function.this[0].architectures == tolist(["arm64"])
    error_message = "The function has its name, and the runtime and the processor that its package is built for."
  }

  assert {
    condition     = aws_lambda_function.this[0].handler == "stream_jobs.lambda_handler.handler" && aws_lambda_function.this[0].s3_bucket == var.artifacts_bucket.name && aws_lambda_function.this[0].s3_key == var.package_key
    error_message = "The function is the handler of the package in the artifacts bucket."
  }

  assert {
    condition     = aws_lambda_function.this[0].timeout == module.facts.dropped_files.timeout_s && aws_lambda_function.this[0].memory_size == module.facts.dropped_files.memory_mib && aws_lambda_function.this[0].reserved_concurrent_executions == 5
    error_message = "Time and memory are what the project is tuned for; the concurrency is bounded."
  }

  assert {
    condition     = toset(aws_lambda_function.this[0].vpc_config[0].subnet_ids) == toset(var.subnet_ids) && toset(aws_lambda_function.this[0].vpc_config[0].security_group_ids) == toset([var.security_group_id])
    error_message = "The function is in the VPC."
  }

  assert {
    condition     = aws_lambda_function.this[0].logging_config[0].log_group == aws_cloudwatch_log_group.this.name && aws_lambda_function.this[0].logging_config[0].log_format == "Text" && aws_cloudwatch_log_group.this.name == "/aws/lambda/clickstream-test-dropped-files" && aws_cloudwatch_log_group.this.kms_key_id == var.logs_key_arn && aws_cloudwatch_log_group.this.retention_in_days == 90
    error_message = "The log is encrypted with the logs' key and ends; lines are as the function writes them."
  }

  assert {
    condition = aws_lambda_function.this[0].environment[0].variables == tomap({
      CLICKSTREAM_STREAM                = "clickstream-test-events"
      CLICKSTREAM_RAW_BUCKET            = var.raw_bucket.name
      CLICKSTREAM_CURATED_BUCKET        = var.curated_bucket.name
      CLICKSTREAM_ALERTS_TOPIC_ARN      = var.topic_arns["PurchaseAlerts"]
      CLICKSTREAM_DEAD_LETTER_QUEUE_URL = var.dead_letter_queue_url
      CLICKSTREAM_DROPPED_FILES_TABLE   = "clickstream-test-dropped-files"
      CLICKSTREAM_ALERT_TYPES           = "purchase"
      CLICKSTREAM_ALERT_RULES           = ""
      CLICKSTREAM_MAX_ALERT_AGE         = "24h"
    })
    error_message = "The function's settings are those of this deployment."
  }
}

run "it_alerts_by_the_rules_given" {
  command = plan

  variables {
    alert_types = []
    alert_rules = {
      big    = "purchase where amount_minor >= 100000 to arn:aws:sns:us-east-1:123456789012:clickstream-test-LargeOrders"
      signup = "signup to arn:aws:sns:us-east-1:123456789012:clickstream-test-PurchaseAlerts"
    }
    max_alert_age        = "off"
    settings             = { database = "clickstream_test" }
    stream_name          = "another"
    reserved_concurrency = 20
    batch_size           = 1
  }

  assert {
    condition     = output.environment["CLICKSTREAM_ALERT_TYPES"] == "," && output.environment["CLICKSTREAM_MAX_ALERT_AGE"] == "off" && output.environment["CLICKSTREAM_ALERT_RULES"] == "big: ${var.alert_rules["big"]}; signup: ${var.alert_rules["signup"]}"
    error_message = "Types, rules and age are in the form of the settings."
  }

  assert {
    condition     = output.environment["CLICKSTREAM_DATABASE"] == "clickstream_test" && output.environment["CLICKSTREAM_STREAM"] == "another"
    error_message = "Further settings reach the function."
  }

  assert {
    condition     = aws_lambda_function.this[0].reserved_concurrent_executions == 20 && aws_lambda_event_source_mapping.this[0].scaling_config[0].maximum_concurrency == 20 && aws_lambda_event_source_mapping.this[0].batch_size == 1
    error_message = "Concurrency and batch are as given, the mapping asking for no more than is reserved."
  }
}

run "what_is_done_is_kept_encrypted" {
  command = plan

  assert {
    condition     = aws_dynamodb_table.this.name == "clickstream-test-dropped-files" && aws_dynamodb_table.this.billing_mode == "PAY_PER_REQUEST" && aws_dynamodb_table.this.hash_key == "event_key" && [for attribute in aws_dynamodb_table.this.attribute : "${attribute.name} ${attribute.type}"] == ["event_key S"]
    error_message = "The table has the key that the function writes."
  }

  assert {
    condition     = aws_dynamodb_table.this.ttl[0].enabled && aws_dynamodb_table.this.ttl[0].attribute_name == "expires"
    error_message = "Rows end by the attribute that the function writes."
  }

  assert {
    condition     = aws_dynamodb_table.this.point_in_time_recovery[0].enabled && aws_dynamodb_table.this.point_in_time_recovery[0].recovery_period_in_days == 7 && aws_dynamodb_table.this.deletion_protection_enabled
    error_message = "The table can be restored, and is protected from deletion."
  }

  assert {
    condition     = aws_dynamodb_table.this.server_side_encryption[0].enabled && aws_dynamodb_table.this.server_side_encryption[0].kms_key_arn == var.lake_key_arn
    error_message = "The table is encrypted with the lake's key."
  }
}

run "messages_are_kept_encrypted_and_tried_again" {
  command = apply

  assert {
    condition     = aws_sqs_queue.this.name == "clickstream-test-dropped-files" && aws_sqs_queue.dead.name == "clickstream-test-dropped-files-dead"
    error_message = "The queues have their names."
  }

  assert {
    condition     = alltrue([for queue in [aws_sqs_queue.this, aws_sqs_queue.dead] : queue.kms_master_key_id == var.messaging_key_arn && queue.message_retention_seconds == 1209600])
    error_message = "Both are encrypted with the messaging key and keep messages for 14 days."
  }

  assert {
    condition     = aws_sqs_queue.this.visibility_timeout_seconds == module.facts.dropped_files.visibility_s && aws_sqs_queue.this.visibility_timeout_seconds >= 6 * aws_lambda_function.this[0].timeout
    error_message = "A message is hidden for six times the function's time, as Lambda asks."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.this.redrive_policy) == { deadLetterTargetArn = aws_sqs_queue.dead.arn, maxReceiveCount = 6 }
    error_message = "After six tries a message goes to the queue for failures."
  }

  assert {
    condition     = aws_sqs_queue_redrive_allow_policy.dead.queue_url == aws_sqs_queue.dead.id && jsonencode(jsondecode(aws_sqs_queue_redrive_allow_policy.dead.redrive_allow_policy)) == jsonencode({ redrivePermission = "byQueue", sourceQueueArns = [aws_sqs_queue.this.arn] }) && aws_sqs_queue_redrive_allow_policy.this.queue_url == aws_sqs_queue.this.id && jsondecode(aws_sqs_queue_redrive_allow_policy.this.redrive_allow_policy).redrivePermission == "denyAll"
    error_message = "The queue for failures takes those of this queue alone."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this[0].event_source_arn == aws_sqs_queue.this.arn && aws_lambda_event_source_mapping.this[0].function_name == aws_lambda_function.this[0].arn && toset(aws_lambda_event_source_mapping.this[0].function_response_types) == toset(["ReportBatchItemFailures"])
    error_message = "The function gets the queue's messages and says which of them failed."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this[0].batch_size == module.facts.dropped_files.batch_size && aws_lambda_event_source_mapping.this[0].scaling_config[0].maximum_concurrency == aws_lambda_function.this[0].reserved_concurrent_executions
    error_message = "No message is taken for a function that is busy."
  }
}

run "the_rule_tells_of_objects_below_the_raw_prefix" {
  command = apply

  assert {
    condition = aws_cloudwatch_event_rule.this.name == "clickstream-test-dropped-files" && jsonencode(jsondecode(aws_cloudwatch_event_rule.this.event_pattern)) == jsonencode({
      source      = ["aws.s3"]
      detail-type = ["Object Created"]
      detail      = { bucket = { name = [var.raw_bucket.name] }, object = { key = [{ prefix = "clickstream/" }] } }
    })
    error_message = "The rule is about objects of the raw bucket below the raw prefix."
  }

  assert {
    condition     = aws_cloudwatch_event_target.this.rule == aws_cloudwatch_event_rule.this.name && aws_cloudwatch_event_target.this.arn == aws_sqs_queue.this.arn && aws_cloudwatch_event_target.this.dead_letter_config[0].arn == aws_sqs_queue.dead.arn && aws_cloudwatch_event_target.this.retry_policy[0].maximum_event_age_in_seconds == 86400 && aws_cloudwatch_event_target.this.retry_policy[0].maximum_retry_attempts == 185
    error_message = "The rule sends to the queue for a day, and then to the one for failures."
  }

  assert {
    condition = alltrue([
      for queue_arn, policy in { (aws_sqs_queue.this.arn) = aws_sqs_queue_policy.this.policy, (aws_sqs_queue.dead.arn) = aws_sqs_queue_policy.dead.policy } : jsonencode(jsondecode(policy).Statement) == jsonencode([
        {
          Sid       = "RuleSends"
          Effect    = "Allow"
          Principal = { Service = "events.amazonaws.com" }
          Action    = "sqs:SendMessage"
          Resource  = queue_arn
          Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.this.arn } }
        },
        {
          Sid       = "OnlyByTls"
          Effect    = "Deny"
          Principal = "*"
          Action    = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"]
          Resource  = queue_arn
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
      ])
    ]) && aws_sqs_queue_policy.this.queue_url == aws_sqs_queue.this.id && aws_sqs_queue_policy.dead.queue_url == aws_sqs_queue.dead.id
    error_message = "The rule alone is let in, and all speak TLS."
  }
}

run "the_function_may_do_what_it_does_and_no_more" {
  command = apply

  variables {
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
  }

  assert {
    condition     = aws_lambda_function.this[0].role == aws_iam_role.this.arn && aws_iam_role.this.name == "clickstream-test-dropped-files" && aws_iam_role.this.permissions_boundary == var.permissions_boundary_arn
    error_message = "The role has the name that key and topic policies know, and the boundary."
  }

  assert {
    condition = jsonencode(jsondecode(aws_iam_role.this.assume_role_policy).Statement) == jsonencode([{
      Sid       = "Lambda"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = "123456789012" }
        ArnEquals    = { "aws:SourceArn" = "arn:aws:lambda:us-east-1:123456789012:function:clickstream-test-dropped-files" }
      }
    }])
    error_message = "This function alone takes the role."
  }

  assert {
    condition = jsonencode({ for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid => sort(flatten([statement.Action])) }) == jsonencode({
      TakeMessages              = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
      ReadFiles                 = ["s3:GetObject", "s3:GetObjectVersion"]
      TellGoneFromForbidden     = ["s3:ListBucket"]
      AlertOnce                 = ["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:PutItem"]
      PublishAlerts             = ["sns:Publish"]
      SendDeadLetters           = ["sqs:SendMessage"]
      WriteReceiptsAndLetters   = ["s3:PutObject"]
      DecryptMessages           = ["kms:Decrypt"]
      EncryptAlerts             = ["kms:Decrypt", "kms:GenerateDataKey"]
      EncryptDeadLetters        = ["kms:Decrypt", "kms:GenerateDataKey"]
      DecryptFiles              = ["kms:Decrypt"]
      EncryptReceiptsAndLetters = ["kms:GenerateDataKey"]
      DecryptTable              = ["kms:Decrypt"]
      WriteLog                  = ["logs:CreateLogStream", "logs:PutLogEvents"]
      LookAtNetwork             = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"]
      AttachToNetwork           = ["ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:UnassignPrivateIpAddresses"]
      NotByTheCode              = ["ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DetachNetworkInterface", "ec2:UnassignPrivateIpAddresses"]
    })
    error_message = "The role has these actions and no others."
  }

  assert {
    condition = jsonencode({ for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid => sort(flatten([statement.Resource])) }) == jsonencode({
      TakeMessages              = [aws_sqs_queue.this.arn]
      ReadFiles                 = ["${var.raw_bucket.arn}/clickstream/*"]
      TellGoneFromForbidden     = [var.raw_bucket.arn]
      AlertOnce                 = [aws_dynamodb_table.this.arn]
      PublishAlerts             = sort(values(var.topic_arns))
      SendDeadLetters           = [var.dead_letter_queue_arn]
      WriteReceiptsAndLetters   = ["${var.curated_bucket.arn}/dead-letters/*", "${var.curated_bucket.arn}/purchases/*"]
      DecryptMessages           = [var.messaging_key_arn]
      EncryptAlerts             = [var.messaging_key_arn]
      EncryptDeadLetters        = [var.messaging_key_arn]
      DecryptFiles              = [var.lake_key_arn]
      EncryptReceiptsAndLetters = [var.lake_key_arn]
      DecryptTable              = [var.lake_key_arn]
      WriteLog                  = ["${aws_cloudwatch_log_group.this.arn}:log-stream:*"]
      LookAtNetwork             = ["*"]
      AttachToNetwork           = ["arn:aws:ec2:us-east-1:123456789012:*"]
      NotByTheCode              = ["*"]
    })
    error_message = "The role has them on this deployment's queue, prefixes, table, topics, keys and log alone."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid if statement.Effect == "Deny"] == ["NotByTheCode"]
    error_message = "What is for Lambda alone is denied to the code, and nothing else is."
  }

  assert {
    condition = jsonencode({ for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid => statement.Condition if can(statement.Condition) }) == jsonencode({
      DecryptMessages           = { StringEquals = { "kms:ViaService" = "sqs.us-east-1.amazonaws.com", "kms:EncryptionContext:aws:sqs:arn" = aws_sqs_queue.this.arn } }
      EncryptAlerts             = { StringEquals = { "kms:ViaService" = "sns.us-east-1.amazonaws.com", "kms:EncryptionContext:aws:sns:topicArn" = values(var.topic_arns) } }
      EncryptDeadLetters        = { StringEquals = { "kms:ViaService" = "sqs.us-east-1.amazonaws.com", "kms:EncryptionContext:aws:sqs:arn" = var.dead_letter_queue_arn } }
      DecryptFiles              = { StringEquals = { "kms:ViaService" = "s3.us-east-1.amazonaws.com" }, StringLike = { "kms:EncryptionContext:aws:s3:arn" = [var.raw_bucket.arn, "${var.raw_bucket.arn}/clickstream/*"] } }
      EncryptReceiptsAndLetters = { StringEquals = { "kms:ViaService" = "s3.us-east-1.amazonaws.com" }, StringLike = { "kms:EncryptionContext:aws:s3:arn" = [var.curated_bucket.arn, "${var.curated_bucket.arn}/dead-letters/*", "${var.curated_bucket.arn}/purchases/*"] } }
      DecryptTable              = { StringEquals = { "kms:ViaService" = "dynamodb.us-east-1.amazonaws.com", "kms:EncryptionContext:aws:dynamodb:tableName" = "clickstream-test-dropped-files" } }
      NotByTheCode              = { ArnEquals = { "lambda:SourceFunctionArn" = "arn:aws:lambda:us-east-1:123456789012:function:clickstream-test-dropped-files" } }
    })
    error_message = "The keys are used through the services, for these queues, topics, buckets and this table."
  }
}

run "values_that_the_services_refuse" {
  command = plan

  variables {
    name                        = "Test"
    raw_bucket                  = { name = "one", arn = "arn:aws:s3:::two-raw" }
    curated_bucket              = { name = "one", arn = "arn:aws:s3:::two-curated" }
    artifacts_bucket            = { name = "one", arn = "arn:aws:s3:::two-artifacts" }
    package_key                 = "function.tar"
    dead_letter_queue_arn       = "letters"
    dead_letter_queue_url       = "letters"
    messaging_key_arn           = "messaging"
    lake_key_arn                = "lake"
    logs_key_arn                = "logs"
    subnet_ids                  = []
    reserved_concurrency        = 1
    batch_size                  = 11
    alert_types                 = ["page view"]
    max_alert_age               = "1 day"
    point_in_time_recovery_days = 36
    permissions_boundary_arn    = "boundary"
    log_retention_days          = 100
  }

  expect_failures = [
    var.name, var.raw_bucket, var.curated_bucket, var.artifacts_bucket, var.package_key, var.dead_letter_queue_arn, var.dead_letter_queue_url,
    var.messaging_key_arn, var.lake_key_arn, var.logs_key_arn, var.subnet_ids, var.reserved_concurrency, var.batch_size, var.alert_types, var.max_alert_age,
    var.point_in_time_recovery_days, var.permissions_boundary_arn, var.log_retention_days,
  ]
}

run "the_main_topic_is_given" {
  command = plan

  variables {
    topic_arns = {}
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
    alert_types = []
  }

  expect_failures = [var.alert_rules]
}

run "a_setting_that_the_programs_do_not_know_is_refused" {
  command = plan

  variables {
    settings = { databse = "clickstream" }
  }

  expect_failures = [var.settings]
}

run "a_setting_with_a_variable_of_its_own_is_given_there" {
  command = plan

  variables {
    settings = { raw_bucket = "another" }
  }

  expect_failures = [var.settings]
}

run "without_a_package_there_is_everything_but_the_function" {
  command = apply

  variables {
    package_key = null
  }

  assert {
    condition     = length(aws_lambda_function.this) == 0 && length(aws_lambda_event_source_mapping.this) == 0
    error_message = "There is nothing to run without a package."
  }

  assert {
    condition     = output.function_name == "clickstream-test-dropped-files" && aws_cloudwatch_event_target.this.arn == aws_sqs_queue.this.arn
    error_message = "The function's name is known before there is one, and the queue keeps what comes."
  }
}

run "files_and_table_are_reached_from_the_network_alone" {
  command = apply

  variables {
    s3_endpoint_id       = "vpce-0123456789abcdef0"
    dynamodb_endpoint_id = "vpce-0fedcba9876543210"
  }

  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid => statement.Condition.StringEquals["aws:SourceVpce"]
      if can(statement.Condition.StringEquals["aws:SourceVpce"])
      } == {
      ReadFiles               = "vpce-0123456789abcdef0"
      TellGoneFromForbidden   = "vpce-0123456789abcdef0"
      WriteReceiptsAndLetters = "vpce-0123456789abcdef0"
      AlertOnce               = "vpce-0fedcba9876543210"
    }
    error_message = "What the function does with files and with the table it does through the endpoints."
  }
}
