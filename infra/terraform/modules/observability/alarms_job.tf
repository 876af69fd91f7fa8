# Source of the names: Managed Service for Apache Flink developer guide, "Metrics and dimensions": of Flink 2.2 on,
# numRestarts stands for fullRestarts, and the times of the states for downtime. docs/alerts.md has the job's own.
locals {
  job_alarms = {
    # Each is the time for which the job has been in that state. A job that is stopped has none of them.
    job-down = {
      severity    = "page"
      description = "The alert job does not run: no purchase is alerted"
      expression  = "MAX([restarting, failing, cancelling])"
      metrics = {
        restarting = { namespace = "AWS/KinesisAnalytics", metric = "restartingTime", dimensions = local.flink, statistic = "Maximum" }
        failing    = { namespace = "AWS/KinesisAnalytics", metric = "failingTime", dimensions = local.flink, statistic = "Maximum" }
        cancelling = { namespace = "AWS/KinesisAnalytics", metric = "cancellingTime", dimensions = local.flink, statistic = "Maximum" }
      }
      period     = 60
      evaluation = 5
      threshold  = var.thresholds.job_down_ms
      comparison = ">"
      missing    = "breaching"
    }

    # It counts from the job's start, so what is watched is its change. One restart is the service's own business.
    job-restarts = {
      severity    = "page"
      description = "The alert job fails again and again"
      expression  = "DIFF(restarts)"
      metrics = {
        restarts = { namespace = "AWS/KinesisAnalytics", metric = "numRestarts", dimensions = local.flink, statistic = "Maximum" }
      }
      period     = 300
      evaluation = 3
      datapoints = 2
      threshold  = 0
      comparison = ">"
      missing    = "notBreaching"
    }

    checkpoint-failures = {
      severity    = "ticket"
      description = "Checkpoints of the alert job fail: after a failure it repeats what it did since the last one"
      expression  = "DIFF(failures)"
      metrics = {
        failures = { namespace = "AWS/KinesisAnalytics", metric = "numberOfFailedCheckpoints", dimensions = local.flink, statistic = "Maximum" }
      }
      period     = 300
      evaluation = 3
      datapoints = 2
      threshold  = 0
      comparison = ">"
      missing    = "notBreaching"
    }

    checkpoint-duration = {
      severity    = "ticket"
      description = "Checkpoints of the alert job take long: the far side is slow, or the state large"
      namespace   = "AWS/KinesisAnalytics"
      metric      = "lastCheckpointDuration"
      dimensions  = local.flink
      statistic   = "Maximum"
      period      = 300
      evaluation  = 3
      threshold   = var.thresholds.checkpoint_duration_ms
      comparison  = ">"
      missing     = "notBreaching"
    }

    job-behind = {
      severity    = "page"
      description = "The alert job is behind the newest record: alerts are late"
      expression  = local.job.millisBehindLatest
      period      = 60
      evaluation  = 5
      threshold   = var.thresholds.millis_behind_latest_ms
      comparison  = ">"
      missing     = "notBreaching"
    }

    alerts-unsettled = {
      severity    = "page"
      description = "An alert, a receipt or a dead letter is not taken by the topic, the bucket or the queue"
      expression  = local.job.oldest_unsettled_ms
      period      = 60
      evaluation  = 3
      threshold   = var.thresholds.oldest_unsettled_ms
      comparison  = ">"
      missing     = "notBreaching"
    }

    far-side-failing = {
      severity    = "page"
      description = "Calls of the alert job to a topic, the bucket, the queue or the stream fail"
      expression  = local.job.failing_for_ms
      period      = 60
      evaluation  = 3
      threshold   = var.thresholds.failing_for_ms
      comparison  = ">"
      missing     = "notBreaching"
    }

    # Python is in it, and not in heapMemoryUtilization.
    job-memory = {
      severity    = "ticket"
      description = "A container of the alert job is nearly out of memory, and would be killed"
      namespace   = "AWS/KinesisAnalytics"
      metric      = "containerMemoryUtilization"
      dimensions  = local.flink
      statistic   = "Maximum"
      period      = 300
      evaluation  = 3
      threshold   = var.thresholds.container_memory_percent
      comparison  = ">"
      missing     = "notBreaching"
    }
  }
}
