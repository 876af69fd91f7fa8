variables {
  name               = "clickstream-test"
  logs_bucket        = { name = "clickstream-test-logs-123456789012", arn = "arn:aws:s3:::clickstream-test-logs-123456789012" }
  data_bucket_arns   = ["arn:aws:s3:::clickstream-test-raw-123456789012", "arn:aws:s3:::clickstream-test-curated-123456789012"]
  logs_key_arn       = "arn:aws:kms:us-east-1:123456789012:key/10650000-0000-4000-8000-000000000002"
  monthly_budget_usd = 250
  ops_topic_arns     = ["arn:aws:sns:us-east-1:123456789012:clickstream-test-ops"]
}

run "the_trail_is_whole_encrypted_and_provable" {
  command = apply

  assert {
    condition     = output.trail_name == "clickstream-test-audit" && output.trail_arn == "arn:aws:cloudtrail:us-east-1:123456789012:trail/clickstream-test-audit"
    error_message = "The policies of the bucket and the key know the trail by its name."
  }

  assert {
    condition = (
      aws_cloudtrail.this.is_multi_region_trail && aws_cloudtrail.this.include_global_service_events &&
      aws_cloudtrail.this.enable_log_file_validation && aws_cloudtrail.this.enable_logging
    )
    error_message = "The trail is on, in all regions, with digests."
  }

  assert {
    condition     = aws_cloudtrail.this.kms_key_id == var.logs_key_arn
    error_message = "The trail is encrypted by the logs' key."
  }

  assert {
    condition     = aws_cloudtrail.this.s3_bucket_name == var.logs_bucket.name && aws_cloudtrail.this.s3_key_prefix == "cloudtrail"
    error_message = "The trail is delivered where the bucket's policy lets it in."
  }

  assert {
    condition = [
      for selector in aws_cloudtrail.this.advanced_event_selector : {
        for field in selector.field_selector : field.field => concat(coalesce(field.equals, []), coalesce(field.starts_with, []))
      }
      ] == [
      { eventCategory = tolist(["Management"]) },
      {
        eventCategory    = tolist(["Data"])
        "resources.type" = tolist(["AWS::S3::Object"])
        "resources.ARN"  = tolist(["arn:aws:s3:::clickstream-test-raw-123456789012/", "arn:aws:s3:::clickstream-test-curated-123456789012/"])
      },
    ]
    error_message = "Recorded is all management, and reads and writes of the data buckets' objects."
  }

  assert {
    condition = (
      length(aws_cloudwatch_log_group.trail) == 0 && length(aws_iam_role.trail) == 0 && output.log_group_name == null &&
      aws_cloudtrail.this.cloud_watch_logs_group_arn == null && aws_cloudtrail.this.cloud_watch_logs_role_arn == null
    )
    error_message = "Without being asked to, the trail goes to the bucket alone."
  }
}

run "reads_can_be_left_out" {
  command = apply

  variables {
    record_reads = false
  }

  assert {
    condition = [
      for selector in aws_cloudtrail.this.advanced_event_selector : [for field in selector.field_selector : field.equals if field.field == "readOnly"]
    ] == [[], [tolist(["false"])]]
    error_message = "Of objects only the writes are recorded; of management everything."
  }
}

run "the_trail_goes_to_a_log_group" {
  command = apply

  variables {
    deliver_to_cloudwatch    = true
    log_retention_days       = 30
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/clickstream-test-boundary"
  }

  assert {
    condition = (
      output.log_group_name == "/aws/cloudtrail/clickstream-test-audit" &&
      aws_cloudwatch_log_group.trail[0].kms_key_id == var.logs_key_arn && aws_cloudwatch_log_group.trail[0].retention_in_days == 30
    )
    error_message = "The log group is encrypted by the logs' key and keeps its days."
  }

  assert {
    condition = (
      aws_cloudtrail.this.cloud_watch_logs_group_arn == "${aws_cloudwatch_log_group.trail[0].arn}:*" &&
      aws_cloudtrail.this.cloud_watch_logs_role_arn == aws_iam_role.trail[0].arn
    )
    error_message = "The trail writes to the group, by the role."
  }

  assert {
    condition = aws_iam_role.trail[0].name == "clickstream-test-audit-trail" && (
      aws_iam_role.trail[0].permissions_boundary == "arn:aws:iam::123456789012:policy/clickstream-test-boundary"
    )
    error_message = "The role is named and bounded."
  }

  assert {
    condition = jsondecode(aws_iam_role.trail[0].assume_role_policy).Statement == [{
      Sid       = "CloudTrail"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = "123456789012" }
        ArnEquals    = { "aws:SourceArn" = "arn:aws:cloudtrail:us-east-1:123456789012:trail/clickstream-test-audit" }
      }
    }]
    error_message = "The service takes the role for this trail alone."
  }

  assert {
    condition = aws_iam_role_policy.trail[0].role == aws_iam_role.trail[0].id && jsondecode(aws_iam_role_policy.trail[0].policy).Statement == [{
      Sid      = "Write"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "${aws_cloudwatch_log_group.trail[0].arn}:log-stream:123456789012_CloudTrail_*"
    }]
    error_message = "The role writes the trail's streams and nothing else."
  }
}

run "costs_are_told" {
  command = apply

  variables {
    ops_endpoints = ["ops@example.com"]
  }

  assert {
    condition = (
      output.budget_name == "clickstream-test-monthly" && aws_budgets_budget.this.budget_type == "COST" && aws_budgets_budget.this.time_unit == "MONTHLY" &&
      aws_budgets_budget.this.limit_amount == "250" && aws_budgets_budget.this.limit_unit == "USD"
    )
    error_message = "The budget is that of a month."
  }

  assert {
    condition = toset([
      for notification in aws_budgets_budget.this.notification :
      "${notification.notification_type} ${notification.comparison_operator} ${notification.threshold} ${notification.threshold_type}"
      ]) == toset([
      "ACTUAL GREATER_THAN 80 PERCENTAGE",
      "ACTUAL GREATER_THAN 100 PERCENTAGE",
      "FORECASTED GREATER_THAN 100 PERCENTAGE",
    ])
    error_message = "It tells before and when it is spent, and when it will be."
  }

  assert {
    condition = alltrue([
      for notification in aws_budgets_budget.this.notification :
      notification.subscriber_sns_topic_arns == toset(var.ops_topic_arns) && notification.subscriber_email_addresses == toset(["ops@example.com"])
    ])
    error_message = "It tells the topic and the addresses."
  }

  assert {
    condition = (
      length(aws_budgets_budget.this.cost_filter) == 0 && aws_ce_anomaly_monitor.this[0].monitor_type == "DIMENSIONAL" &&
      aws_ce_anomaly_monitor.this[0].monitor_dimension == "SERVICE" && aws_ce_anomaly_monitor.this[0].name == "clickstream-test-cost"
    )
    error_message = "Without a tag both are of the whole account."
  }

  assert {
    condition = {
      for way, subscription in aws_ce_anomaly_subscription.this :
      way => concat([subscription.name, subscription.frequency], [for one in subscription.subscriber : "${one.type} ${one.address}"])
      } == {
      topic = ["clickstream-test-cost-topic", "IMMEDIATE", "SNS arn:aws:sns:us-east-1:123456789012:clickstream-test-ops"]
      mail  = ["clickstream-test-cost-mail", "DAILY", "EMAIL ops@example.com"]
    }
    error_message = "Anomalies are told to the topic at once, and by e-mail once a day."
  }

  assert {
    condition = alltrue([
      for subscription in aws_ce_anomaly_subscription.this :
      subscription.monitor_arn_list == tolist([output.anomaly_monitor_arn]) && one(subscription.threshold_expression[0].dimension).key == "ANOMALY_TOTAL_IMPACT_ABSOLUTE" &&
      one(one(subscription.threshold_expression[0].dimension).values) == "20"
    ])
    error_message = "What is told is of the monitor, and above the threshold."
  }
}

run "costs_of_a_tag" {
  command = apply

  variables {
    cost_tag              = { key = "Project", value = "clickstream" }
    anomaly_threshold_usd = 5
  }

  assert {
    condition     = one(aws_budgets_budget.this.cost_filter).name == "TagKeyValue" && one(aws_budgets_budget.this.cost_filter).values == tolist(["user:Project$clickstream"])
    error_message = "The budget is of what bears the tag."
  }

  assert {
    condition = (
      aws_ce_anomaly_monitor.this[0].monitor_type == "CUSTOM" && aws_ce_anomaly_monitor.this[0].monitor_dimension == null &&
      jsondecode(aws_ce_anomaly_monitor.this[0].monitor_specification).Tags == { Key = "Project", MatchOptions = null, Values = ["clickstream"] }
    )
    error_message = "The monitor is of what bears the tag."
  }

  assert {
    condition     = toset(keys(aws_ce_anomaly_subscription.this)) == toset(["topic"]) && one(one(aws_ce_anomaly_subscription.this["topic"].threshold_expression[0].dimension).values) == "5"
    error_message = "Without addresses only the topic is told."
  }
}

run "a_monitor_of_the_account_is_used" {
  command = apply

  variables {
    anomaly_monitor_arn = "arn:aws:ce::123456789012:anomalymonitor/0a1b2c3d-0000-4000-8000-000000000003"
  }

  assert {
    condition = length(aws_ce_anomaly_monitor.this) == 0 && alltrue([
      for subscription in aws_ce_anomaly_subscription.this : subscription.monitor_arn_list == tolist([var.anomaly_monitor_arn])
    ])
    error_message = "No second monitor is made."
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    name                     = "Test"
    trail_prefix             = "/cloudtrail/"
    data_bucket_arns         = ["arn:aws:s3:::clickstream-test-raw-123456789012/*"]
    logs_key_arn             = "alias/logs"
    log_retention_days       = 100
    permissions_boundary_arn = "boundary"
    monthly_budget_usd       = 0
    anomaly_threshold_usd    = -1
    cost_tag                 = { key = "", value = "clickstream" }
    anomaly_monitor_arn      = "monitor"
    ops_topic_arns           = ["arn:aws:sns:us-east-1:123456789012:ops.fifo"]
  }

  expect_failures = [
    var.name, var.trail_prefix, var.data_bucket_arns, var.logs_key_arn, var.log_retention_days, var.permissions_boundary_arn,
    var.monthly_budget_usd, var.anomaly_threshold_usd, var.cost_tag, var.anomaly_monitor_arn, var.ops_topic_arns,
  ]
}

run "somebody_has_to_be_told" {
  command = plan

  variables {
    ops_topic_arns = []
  }

  expect_failures = [var.ops_endpoints]
}

run "an_address_has_to_be_one" {
  command = plan

  variables {
    ops_endpoints = ["ops"]
  }

  expect_failures = [var.ops_endpoints]
}
