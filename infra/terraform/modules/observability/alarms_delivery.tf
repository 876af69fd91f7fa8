# Source of the names: SQS developer guide, "Available CloudWatch metrics for Amazon SQS"; SNS developer guide,
# "Monitoring Amazon SNS topics using CloudWatch"; Lambda developer guide, "Types of metrics for Lambda functions".
locals {
  topic_dimensions = { for index, name in concat([var.topic_name], var.rule_topic_names) : "m${index}" => { TopicName = name } }

  # Queue of what failed -> whose letters they are.
  dead_letter_queues = merge(
    {
      dead-letters          = { queue = var.queues.dead_letters, what = "Records or alerts became dead letters: a purchase may not have been alerted" }
      dropped-files-dead    = { queue = var.queues.dropped_files_dead, what = "Dropped files were given up: what is in them is not alerted, or in part" }
      schedule-dead-letters = { queue = var.queues.schedule_dead_letters, what = "The scheduler could not start a task of the compaction" }
    },
    { for key, queue in var.queues.subscription_dead_letters :
      "subscription-dead-letters-${key}" => { queue = queue, what = "A subscriber of the alerts did not take them", anchor = "subscription-dead-letters" }
    },
  )

  delivery_alarms = merge(
    {
      for key, letters in local.dead_letter_queues : key => {
        severity    = "ticket"
        description = letters.what
        anchor      = try(letters.anchor, key)
        namespace   = "AWS/SQS"
        metric      = "ApproximateNumberOfMessagesVisible"
        dimensions  = { QueueName = letters.queue }
        statistic   = "Maximum"
        period      = 300
        evaluation  = 1
        threshold   = 0
        comparison  = ">"
        missing     = "notBreaching"
      }
    },
    {
      for key, letters in local.dead_letter_queues : "${key}-age" => {
        severity    = "page"
        description = "Messages of a dead-letter queue are old: after 14 days it drops them"
        anchor      = "dead-letters-age"
        namespace   = "AWS/SQS"
        metric      = "ApproximateAgeOfOldestMessage"
        dimensions  = { QueueName = letters.queue }
        statistic   = "Maximum"
        period      = 3600
        evaluation  = 1
        threshold   = var.thresholds.dead_letter_age_s
        comparison  = ">"
        missing     = "notBreaching"
      }
    },
    {
      notifications-failed = {
        severity    = "ticket"
        description = "The topics could not deliver alerts to a subscriber"
        expression  = "SUM(METRICS())"
        metrics = { for id, dimensions in local.topic_dimensions :
          id => { namespace = "AWS/SNS", metric = "NumberOfNotificationsFailed", dimensions = dimensions, statistic = "Sum" }
        }
        period     = 300
        evaluation = 1
        threshold  = 0
        comparison = ">"
        missing    = "notBreaching"
      }

      notifications-lost = {
        severity    = "page"
        description = "Alerts that a subscriber did not take could not be put into its dead-letter queue: they are lost"
        expression  = "SUM(METRICS())"
        metrics = { for id, dimensions in local.topic_dimensions :
          id => { namespace = "AWS/SNS", metric = "NumberOfNotificationsFailedToRedriveToDlq", dimensions = dimensions, statistic = "Sum" }
        }
        period     = 300
        evaluation = 1
        threshold  = 0
        comparison = ">"
        missing    = "notBreaching"
      }

      function-errors = {
        severity    = "ticket"
        description = "Invocations of the function for dropped files fail"
        expression  = "IF(invocations > 0, 100 * errors / invocations, 0)"
        metrics = {
          errors      = { namespace = "AWS/Lambda", metric = "Errors", dimensions = local.function, statistic = "Sum" }
          invocations = { namespace = "AWS/Lambda", metric = "Invocations", dimensions = local.function, statistic = "Sum" }
        }
        period     = 300
        evaluation = 3
        datapoints = 2
        threshold  = var.thresholds.function_error_percent
        comparison = ">"
        missing    = "notBreaching"
      }

      function-throttles = {
        severity    = "ticket"
        description = "The function for dropped files is held up by its concurrency: files wait, and each try counts"
        namespace   = "AWS/Lambda"
        metric      = "Throttles"
        dimensions  = local.function
        statistic   = "Sum"
        period      = 300
        evaluation  = 3
        threshold   = 0
        comparison  = ">"
        missing     = "notBreaching"
      }

      dropped-files-waiting = {
        severity    = "ticket"
        description = "A dropped file waits to be read"
        namespace   = "AWS/SQS"
        metric      = "ApproximateAgeOfOldestMessage"
        dimensions  = { QueueName = var.queues.dropped_files }
        statistic   = "Maximum"
        period      = 300
        evaluation  = 3
        threshold   = var.thresholds.dropped_files_age_s
        comparison  = ">"
        missing     = "notBreaching"
      }
    },
  )
}
