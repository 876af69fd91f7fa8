# Each run writes its figures once, at its end: an hour or a day without them leaves an alarm as it was ("ignore"), except
# where their absence is what is watched. docs/operations.md and docs/quality.md have what they count.
# Source of the others: EventBridge user guide, "Monitoring Amazon EventBridge"; SQS as in alarms_delivery.tf.
locals {
  compaction_alarms = {
    compaction-late = merge(local.compaction.Runs, {
      severity    = "ticket"
      description = "No run of the compaction came to its end for two hours: the tables are not fresh"
      statistic   = "Sum"
      period      = 3600
      evaluation  = 2
      threshold   = 1
      comparison  = "<"
      missing     = "breaching"
    })

    compaction-failed = {
      severity    = "ticket"
      description = "A task of the compaction, of validation or upkeep failed or did not start"
      namespace   = "AWS/Events"
      metric      = "TriggeredRules"
      dimensions  = { RuleName = var.failed_runs_rule_name }
      statistic   = "Sum"
      period      = 300
      evaluation  = 1
      threshold   = 0
      comparison  = ">"
      missing     = "notBreaching"
    }

    published-through-age = merge(local.compaction.PublishedThroughAge, {
      severity    = "ticket"
      description = "An hour has not been complete in the tables for long"
      statistic   = "Minimum"
      period      = 3600
      evaluation  = 1
      threshold   = var.thresholds.published_through_age_s
      comparison  = ">"
      missing     = "ignore"
    })

    hours-held = merge(local.compaction.HoursHeld, {
      severity    = "ticket"
      description = "A check holds hours back"
      statistic   = "Maximum"
      period      = 3600
      evaluation  = 1
      threshold   = 0
      comparison  = ">"
      missing     = "ignore"
    })

    objects-unread = merge(local.compaction.ObjectsUnread, {
      severity    = "ticket"
      description = "Raw objects cannot be read"
      statistic   = "Maximum"
      period      = 3600
      evaluation  = 1
      threshold   = 0
      comparison  = ">"
      missing     = "ignore"
    })

    objects-overwritten = merge(local.compaction.ObjectsOverwritten, {
      severity    = "ticket"
      description = "Raw objects were replaced after they were read; the new content is not in the tables"
      statistic   = "Maximum"
      period      = 3600
      evaluation  = 1
      threshold   = 0
      comparison  = ">"
      missing     = "ignore"
    })

    messages-strange = merge(local.compaction.MessagesStrange, {
      severity    = "ticket"
      description = "Somebody sends what is no notification to the queue of raw objects"
      statistic   = "Maximum"
      period      = 3600
      evaluation  = 1
      threshold   = 0
      comparison  = ">"
      missing     = "ignore"
    })

    raw-objects-waiting = {
      severity    = "ticket"
      description = "The compaction does not take notifications of raw objects"
      namespace   = "AWS/SQS"
      metric      = "ApproximateAgeOfOldestMessage"
      dimensions  = { QueueName = var.queues.raw_objects }
      statistic   = "Maximum"
      period      = 300
      evaluation  = 3
      threshold   = var.thresholds.raw_objects_age_s
      comparison  = ">"
      missing     = "notBreaching"
    }

    quarantine-ratio = {
      severity    = "ticket"
      description = "More lines than usual are no events"
      expression  = "IF(lines > 0, 100 * quarantined / lines, 0)"
      metrics = {
        quarantined = merge(local.compaction.Quarantined, { statistic = "Sum" })
        lines       = merge(local.compaction.Lines, { statistic = "Sum" })
      }
      period     = 3600
      evaluation = 1
      threshold  = var.thresholds.quarantine_percent
      comparison = ">"
      missing    = "ignore"
    }

    compaction-duration = merge(local.compaction.Duration, {
      severity    = "ticket"
      description = "Runs of the compaction take so long that they will soon meet the next one"
      statistic   = "Maximum"
      period      = 3600
      evaluation  = 2
      threshold   = var.thresholds.compaction_duration_s
      comparison  = ">"
      missing     = "ignore"
    })

    compaction-memory = merge(local.compaction.PeakMemory, {
      severity    = "ticket"
      description = "A run of the compaction took nearly all memory of its task, and would be killed beyond it"
      statistic   = "Maximum"
      period      = 3600
      evaluation  = 1
      threshold   = floor(var.compaction_memory_mib * 1048576 * var.thresholds.compaction_memory_percent / 100)
      comparison  = ">"
      missing     = "ignore"
    })

    compaction-overtaken = merge(local.compaction.Overtaken, {
      severity    = "ticket"
      description = "Runs of the compaction get into each other's way for hours on end"
      statistic   = "Maximum"
      period      = 3600
      evaluation  = 6
      threshold   = 0
      comparison  = ">"
      missing     = "ignore"
    })

    anomalies = merge(local.validation.Anomalies, {
      severity    = "ticket"
      description = "Tables and raw objects of a day disagree"
      statistic   = "Maximum"
      period      = 86400
      evaluation  = 1
      threshold   = 0
      comparison  = ">"
      missing     = "ignore"
    })

    hours-rolled-back = merge(local.validation.HoursRolledBack, {
      severity    = "ticket"
      description = "Hours of a day were rolled back and wait for somebody"
      statistic   = "Maximum"
      period      = 86400
      evaluation  = 1
      threshold   = 0
      comparison  = ">"
      missing     = "ignore"
    })

    validation-late = merge(local.validation.Anomalies, {
      severity    = "ticket"
      description = "No validation came to its end for two days"
      statistic   = "SampleCount"
      period      = 86400
      evaluation  = 2
      threshold   = 1
      comparison  = "<"
      missing     = "breaching"
    })
  }
}
