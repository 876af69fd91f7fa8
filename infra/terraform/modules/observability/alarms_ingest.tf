# Source of the names: Kinesis Data Streams developer guide, "Monitor the Amazon Kinesis Data Streams service with Amazon
# CloudWatch"; Amazon Data Firehose developer guide, "Monitor Amazon Data Firehose with CloudWatch metrics".
locals {
  ingest_alarms = {
    iterator-age = {
      severity    = "page"
      description = "A reader of the stream is behind, the alert job or Firehose; what it does not read within the stream's retention is lost"
      namespace   = "AWS/Kinesis"
      metric      = "GetRecords.IteratorAgeMilliseconds"
      dimensions  = local.stream
      statistic   = "Maximum"
      period      = 60
      evaluation  = 5
      threshold   = var.thresholds.iterator_age_ms
      comparison  = ">"
      missing     = "notBreaching"
    }

    throttled-puts = {
      severity    = "ticket"
      description = "The stream refuses records of the producers, which send them again for a while"
      namespace   = "AWS/Kinesis"
      metric      = "WriteProvisionedThroughputExceeded"
      dimensions  = local.stream
      statistic   = "Sum"
      period      = 300
      evaluation  = 3
      threshold   = 0
      comparison  = ">"
      missing     = "notBreaching"
    }

    firehose-freshness = {
      severity    = "page"
      description = "Firehose holds records that it should have delivered; it gives up after a day"
      namespace   = "AWS/Firehose"
      metric      = "DeliveryToS3.DataFreshness"
      dimensions  = local.firehose
      statistic   = "Maximum"
      period      = 300
      evaluation  = 3
      threshold   = var.thresholds.firehose_freshness_s
      comparison  = ">"
      missing     = "notBreaching"
    }

    # 1 for an attempt that succeeded and 0 for one that did not: its average is their share.
    firehose-delivery = {
      severity    = "ticket"
      description = "Firehose's puts into the raw bucket fail; it tries again for a day"
      namespace   = "AWS/Firehose"
      metric      = "DeliveryToS3.Success"
      dimensions  = local.firehose
      statistic   = "Average"
      period      = 300
      evaluation  = 3
      threshold   = var.thresholds.firehose_success_ratio
      comparison  = "<"
      missing     = "notBreaching"
    }

    # Freshness has no data where Firehose reads nothing at all, such as after it lost a right.
    firehose-silent = {
      severity    = "page"
      description = "Records come into the stream and none go out of Firehose"
      expression  = "IF(FILL(put, 0) > 0 AND FILL(delivered, 0) == 0, 1, 0)"
      metrics = {
        put       = { namespace = "AWS/Kinesis", metric = "IncomingRecords", dimensions = local.stream, statistic = "Sum" }
        delivered = { namespace = "AWS/Firehose", metric = "DeliveryToS3.Records", dimensions = local.firehose, statistic = "Sum" }
      }
      period     = 900
      evaluation = 3
      threshold  = 0
      comparison = ">"
      missing    = "notBreaching"
    }
  }
}
