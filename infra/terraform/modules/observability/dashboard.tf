locals {
  # Section by section, three in a row; `metrics` as CloudWatch has them in a dashboard.
  # Source: CloudWatch API reference, "Dashboard body structure and syntax".
  widgets = concat([
    {
      title = "Ingestion latency, ms"
      stat  = "Maximum"
      metrics = [
        ["AWS/Kinesis", "PutRecords.Latency", "StreamName", var.stream_name, { stat = "Average", label = "put, average" }],
        ["AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", "StreamName", var.stream_name, { label = "slowest reader behind" }],
      ]
    },
    {
      title = "Records in and out"
      stat  = "Sum"
      metrics = [
        ["AWS/Kinesis", "IncomingRecords", "StreamName", var.stream_name, { label = "put" }],
        ["AWS/Kinesis", "WriteProvisionedThroughputExceeded", "StreamName", var.stream_name, { label = "refused" }],
        ["AWS/Firehose", "DeliveryToS3.Records", "DeliveryStreamName", var.firehose_name, { label = "delivered to the raw bucket" }],
      ]
    },
    {
      # Needs the stream's enhanced metrics.
      title = "Bytes by shard"
      stat  = "Sum"
      metrics = [
        [{ expression = "SEARCH('{AWS/Kinesis,ShardId,StreamName} StreamName=\"${var.stream_name}\" MetricName=\"IncomingBytes\"', 'Sum', 300)", label = "" }],
      ]
    },
    {
      title = "Alert latency of the last 1,000 alerts, ms"
      stat  = "Maximum"
      metrics = [for name in ["latency_ms_p50", "latency_ms_p95", "latency_ms_p99"] :
        [{ expression = local.job[name], label = name, period = 60 }]
      ]
    },
    {
      title = "Alerts"
      stat  = "Sum"
      metrics = concat(
        [for name in concat([var.topic_name], var.rule_topic_names) : ["AWS/SNS", "NumberOfMessagesPublished", "TopicName", name, { label = "published to ${name}" }]],
        [["AWS/SNS", "NumberOfNotificationsFailed", "TopicName", var.topic_name, { label = "not delivered" }]],
      )
    },
    {
      title = "Alert job"
      stat  = "Maximum"
      metrics = [
        [{ expression = local.job.millisBehindLatest, label = "behind, ms", period = 60 }],
        [{ expression = local.job.oldest_unsettled_ms, label = "oldest unsettled, ms", period = 60 }],
        [{ expression = local.job.failing_for_ms, label = "failing for, ms", period = 60 }],
        ["AWS/KinesisAnalytics", "lastCheckpointDuration", "Application", var.application_name, { label = "last checkpoint, ms" }],
      ]
    },
    {
      title = "Freshness, s"
      stat  = "Maximum"
      metrics = [
        ["AWS/Firehose", "DeliveryToS3.DataFreshness", "DeliveryStreamName", var.firehose_name, { label = "oldest record in Firehose" }],
        concat(local.dashboard_metrics.PublishedThroughAge, [{ label = "since the first hour that is not complete", period = 3600 }]),
      ]
    },
    {
      title   = "Quarantine and held hours"
      stat    = "Sum"
      period  = 3600
      metrics = [for name in ["Quarantined", "Conflicts", "HoursHeld", "ObjectsUnread"] : concat(local.dashboard_metrics[name], [{ label = name }])]
    },
    {
      title   = "Compaction"
      stat    = "Sum"
      period  = 3600
      metrics = [for name in ["Runs", "Lines", "HoursPublished"] : concat(local.dashboard_metrics[name], [{ label = name }])]
    },
    {
      title = "Messages in queues"
      stat  = "Maximum"
      metrics = [
        for queue in concat([var.queues.raw_objects, var.queues.dropped_files], [for letters in values(local.dead_letter_queues) : letters.queue]) :
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue, { label = queue }]
      ]
    },
    {
      title  = "Size of the buckets, bytes"
      stat   = "Average"
      period = 86400
      metrics = [for each in setproduct(values(var.bucket_names), values(local.storage_types)) :
        ["AWS/S3", "BucketSizeBytes", "BucketName", each[0], "StorageType", each[1], { label = "${each[0]} ${each[1]}" }]
      ]
    },
    {
      # Of the whole account, since the first of the month; CloudWatch has it in this region alone, whatever the
      # pipeline's is, and in accounts that have billing alerts switched on.
      title   = "Charges so far this month, USD"
      stat    = "Maximum"
      period  = 21600
      region  = "us-east-1"
      metrics = [["AWS/Billing", "EstimatedCharges", "Currency", "USD", { label = "estimated" }]]
    },
    ],
    [for title in var.warehouse_workgroup == null ? [] : ["Warehouse"] : {
      title = title
      stat  = "Average"
      metrics = [
        ["AWS/Redshift-Serverless", "ComputeCapacity", "Workgroup", local.warehouse.Workgroup, { label = "capacity, RPUs" }],
        [{ expression = local.storage_alarms.warehouse-queue.expression, label = "queries waiting", period = 300 }],
      ]
    }],
  )

  dashboard_metrics = { for name, metric in local.compaction : name => [
    metric.namespace, metric.metric, module.facts.metrics.compaction.dimension, var.database,
  ] }

  alarm_widgets = [
    {
      type   = "alarm"
      x      = 0
      y      = 0
      width  = 24
      height = 2
      properties = {
        title  = "Is all well?"
        alarms = [for severity in ["page", "ticket"] : aws_cloudwatch_composite_alarm.this[severity].arn]
      }
    },
    {
      type   = "alarm"
      x      = 0
      y      = 2
      width  = 24
      height = 6
      properties = {
        title  = "Alarms"
        sortBy = "stateUpdatedTimestamp"
        alarms = [for name in keys(local.alarms) : aws_cloudwatch_metric_alarm.this[name].arn]
      }
    },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name

  dashboard_body = jsonencode({
    widgets = concat(local.alarm_widgets, [for index, widget in local.widgets : {
      type   = "metric"
      x      = index % 3 * 8
      y      = 8 + floor(index / 3) * 6
      width  = 8
      height = 6
      properties = {
        title   = widget.title
        view    = "timeSeries"
        region  = try(widget.region, local.region)
        stat    = widget.stat
        period  = try(widget.period, 300)
        metrics = widget.metrics
      }
    }])
  })
}
