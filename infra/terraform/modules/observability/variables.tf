variable "name" {
  description = "What the names of everything here begin with, such as clickstream-dev."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.name))
    error_message = "name has 3 to 25 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "database" {
  description = "Glue database of the Iceberg tables: the dimension of the metrics of the compaction and of the validation."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9_]{1,255}$", var.database))
    error_message = "database has lower-case letters, digits and underscores."
  }
}

variable "stream_name" {
  description = "Name of the Kinesis stream."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_.-]{1,128}$", var.stream_name))
    error_message = "stream_name is the name of a Kinesis stream, not its ARN."
  }
}

variable "firehose_name" {
  description = "Name of the Firehose stream that fills the raw bucket."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_.-]{1,64}$", var.firehose_name))
    error_message = "firehose_name is the name of a Firehose stream, not its ARN."
  }
}

variable "application_name" {
  description = "Name of the alert job's application on Managed Service for Apache Flink."
  type        = string
  nullable    = false

  # It stands in quotes in queries.
  validation {
    condition     = can(regex("^[a-zA-Z0-9_.-]{1,128}$", var.application_name))
    error_message = "application_name is the name of an application, not its ARN."
  }
}

variable "topic_name" {
  description = "Name of the topic of the alerts."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,256}([.]fifo)?$", var.topic_name))
    error_message = "topic_name is the name of a topic, not its ARN."
  }
}

variable "rule_topic_names" {
  description = "Names of the topics of further alert rules."
  type        = list(string)
  default     = []
  nullable    = false

  # An alarm over an expression has ten metrics at most.
  validation {
    condition     = length(var.rule_topic_names) <= 9 && alltrue([for name in var.rule_topic_names : can(regex("^[a-zA-Z0-9_-]{1,256}([.]fifo)?$", name))])
    error_message = "rule_topic_names has at most nine names of topics, no ARNs."
  }
}

variable "function_name" {
  description = "Name of the function for dropped files."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,64}$", var.function_name))
    error_message = "function_name is the name of a function, not its ARN."
  }
}

variable "queues" {
  description = "Names of the queues: what cannot become an alert; those behind the subscriptions, by subscription; the function's and the one behind it; the notifications of raw objects; and what the scheduler could not start."
  type = object({
    dead_letters              = string
    subscription_dead_letters = optional(map(string), {})
    dropped_files             = string
    dropped_files_dead        = string
    raw_objects               = string
    schedule_dead_letters     = string
  })
  nullable = false

  validation {
    condition = alltrue([
      for name in concat(
        values(var.queues.subscription_dead_letters),
        [for key in ["dead_letters", "dropped_files", "dropped_files_dead", "raw_objects", "schedule_dead_letters"] : var.queues[key]]
      ) : can(regex("^[a-zA-Z0-9_-]{1,80}([.]fifo)?$", name))
    ])
    error_message = "queues has names of queues, not their ARNs or URLs."
  }

  validation {
    condition     = alltrue([for key in keys(var.queues.subscription_dead_letters) : can(regex("^[a-z0-9-]{1,40}$", key))])
    error_message = "Keys of subscription_dead_letters become part of the alarms' names: lower-case letters, digits, hyphens."
  }
}

variable "failed_runs_rule_name" {
  description = "Name of the EventBridge rule that takes runs of the compaction that failed or did not start."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]{1,64}$", var.failed_runs_rule_name))
    error_message = "failed_runs_rule_name is the name of a rule on the default bus, not its ARN."
  }
}

variable "compaction_memory_mib" {
  description = "Memory of the compaction's task in MiB, against which its peak is held."
  type        = number
  nullable    = false

  validation {
    condition     = var.compaction_memory_mib >= 1024 && var.compaction_memory_mib <= 122880
    error_message = "A task has from 1,024 to 122,880 MiB."
  }
}

variable "bucket_names" {
  description = "Buckets whose growth is watched: key, which becomes part of the alarm's name -> name of the bucket."
  type        = map(string)
  nullable    = false

  validation {
    condition     = alltrue([for key, name in var.bucket_names : can(regex("^[a-z0-9_-]{1,40}$", key)) && can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", name))])
    error_message = "bucket_names has keys of lower-case letters, digits, hyphens and underscores, and names of buckets."
  }
}

variable "warehouse_workgroup" {
  description = "Name of the Redshift Serverless workgroup; null where there is none."
  type        = string
  default     = null

  # It stands in quotes in a query.
  validation {
    condition     = var.warehouse_workgroup == null || can(regex("^[a-z0-9-]{3,64}$", var.warehouse_workgroup))
    error_message = "warehouse_workgroup is the name of a workgroup, or null."
  }
}

variable "warehouse_max_capacity" {
  description = "Largest capacity of the workgroup in RPUs, against which what is in use is held. Has to be given with warehouse_workgroup."
  type        = number
  default     = null

  validation {
    condition     = (var.warehouse_max_capacity == null) == (var.warehouse_workgroup == null)
    error_message = "warehouse_max_capacity and warehouse_workgroup are given together or not at all."
  }

  validation {
    condition     = var.warehouse_max_capacity == null || try(var.warehouse_max_capacity >= 4 && var.warehouse_max_capacity <= 1024, false)
    error_message = "A workgroup has from 4 to 1,024 RPUs."
  }
}

variable "messaging_key_arn" {
  description = "ARN of the key of the topics. Its policy has to let cloudwatch.amazonaws.com, budgets.amazonaws.com and costalerts.amazonaws.com use kms:Decrypt and kms:GenerateDataKey."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.messaging_key_arn))
    error_message = "messaging_key_arn is the ARN of a key; aliases and the key of the service will not do."
  }
}

variable "ops_endpoints" {
  description = "E-mail addresses that get every change of every alarm. Each has to confirm."
  type        = list(string)
  nullable    = false

  validation {
    condition     = alltrue([for address in var.ops_endpoints : can(regex("^[^@\\s]+@[^@\\s]+[.][^@\\s]+$", address))])
    error_message = "ops_endpoints has e-mail addresses."
  }
}

variable "page_endpoints" {
  description = "Who is woken: name -> protocol (email, https, sms) and endpoint. Gets the composite alarm `page` and nothing else."
  type = map(object({
    protocol = string
    endpoint = string
  }))
  default  = {}
  nullable = false

  # http is not among them: what is told would go in the clear.
  validation {
    condition = alltrue([
      for to in values(var.page_endpoints) : (
        to.protocol == "email" ? can(regex("^[^@\\s]+@[^@\\s]+[.][^@\\s]+$", to.endpoint)) :
        to.protocol == "https" ? startswith(to.endpoint, "https://") :
        to.protocol == "sms" ? can(regex("^[+][0-9]{6,15}$", to.endpoint)) : false
      )
    ])
    error_message = "page_endpoints has e-mail addresses, https:// addresses, and numbers such as +4912345678 for sms."
  }
}

variable "runbook_url" {
  description = "Where people who get an alarm read the runbook: the address of docs/runbook.md. Descriptions of alarms end with it and the heading."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^https://[^#\\s]+$", var.runbook_url)) && length(var.runbook_url) <= 512
    error_message = "runbook_url begins with https:// and has no # in it."
  }
}

variable "thresholds" {
  description = "Beyond what an alarm is raised; units are in the names. bucket_growth_floor_bytes is the size below which growth is nobody's concern."
  type = object({
    iterator_age_ms            = optional(number, 300000)
    firehose_freshness_s       = optional(number, 900)
    firehose_success_ratio     = optional(number, 0.9)
    job_down_ms                = optional(number, 120000)
    millis_behind_latest_ms    = optional(number, 60000)
    oldest_unsettled_ms        = optional(number, 120000)
    failing_for_ms             = optional(number, 120000)
    checkpoint_duration_ms     = optional(number, 60000)
    container_memory_percent   = optional(number, 90)
    dead_letter_age_s          = optional(number, 604800)
    dropped_files_age_s        = optional(number, 3600)
    raw_objects_age_s          = optional(number, 10800)
    function_error_percent     = optional(number, 1)
    quarantine_percent         = optional(number, 1)
    compaction_duration_s      = optional(number, 2400)
    compaction_memory_percent  = optional(number, 90)
    published_through_age_s    = optional(number, 14400)
    warehouse_queued           = optional(number, 5)
    warehouse_capacity_percent = optional(number, 90)
    bucket_growth_percent      = optional(number, 20)
    bucket_growth_floor_bytes  = optional(number, 10737418240)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for value in values(var.thresholds) : value > 0])
    error_message = "Each threshold is above zero."
  }

  validation {
    condition = alltrue([
      for percent in ["container_memory_percent", "function_error_percent", "quarantine_percent", "compaction_memory_percent", "warehouse_capacity_percent"] :
      var.thresholds[percent] < 100
    ])
    error_message = "Beyond 100 percent of these there is nothing that could raise an alarm."
  }

  validation {
    condition     = var.thresholds.firehose_success_ratio <= 1
    error_message = "firehose_success_ratio is a share, at most 1."
  }

  # Source: SQS developer guide, "Message retention period": 14 days at most.
  validation {
    condition     = var.thresholds.dead_letter_age_s <= 1209600 - 86400
    error_message = "dead_letter_age_s leaves a day at least before a queue drops a letter of 14 days."
  }

  # An hour is published 20 minutes after its end at the earliest, by a run that comes once an hour.
  validation {
    condition     = var.thresholds.published_through_age_s >= 5400
    error_message = "published_through_age_s is at least 5,400: an hour and 20 minutes is what it comes to when all is well."
  }

  validation {
    condition     = var.thresholds.compaction_duration_s < 3600
    error_message = "compaction_duration_s is below the hour after which the next run starts."
  }
}
