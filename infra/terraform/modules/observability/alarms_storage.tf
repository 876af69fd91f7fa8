# Source of the names: S3 user guide, "Metrics and dimensions"; Redshift management guide, "Monitoring Amazon Redshift
# Serverless", which has no metric of a CPU: the capacity in use, of the largest that is allowed, stands for it.
locals {
  # What objects are in here; the lake's rules move the raw ones from the first to the second.
  storage_types = { standard = "StandardStorage", archived = "GlacierInstantRetrievalStorage" }

  storage_alarms = merge(
    {
      # The size comes once a day, hours after it was true. DIFF takes it from that of the day before, so what is watched
      # is the growth in percent of that. Two days are looked at, so that there is a day before in what the alarm reads;
      # it therefore stays for a second day.
      for key, bucket in var.bucket_names : "bucket-growth-${key}" => {
        severity    = "ticket"
        description = "The bucket ${bucket} grew by more in a day than it should"
        anchor      = "bucket-growth"
        expression  = "IF(SUM(METRICS()) > ${var.thresholds.bucket_growth_floor_bytes}, 100 * DIFF(SUM(METRICS())) / (SUM(METRICS()) - DIFF(SUM(METRICS()))), 0)"
        metrics = { for id, type in local.storage_types : id => {
          namespace  = "AWS/S3"
          metric     = "BucketSizeBytes"
          dimensions = { BucketName = bucket, StorageType = type }
          statistic  = "Average"
        } }
        period     = 86400
        evaluation = 2
        datapoints = 1
        threshold  = var.thresholds.bucket_growth_percent
        comparison = ">"
        missing    = "notBreaching"
      }
    },
    { for key, alarm in {
      # Beside the workgroup the metric has dimensions of the queries; a query takes all.
      warehouse-queue = {
        severity    = "ticket"
        description = "Queries wait in the warehouse"
        expression  = "SELECT MAX(QueriesQueued) FROM \"AWS/Redshift-Serverless\" WHERE Workgroup = '${local.warehouse.Workgroup}'"
        period      = 300
        evaluation  = 3
        threshold   = var.thresholds.warehouse_queued
        comparison  = ">"
        missing     = "notBreaching"
      }

      warehouse-capacity = {
        severity    = "ticket"
        description = "The warehouse runs at its largest capacity"
        namespace   = "AWS/Redshift-Serverless"
        metric      = "ComputeCapacity"
        dimensions  = local.warehouse
        statistic   = "Average"
        period      = 300
        evaluation  = 6
        threshold   = coalesce(var.warehouse_max_capacity, 0) * var.thresholds.warehouse_capacity_percent / 100
        comparison  = ">"
        missing     = "notBreaching"
      }
    } : key => alarm if var.warehouse_workgroup != null },
  )
}
