variables {
  name                  = "clickstream-test"
  database              = "clickstream_test"
  stream_name           = "events-stream"
  firehose_name         = "raw-firehose"
  application_name      = "alerts-application"
  topic_name            = "purchase-topic"
  rule_topic_names      = ["large-orders-topic"]
  function_name         = "dropped-function"
  failed_runs_rule_name = "clickstream-test-compaction-failed"
  compaction_memory_mib = 2048
  queues = {
    dead_letters              = "letters-queue"
    subscription_dead_letters = { shop = "shop-letters-queue", crm = "crm-letters-queue" }
    dropped_files             = "dropped-queue"
    dropped_files_dead        = "dropped-dead-queue"
    raw_objects               = "raw-objects-queue"
    schedule_dead_letters     = "schedule-letters-queue"
  }
  bucket_names           = { raw = "raw-bucket", curated = "curated-bucket" }
  warehouse_workgroup    = "warehouse"
  warehouse_max_capacity = 64
  messaging_key_arn      = "arn:aws:kms:us-east-1:123456789012:key/messaging"
  ops_endpoints          = ["ops@example.com", "data@example.com"]
  page_endpoints         = { pager = { protocol = "https", endpoint = "https://pager.example.com/hook" } }
  runbook_url            = "https://example.com/docs/runbook.md"
}

# Applied once; what follows with the same variables looks at what was made.
run "every_alarm_watches_what_it_should" {
  command = apply

  # Lines are sorted: a metric, or the expression and its metrics.
  assert {
    condition = jsonencode({
      for name, alarm in aws_cloudwatch_metric_alarm.this : name => sort(concat(
        [for metric in alarm.metric_name[*] : "${alarm.namespace} ${metric} ${alarm.statistic} ${join(" ", [for key, value in alarm.dimensions : "${key}=${value}"])}"],
        [for query in alarm.metric_query : query.expression if query.expression != null],
        flatten([for query in alarm.metric_query : [
          for metric in query.metric : "${query.id}: ${metric.namespace} ${metric.metric_name} ${metric.stat} ${join(" ", [for key, value in metric.dimensions : "${key}=${value}"])}"
        ]]),
      ))
      }) == jsonencode({
      iterator-age       = ["AWS/Kinesis GetRecords.IteratorAgeMilliseconds Maximum StreamName=events-stream"]
      throttled-puts     = ["AWS/Kinesis WriteProvisionedThroughputExceeded Sum StreamName=events-stream"]
      firehose-freshness = ["AWS/Firehose DeliveryToS3.DataFreshness Maximum DeliveryStreamName=raw-firehose"]
      firehose-delivery  = ["AWS/Firehose DeliveryToS3.Success Average DeliveryStreamName=raw-firehose"]
      firehose-silent = [
        "IF(FILL(put, 0) > 0 AND FILL(delivered, 0) == 0, 1, 0)",
        "delivered: AWS/Firehose DeliveryToS3.Records Sum DeliveryStreamName=raw-firehose",
        "put: AWS/Kinesis IncomingRecords Sum StreamName=events-stream",
      ]
      job-down = [
        "MAX([restarting, failing, cancelling])",
        "cancelling: AWS/KinesisAnalytics cancellingTime Maximum Application=alerts-application",
        "failing: AWS/KinesisAnalytics failingTime Maximum Application=alerts-application",
        "restarting: AWS/KinesisAnalytics restartingTime Maximum Application=alerts-application",
      ]
      job-restarts = [
        "DIFF(restarts)",
        "restarts: AWS/KinesisAnalytics numRestarts Maximum Application=alerts-application",
      ]
      checkpoint-failures = [
        "DIFF(failures)",
        "failures: AWS/KinesisAnalytics numberOfFailedCheckpoints Maximum Application=alerts-application",
      ]
      checkpoint-duration = ["AWS/KinesisAnalytics lastCheckpointDuration Maximum Application=alerts-application"]
      job-behind          = ["SELECT MAX(millisBehindLatest) FROM \"AWS/KinesisAnalytics\" WHERE Application = 'alerts-application'"]
      alerts-unsettled    = ["SELECT MAX(oldest_unsettled_ms) FROM \"AWS/KinesisAnalytics\" WHERE Application = 'alerts-application'"]
      far-side-failing    = ["SELECT MAX(failing_for_ms) FROM \"AWS/KinesisAnalytics\" WHERE Application = 'alerts-application'"]
      job-memory          = ["AWS/KinesisAnalytics containerMemoryUtilization Maximum Application=alerts-application"]

      dead-letters                       = ["AWS/SQS ApproximateNumberOfMessagesVisible Maximum QueueName=letters-queue"]
      dead-letters-age                   = ["AWS/SQS ApproximateAgeOfOldestMessage Maximum QueueName=letters-queue"]
      subscription-dead-letters-shop     = ["AWS/SQS ApproximateNumberOfMessagesVisible Maximum QueueName=shop-letters-queue"]
      subscription-dead-letters-shop-age = ["AWS/SQS ApproximateAgeOfOldestMessage Maximum QueueName=shop-letters-queue"]
      subscription-dead-letters-crm      = ["AWS/SQS ApproximateNumberOfMessagesVisible Maximum QueueName=crm-letters-queue"]
      subscription-dead-letters-crm-age  = ["AWS/SQS ApproximateAgeOfOldestMessage Maximum QueueName=crm-letters-queue"]
      dropped-files-dead                 = ["AWS/SQS ApproximateNumberOfMessagesVisible Maximum QueueName=dropped-dead-queue"]
      dropped-files-dead-age             = ["AWS/SQS ApproximateAgeOfOldestMessage Maximum QueueName=dropped-dead-queue"]
      schedule-dead-letters              = ["AWS/SQS ApproximateNumberOfMessagesVisible Maximum QueueName=schedule-letters-queue"]
      schedule-dead-letters-age          = ["AWS/SQS ApproximateAgeOfOldestMessage Maximum QueueName=schedule-letters-queue"]
      notifications-failed = [
        "SUM(METRICS())",
        "m0: AWS/SNS NumberOfNotificationsFailed Sum TopicName=purchase-topic",
        "m1: AWS/SNS NumberOfNotificationsFailed Sum TopicName=large-orders-topic",
      ]
      notifications-lost = [
        "SUM(METRICS())",
        "m0: AWS/SNS NumberOfNotificationsFailedToRedriveToDlq Sum TopicName=purchase-topic",
        "m1: AWS/SNS NumberOfNotificationsFailedToRedriveToDlq Sum TopicName=large-orders-topic",
      ]
      function-errors = [
        "IF(invocations > 0, 100 * errors / invocations, 0)",
        "errors: AWS/Lambda Errors Sum FunctionName=dropped-function",
        "invocations: AWS/Lambda Invocations Sum FunctionName=dropped-function",
      ]
      function-throttles    = ["AWS/Lambda Throttles Sum FunctionName=dropped-function"]
      dropped-files-waiting = ["AWS/SQS ApproximateAgeOfOldestMessage Maximum QueueName=dropped-queue"]

      compaction-late       = ["Clickstream/Compaction Runs Sum Database=clickstream_test"]
      compaction-failed     = ["AWS/Events TriggeredRules Sum RuleName=clickstream-test-compaction-failed"]
      published-through-age = ["Clickstream/Compaction PublishedThroughAge Minimum Database=clickstream_test"]
      hours-held            = ["Clickstream/Compaction HoursHeld Maximum Database=clickstream_test"]
      objects-unread        = ["Clickstream/Compaction ObjectsUnread Maximum Database=clickstream_test"]
      objects-overwritten   = ["Clickstream/Compaction ObjectsOverwritten Maximum Database=clickstream_test"]
      messages-strange      = ["Clickstream/Compaction MessagesStrange Maximum Database=clickstream_test"]
      raw-objects-waiting   = ["AWS/SQS ApproximateAgeOfOldestMessage Maximum QueueName=raw-objects-queue"]
      quarantine-ratio = [
        "IF(lines > 0, 100 * quarantined / lines, 0)",
        "lines: Clickstream/Compaction Lines Sum Database=clickstream_test",
        "quarantined: Clickstream/Compaction Quarantined Sum Database=clickstream_test",
      ]
      compaction-duration  = ["Clickstream/Compaction Duration Maximum Database=clickstream_test"]
      compaction-memory    = ["Clickstream/Compaction PeakMemory Maximum Database=clickstream_test"]
      compaction-overtaken = ["Clickstream/Compaction Overtaken Maximum Database=clickstream_test"]
      anomalies            = ["Clickstream/Validation Anomalies Maximum Database=clickstream_test"]
      hours-rolled-back    = ["Clickstream/Validation HoursRolledBack Maximum Database=clickstream_test"]
      validation-late      = ["Clickstream/Validation Anomalies SampleCount Database=clickstream_test"]

      bucket-growth-raw = [
        "IF(SUM(METRICS()) > 10737418240, 100 * DIFF(SUM(METRICS())) / (SUM(METRICS()) - DIFF(SUM(METRICS()))), 0)",
        "archived: AWS/S3 BucketSizeBytes Average BucketName=raw-bucket StorageType=GlacierInstantRetrievalStorage",
        "standard: AWS/S3 BucketSizeBytes Average BucketName=raw-bucket StorageType=StandardStorage",
      ]
      bucket-growth-curated = [
        "IF(SUM(METRICS()) > 10737418240, 100 * DIFF(SUM(METRICS())) / (SUM(METRICS()) - DIFF(SUM(METRICS()))), 0)",
        "archived: AWS/S3 BucketSizeBytes Average BucketName=curated-bucket StorageType=GlacierInstantRetrievalStorage",
        "standard: AWS/S3 BucketSizeBytes Average BucketName=curated-bucket StorageType=StandardStorage",
      ]
      warehouse-queue    = ["SELECT MAX(QueriesQueued) FROM \"AWS/Redshift-Serverless\" WHERE Workgroup = 'warehouse'"]
      warehouse-capacity = ["AWS/Redshift-Serverless ComputeCapacity Average Workgroup=warehouse"]
    })
    error_message = "An alarm is gone, new, or watches another metric, or that of another resource."
  }

  assert {
    condition     = alltrue([for name, alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name == "clickstream-test-${name}"])
    error_message = "Names of alarms begin with that of the environment: the topics take no others."
  }

  assert {
    condition = alltrue([for alarm in aws_cloudwatch_metric_alarm.this :
      alarm.actions_enabled && tolist(alarm.alarm_actions) == tolist([aws_sns_topic.this["ops"].arn]) && tolist(alarm.ok_actions) == tolist([aws_sns_topic.this["ops"].arn])
    ])
    error_message = "Each alarm tells the topic of all alarms when it comes and when it goes."
  }

  assert {
    condition = alltrue([for alarm in aws_cloudwatch_metric_alarm.this :
      alarm.metric_name != null ? length(alarm.metric_query) == 0 : [for query in alarm.metric_query : query.id if query.return_data == true] == ["watched"]
    ])
    error_message = "An alarm watches one metric or one expression."
  }

  # Source: CloudWatch API reference, "PutMetricAlarm"; CloudWatch user guide, "Metrics Insights quotas" and "Alarm data queries".
  assert {
    condition = alltrue([for name, alarm in local.alarms :
      alarm.period * alarm.evaluation <= (alarm.period < 3600 ? 86400 : 604800)
      && (startswith(coalesce(alarm.expression, "-"), "SELECT") ? alarm.period * alarm.evaluation <= 10800 : true)
      && alarm.datapoints >= 1 && alarm.datapoints <= alarm.evaluation
      && length(alarm.metrics) <= 10
      && contains(["missing", "ignore", "breaching", "notBreaching"], alarm.missing)
      && length(alarm.description) <= 1024
    ])
    error_message = "CloudWatch refuses such an alarm."
  }

  # AWS has no list to ask; these are from the developer guides that the alarms_*.tf and dashboard.tf name.
  assert {
    condition = length(setsubtract(
      concat(
        flatten([for alarm in aws_cloudwatch_metric_alarm.this : concat(
          [for metric in alarm.metric_name[*] : "${alarm.namespace} ${metric}"],
          flatten([for query in alarm.metric_query : [for metric in query.metric : "${metric.namespace} ${metric.metric_name}"]]),
          [for query in alarm.metric_query : format("%s %s", regex("FROM \"([^\"]+)\"", query.expression)[0], regex("MAX\\((\\w+)\\)", query.expression)[0]) if startswith(coalesce(query.expression, "-"), "SELECT")],
        )]),
        flatten([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : [
          for metric in try(widget.properties.metrics, []) : "${metric[0]} ${metric[1]}" if length(metric) > 1
        ]]),
      ),
      flatten([
        [for name in module.facts.metrics.compaction.names : "Clickstream/Compaction ${name}"],
        [for name in module.facts.metrics.validation.names : "Clickstream/Validation ${name}"],
        [for name in module.facts.metrics.job.names : "AWS/KinesisAnalytics ${name}"],
        [for namespace, names in {
          "AWS/Kinesis"             = ["GetRecords.IteratorAgeMilliseconds", "WriteProvisionedThroughputExceeded", "IncomingRecords", "IncomingBytes", "PutRecords.Latency"]
          "AWS/Firehose"            = ["DeliveryToS3.DataFreshness", "DeliveryToS3.Success", "DeliveryToS3.Records"]
          "AWS/KinesisAnalytics"    = ["restartingTime", "failingTime", "cancellingTime", "numRestarts", "numberOfFailedCheckpoints", "lastCheckpointDuration", "containerMemoryUtilization", "millisBehindLatest"]
          "AWS/SNS"                 = ["NumberOfMessagesPublished", "NumberOfNotificationsFailed", "NumberOfNotificationsFailedToRedriveToDlq"]
          "AWS/SQS"                 = ["ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"]
          "AWS/Lambda"              = ["Errors", "Invocations", "Throttles"]
          "AWS/Events"              = ["TriggeredRules"]
          "AWS/S3"                  = ["BucketSizeBytes"]
          "AWS/Redshift-Serverless" = ["ComputeCapacity", "QueriesQueued"]
          "AWS/Billing"             = ["EstimatedCharges"]
        } : [for name in names : "${namespace} ${name}"]],
      ]),
    )) == 0
    error_message = "A metric that nobody publishes: an alarm on it never comes, a widget stays empty."
  }

  assert {
    condition     = toset([for name, alarm in aws_cloudwatch_metric_alarm.this : name if alarm.treat_missing_data == "breaching"]) == toset(["job-down", "compaction-late", "validation-late"])
    error_message = "No data is a fault of what should always tell something, and of nothing else."
  }

  assert {
    condition     = toset([for name, alarm in aws_cloudwatch_metric_alarm.this : name if alarm.comparison_operator != "GreaterThanThreshold"]) == toset(["firehose-delivery", "compaction-late", "validation-late"])
    error_message = "Only what has to reach something is compared downwards."
  }
}

run "descriptions_lead_to_the_runbook" {
  command = plan

  assert {
    condition = toset(concat(
      [for alarm in aws_cloudwatch_metric_alarm.this : regex("[.] https://example[.]com/docs/runbook[.]md#([a-z-]+)$", alarm.alarm_description)[0]],
      [for alarm in aws_cloudwatch_composite_alarm.this : regex("[.] https://example[.]com/docs/runbook[.]md#([a-z-]+)$", alarm.alarm_description)[0]],
    )) == toset(flatten(regexall("(?m)^### ([a-z-]+)$", file("${path.module}/../../../../docs/runbook.md"))))
    error_message = "The alarms lead to the headings of docs/runbook.md, and to each of them."
  }
}

run "only_what_cannot_wait_pages" {
  command = plan

  assert {
    condition = aws_cloudwatch_composite_alarm.this["page"].alarm_rule == join(" OR ", [for name in sort([
      "iterator-age", "firehose-freshness", "firehose-silent",
      "job-down", "job-restarts", "job-behind", "alerts-unsettled", "far-side-failing",
      "notifications-lost", "dead-letters-age", "dropped-files-dead-age", "schedule-dead-letters-age",
      "subscription-dead-letters-crm-age", "subscription-dead-letters-shop-age",
    ]) : "ALARM(\"clickstream-test-${name}\")"])
    error_message = "Somebody is woken for late or lost alerts, and for what will be lost."
  }

  assert {
    condition = toset(flatten([for composite in aws_cloudwatch_composite_alarm.this : regexall("ALARM\\(\"([^\"]+)\"\\)", composite.alarm_rule)])) == toset(
    [for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name]) && sum([for composite in aws_cloudwatch_composite_alarm.this : length(regexall("ALARM", composite.alarm_rule))]) == length(aws_cloudwatch_metric_alarm.this)
    error_message = "Each alarm belongs to one severity."
  }

  assert {
    condition     = toset(aws_cloudwatch_composite_alarm.this["page"].alarm_actions) == toset([aws_sns_topic.this["ops"].arn, aws_sns_topic.this["pages"].arn]) && toset(aws_cloudwatch_composite_alarm.this["page"].ok_actions) == toset(aws_cloudwatch_composite_alarm.this["page"].alarm_actions)
    error_message = "The composite alarm page tells those who are woken, when it comes and when it goes."
  }

  assert {
    condition     = toset(aws_cloudwatch_composite_alarm.this["ticket"].alarm_actions) == toset([aws_sns_topic.this["ops"].arn]) && toset(aws_cloudwatch_composite_alarm.this["ticket"].ok_actions) == toset([aws_sns_topic.this["ops"].arn])
    error_message = "A ticket wakes nobody."
  }

  assert {
    condition     = alltrue([for composite in aws_cloudwatch_composite_alarm.this : composite.actions_enabled && length(composite.alarm_rule) <= 10240])
    error_message = "Composite alarms act, and their rules are no longer than CloudWatch takes."
  }
}

run "topics_are_encrypted_and_take_nothing_from_others" {
  command = plan

  assert {
    condition     = { for key, topic in aws_sns_topic.this : key => "${topic.name} ${topic.kms_master_key_id}" } == { ops = "clickstream-test-ops-alerts ${var.messaging_key_arn}", pages = "clickstream-test-ops-pages ${var.messaging_key_arn}" }
    error_message = "Both topics are encrypted with the messaging key."
  }

  assert {
    condition = {
      for statement in jsondecode(aws_sns_topic_policy.this["ops"].policy).Statement : statement.Sid => jsonencode([statement.Principal.Service, statement.Action, statement.Resource, statement.Condition]) if statement.Effect == "Allow"
      } == {
      AlarmsPublish        = jsonencode(["cloudwatch.amazonaws.com", "sns:Publish", aws_sns_topic.this["ops"].arn, { StringEquals = { "aws:SourceAccount" = "123456789012" }, ArnLike = { "aws:SourceArn" = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:clickstream-test-*" } }])
      BudgetsPublish       = jsonencode(["budgets.amazonaws.com", "sns:Publish", aws_sns_topic.this["ops"].arn, { StringEquals = { "aws:SourceAccount" = "123456789012" }, ArnLike = { "aws:SourceArn" = "arn:aws:budgets::123456789012:*" } }])
      CostAnomaliesPublish = jsonencode(["costalerts.amazonaws.com", "sns:Publish", aws_sns_topic.this["ops"].arn, { StringEquals = { "aws:SourceAccount" = "123456789012" }, ArnLike = { "aws:SourceArn" = "arn:aws:ce::123456789012:anomalysubscription/*" } }])
    }
    error_message = "Alarms, budgets and cost anomalies of this account publish to the topic of all alarms, and nobody else."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_sns_topic_policy.this["pages"].policy).Statement : jsonencode([statement.Principal.Service, statement.Action, statement.Resource, statement.Condition]) if statement.Effect == "Allow"
    ] == [jsonencode(["cloudwatch.amazonaws.com", "sns:Publish", aws_sns_topic.this["pages"].arn, { StringEquals = { "aws:SourceAccount" = "123456789012" }, ArnLike = { "aws:SourceArn" = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:clickstream-test-*" } }])]
    error_message = "Alarms alone wake anybody."
  }

  assert {
    condition = alltrue([for key, policy in aws_sns_topic_policy.this : [
      for statement in jsondecode(policy.policy).Statement : [statement.Principal, statement.Action, statement.Resource, statement.Condition.Bool["aws:SecureTransport"]] if statement.Effect == "Deny"
    ] == [["*", "sns:Publish", aws_sns_topic.this[key].arn, "false"]] && policy.arn == aws_sns_topic.this[key].arn])
    error_message = "Nothing is published in the clear, and each topic has its own policy."
  }

  assert {
    condition = [for address in ["data@example.com", "ops@example.com"] : join(" ", [
      aws_sns_topic_subscription.ops[address].topic_arn, aws_sns_topic_subscription.ops[address].protocol, aws_sns_topic_subscription.ops[address].endpoint
    ])] == [for address in ["data@example.com", "ops@example.com"] : "${aws_sns_topic.this["ops"].arn} email ${address}"]
    error_message = "Each address gets every alarm."
  }

  assert {
    condition     = join(" ", [aws_sns_topic_subscription.pages["pager"].topic_arn, aws_sns_topic_subscription.pages["pager"].protocol, aws_sns_topic_subscription.pages["pager"].endpoint]) == "${aws_sns_topic.this["pages"].arn} https https://pager.example.com/hook"
    error_message = "Who is woken gets the pages alone."
  }
}

run "the_dashboard_shows_every_part" {
  command = plan

  assert {
    condition = [for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget.properties.title] == [
      "Is all well?", "Alarms",
      "Ingestion latency, ms", "Records in and out", "Bytes by shard",
      "Alert latency of the last 1,000 alerts, ms", "Alerts", "Alert job",
      "Freshness, s", "Quarantine and held hours", "Compaction",
      "Messages in queues", "Size of the buckets, bytes", "Charges so far this month, USD", "Warehouse",
    ]
    error_message = "A part of the pipeline is not on the dashboard."
  }

  assert {
    condition     = toset(jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets[1].properties.alarms) == toset([for alarm in aws_cloudwatch_metric_alarm.this : alarm.arn]) && toset(jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets[0].properties.alarms) == toset([for alarm in aws_cloudwatch_composite_alarm.this : alarm.arn])
    error_message = "Every alarm is on the dashboard."
  }

  assert {
    condition = alltrue([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets :
      widget.properties.region == (widget.properties.title == "Charges so far this month, USD" ? "us-east-1" : data.aws_region.this.region) if widget.type == "metric"
    ])
    error_message = "Charges are in one region alone."
  }

  # A grid of 24 columns in which nothing lies on another.
  assert {
    condition = length(distinct([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : "${widget.x} ${widget.y}"])) == length(jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets) && alltrue([
      for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget.x + widget.width <= 24
    ])
    error_message = "Widgets lie side by side."
  }

  assert {
    condition     = aws_cloudwatch_dashboard.this.dashboard_name == "clickstream-test" && output.dashboard_name == "clickstream-test"
    error_message = "The dashboard has the environment's name."
  }

  assert {
    condition = alltrue([for name in ["events-stream", "raw-firehose", "alerts-application", "purchase-topic", "large-orders-topic", "clickstream_test", "warehouse",
      "raw-objects-queue", "dropped-queue", "letters-queue", "dropped-dead-queue", "schedule-letters-queue", "shop-letters-queue", "crm-letters-queue", "raw-bucket", "curated-bucket"] :
    strcontains(aws_cloudwatch_dashboard.this.dashboard_body, name)])
    error_message = "The dashboard shows what it was given."
  }
}

run "outputs_name_what_others_need" {
  command = plan

  assert {
    condition     = output.ops_topic_arn == aws_sns_topic.this["ops"].arn && output.page_topic_arn == aws_sns_topic.this["pages"].arn
    error_message = "Outputs name the topics and the log."
  }

  assert {
    condition     = length(output.alarm_names) == length(aws_cloudwatch_metric_alarm.this) + 2 && output.alarm_names["job-down"] == "clickstream-test-job-down" && output.alarm_names["page"] == "clickstream-test-page"
    error_message = "All alarms are named, the composite ones too."
  }
}

run "thresholds_are_those_that_are_given" {
  command = apply

  variables {
    compaction_memory_mib  = 4096
    warehouse_max_capacity = 200
    thresholds = {
      iterator_age_ms            = 1001
      firehose_freshness_s       = 1002
      firehose_success_ratio     = 0.5
      job_down_ms                = 1003
      millis_behind_latest_ms    = 1004
      oldest_unsettled_ms        = 1005
      failing_for_ms             = 1006
      checkpoint_duration_ms     = 1007
      container_memory_percent   = 51
      dead_letter_age_s          = 1008
      dropped_files_age_s        = 1009
      raw_objects_age_s          = 1010
      function_error_percent     = 52
      quarantine_percent         = 53
      compaction_duration_s      = 1011
      compaction_memory_percent  = 50
      published_through_age_s    = 5401
      warehouse_queued           = 54
      warehouse_capacity_percent = 55
      bucket_growth_percent      = 156
      bucket_growth_floor_bytes  = 1012
    }
  }

  assert {
    condition = { for name, alarm in aws_cloudwatch_metric_alarm.this : name => alarm.threshold if alarm.threshold > 1 } == {
      iterator-age                       = 1001
      firehose-freshness                 = 1002
      job-down                           = 1003
      job-behind                         = 1004
      alerts-unsettled                   = 1005
      far-side-failing                   = 1006
      checkpoint-duration                = 1007
      job-memory                         = 51
      dead-letters-age                   = 1008
      dropped-files-dead-age             = 1008
      schedule-dead-letters-age          = 1008
      subscription-dead-letters-crm-age  = 1008
      subscription-dead-letters-shop-age = 1008
      dropped-files-waiting              = 1009
      raw-objects-waiting                = 1010
      function-errors                    = 52
      quarantine-ratio                   = 53
      compaction-duration                = 1011
      compaction-memory                  = 2147483648
      published-through-age              = 5401
      warehouse-queue                    = 54
      warehouse-capacity                 = 110
      bucket-growth-raw                  = 156
      bucket-growth-curated              = 156
    }
    error_message = "Each threshold is that of its alarm."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["firehose-delivery"].threshold == 0.5 && aws_cloudwatch_metric_alarm.this["compaction-late"].threshold == 1 && aws_cloudwatch_metric_alarm.this["validation-late"].threshold == 1
    error_message = "What has to reach something has to reach this."
  }

  assert {
    condition     = alltrue([for key in ["raw", "curated"] : anytrue([for query in aws_cloudwatch_metric_alarm.this["bucket-growth-${key}"].metric_query : startswith(coalesce(query.expression, "-"), "IF(SUM(METRICS()) > 1012,")])])
    error_message = "Buckets below the floor may grow."
  }
}

run "without_a_warehouse_there_is_nothing_of_it" {
  command = apply

  variables {
    warehouse_workgroup    = null
    warehouse_max_capacity = null
  }

  assert {
    condition     = length([for name in keys(aws_cloudwatch_metric_alarm.this) : name if startswith(name, "warehouse")]) == 0 && !strcontains(aws_cloudwatch_dashboard.this.dashboard_body, "Redshift")
    error_message = "An alarm on what is not there never comes."
  }
}

run "the_least_that_can_be_given" {
  command = apply

  variables {
    rule_topic_names = []
    page_endpoints   = {}
    ops_endpoints    = []
    bucket_names     = {}
    queues = {
      dead_letters          = "letters-queue"
      dropped_files         = "dropped-queue"
      dropped_files_dead    = "dropped-dead-queue"
      raw_objects           = "raw-objects-queue"
      schedule_dead_letters = "schedule-letters-queue"
    }
  }

  assert {
    condition     = length([for name in keys(aws_cloudwatch_metric_alarm.this) : name if startswith(name, "bucket-growth") || startswith(name, "subscription")]) == 0 && length(aws_sns_topic_subscription.ops) == 0
    error_message = "What is not given is not watched."
  }
}

run "names_that_are_none_are_refused" {
  command = plan

  variables {
    name                  = "Clickstream"
    database              = "clickstream-test"
    stream_name           = "arn:aws:kinesis:us-east-1:123456789012:stream/events"
    firehose_name         = "arn:aws:firehose:us-east-1:123456789012:deliverystream/raw"
    application_name      = "it's"
    topic_name            = "arn:aws:sns:us-east-1:123456789012:purchases"
    rule_topic_names      = ["arn:aws:sns:us-east-1:123456789012:large-orders"]
    function_name         = "arn:aws:lambda:us-east-1:123456789012:function:dropped"
    failed_runs_rule_name = "arn:aws:events:us-east-1:123456789012:rule/a"
    bucket_names          = { raw = "arn:aws:s3:::raw-bucket" }
    queues = {
      dead_letters          = "https://sqs.us-east-1.amazonaws.com/123456789012/letters"
      dropped_files         = "dropped-queue"
      dropped_files_dead    = "dropped-dead-queue"
      raw_objects           = "raw-objects-queue"
      schedule_dead_letters = "schedule-letters-queue"
    }
    messaging_key_arn = "alias/aws/sns"
    runbook_url       = "https://example.com/docs/runbook.md#page"
    ops_endpoints     = ["ops"]
    page_endpoints    = { pager = { protocol = "http", endpoint = "http://pager.example.com" } }
  }

  expect_failures = [
    var.name, var.database, var.stream_name, var.firehose_name, var.application_name, var.topic_name, var.rule_topic_names,
    var.function_name, var.failed_runs_rule_name, var.bucket_names, var.queues, var.messaging_key_arn,
    var.runbook_url, var.ops_endpoints, var.page_endpoints,
  ]
}

run "sizes_that_cannot_be_are_refused" {
  command = plan

  variables {
    compaction_memory_mib  = 512
    warehouse_max_capacity = 2
    rule_topic_names       = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]
    page_endpoints         = { pager = { protocol = "https", endpoint = "http://pager.example.com" } }
    thresholds             = { iterator_age_ms = 0 }
  }

  expect_failures = [var.compaction_memory_mib, var.warehouse_max_capacity, var.rule_topic_names, var.page_endpoints, var.thresholds]
}

run "a_capacity_without_a_workgroup_is_refused" {
  command = plan

  variables {
    warehouse_workgroup = null
  }

  expect_failures = [var.warehouse_max_capacity]
}

run "a_workgroup_that_would_end_a_query_is_refused" {
  command = plan

  variables {
    warehouse_workgroup = "it's"
  }

  expect_failures = [var.warehouse_workgroup]
}

run "a_share_above_one_is_refused" {
  command = plan

  variables {
    thresholds = { firehose_success_ratio = 90 }
  }

  expect_failures = [var.thresholds]
}

run "a_percentage_that_cannot_be_passed_is_refused" {
  command = plan

  variables {
    thresholds = { container_memory_percent = 100 }
  }

  expect_failures = [var.thresholds]
}

run "letters_that_are_gone_before_anybody_looks_are_refused" {
  command = plan

  variables {
    thresholds = { dead_letter_age_s = 1209600 }
  }

  expect_failures = [var.thresholds]
}

run "an_age_that_a_healthy_run_has_is_refused" {
  command = plan

  variables {
    thresholds = { published_through_age_s = 3600 }
  }

  expect_failures = [var.thresholds]
}

run "a_duration_beyond_the_next_run_is_refused" {
  command = plan

  variables {
    thresholds = { compaction_duration_s = 3600 }
  }

  expect_failures = [var.thresholds]
}
