variable "name" {
  description = "What every name of the deployment begins with, such as clickstream-dev."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.name))
    error_message = "A name has 3 to 25 small letters, digits and hyphens, and begins with a letter."
  }
}

variable "raw_bucket" {
  description = "The bucket that others put files into. Its events go to EventBridge."
  type = object({
    name = string
    arn  = string
  })
  nullable = false

  validation {
    condition     = can(regex("^arn:[^:]+:s3:::[a-z0-9.-]{3,63}$", var.raw_bucket.arn)) && endswith(var.raw_bucket.arn, ":::${var.raw_bucket.name}")
    error_message = "The raw bucket is given by its name and its own ARN."
  }
}

variable "curated_bucket" {
  description = "The bucket for receipts and large dead letters."
  type = object({
    name = string
    arn  = string
  })
  nullable = false

  validation {
    condition     = can(regex("^arn:[^:]+:s3:::[a-z0-9.-]{3,63}$", var.curated_bucket.arn)) && endswith(var.curated_bucket.arn, ":::${var.curated_bucket.name}")
    error_message = "The curated bucket is given by its name and its own ARN."
  }
}

variable "artifacts_bucket" {
  description = "The bucket that holds the package of the function."
  type = object({
    name = string
    arn  = string
  })
  nullable = false

  validation {
    condition     = can(regex("^arn:[^:]+:s3:::[a-z0-9.-]{3,63}$", var.artifacts_bucket.arn)) && endswith(var.artifacts_bucket.arn, ":::${var.artifacts_bucket.name}")
    error_message = "The artifacts bucket is given by its name and its own ARN."
  }
}

variable "package_key" {
  description = "Key of the package in the artifacts bucket; null while there is none, which makes everything but the function. Each release has a new one: a changed key is what makes Lambda load it."
  type        = string
  default     = null

  validation {
    condition     = var.package_key == null || can(regex("^[^/*?\\s][^*?\\s]*\\.zip$", var.package_key))
    error_message = "The package's key names a zip, without wildcards and without a slash before it."
  }
}

variable "topic_arns" {
  description = "The topics that the function may publish to, by name: PurchaseAlerts, which gets the alerted types, and those of the rules."
  type        = map(string)
  nullable    = false

  validation {
    condition     = contains(keys(var.topic_arns), "PurchaseAlerts") && alltrue([for arn in values(var.topic_arns) : can(regex("^arn:[^:]+:sns:[^:]+:\\d{12}:[A-Za-z0-9_-]{1,256}$", arn))])
    error_message = "Topics are given by their ARNs, and PurchaseAlerts is among them."
  }
}

variable "dead_letter_queue_arn" {
  description = "The queue for what cannot become an alert."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:sqs:[^:]+:\\d{12}:[A-Za-z0-9_-]{1,80}$", var.dead_letter_queue_arn))
    error_message = "The dead-letter queue is given by its ARN."
  }
}

variable "dead_letter_queue_url" {
  description = "URL of the same queue."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^https://\\S+$", var.dead_letter_queue_url))
    error_message = "The dead-letter queue's URL begins with https://."
  }
}

variable "messaging_key_arn" {
  description = "KMS key that topics and queues are encrypted with."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:kms:[^:]+:\\d{12}:key/.+$", var.messaging_key_arn))
    error_message = "The messaging key is given by the ARN of a KMS key, not of an alias."
  }
}

variable "lake_key_arn" {
  description = "KMS key that buckets and the table are encrypted with."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:kms:[^:]+:\\d{12}:key/.+$", var.lake_key_arn))
    error_message = "The lake's key is given by the ARN of a KMS key, not of an alias."
  }
}

variable "logs_key_arn" {
  description = "KMS key that the function's log is encrypted with."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:kms:[^:]+:\\d{12}:key/.+$", var.logs_key_arn))
    error_message = "The logs' key is given by the ARN of a KMS key, not of an alias."
  }
}

variable "subnet_ids" {
  description = "Subnets that the function runs in. They have to reach S3, DynamoDB, SNS and SQS."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) > 0 && length(var.subnet_ids) <= 16
    error_message = "A function in a VPC has 1 to 16 subnets."
  }
}

variable "security_group_id" {
  description = "Security group of the function."
  type        = string
  nullable    = false
}

variable "reserved_concurrency" {
  description = "How many invocations there are at most at a time; so many are kept for this function of the account's concurrency."
  type        = number
  default     = 5
  nullable    = false

  # A mapping of a queue takes no maximum below 2.
  validation {
    condition     = var.reserved_concurrency >= 2 && var.reserved_concurrency <= 1000 && floor(var.reserved_concurrency) == var.reserved_concurrency
    error_message = "The reserved concurrency is a whole number from 2 to 1000."
  }
}

variable "batch_size" {
  description = "How many files an invocation gets at most; null for what the project is tuned for, 1 where many are large."
  type        = number
  default     = null

  # More than 10 wants a batching window, which would only make alerts late.
  validation {
    condition     = var.batch_size == null || try(var.batch_size >= 1 && var.batch_size <= 10 && floor(var.batch_size) == var.batch_size, false)
    error_message = "A batch has 1 to 10 messages."
  }
}

variable "stream_name" {
  description = "Name of the stream, which the settings of the project have to have; null for that of module ingest."
  type        = string
  default     = null
}

variable "alert_types" {
  description = "Event types that are alerted to PurchaseAlerts; an empty list for none."
  type        = list(string)
  default     = ["purchase"]
  nullable    = false

  validation {
    condition     = alltrue([for type in var.alert_types : can(regex("^[A-Za-z0-9_.-]{1,64}$", type))])
    error_message = "Event types that can be alerted have up to 64 letters, digits, `_`, `.` and `-`."
  }
}

variable "max_alert_age" {
  description = "What happened longer than this before it arrived is not alerted: `off` or a number with its unit, such as 30m, 24h, 7d."
  type        = string
  default     = "24h"
  nullable    = false

  validation {
    condition     = can(regex("^(off|\\d{1,6}[mhd])$", var.max_alert_age))
    error_message = "The age is `off` or a number with its unit, such as 30m, 24h, 7d."
  }
}

variable "alert_rules" {
  description = "Further rules: name -> what follows it in a rule, such as `purchase where amount_minor >= 100000 to TOPIC_ARN`. Module alerts gives them in this form."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name, rule in var.alert_rules : can(regex("^[A-Za-z0-9_.-]{1,64}$", name)) && length(rule) <= 2048])
    error_message = "Rules' names have up to 64 letters, digits, `_`, `.` and `-`, and a rule at most 2048 characters."
  }

  validation {
    condition     = length(var.alert_rules) + length(var.alert_types) > 0
    error_message = "Neither alert_types nor alert_rules names anything to alert."
  }

  validation {
    condition     = alltrue([for rule in values(var.alert_rules) : contains(values(var.topic_arns), element(split(" to ", rule), -1))])
    error_message = "Rules end in ` to ` and the ARN of one of topic_arns: the role may publish to no other topic."
  }
}

variable "settings" {
  description = "Further settings of the project for the function, by name. What the module knows itself cannot be given."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.settings), keys(module.facts.settings))) == 0
    error_message = "Settings are among those that the project knows."
  }

  validation {
    condition = length(setintersection(keys(var.settings), [
      "stream", "raw_bucket", "curated_bucket", "alerts_topic_arn", "dead_letter_queue_url", "dropped_files_table", "alert_types", "alert_rules", "max_alert_age",
    ])) == 0
    error_message = "Bucket, topic, queue, table, stream and what is alerted are given by the module's own variables."
  }
}

variable "point_in_time_recovery_days" {
  description = "For how many days back the table can be restored."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.point_in_time_recovery_days >= 1 && var.point_in_time_recovery_days <= 35 && floor(var.point_in_time_recovery_days) == var.point_in_time_recovery_days
    error_message = "A table can be restored for 1 to 35 whole days back."
  }
}

variable "deletion_protection" {
  description = "Refuse to delete the table. Without it the function alerts again what is put again."
  type        = bool
  default     = true
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the role; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:[^:]+:iam::(\\d{12}|aws):policy/.+$", var.permissions_boundary_arn))
    error_message = "A permissions boundary is the ARN of a managed policy."
  }
}

variable "log_retention_days" {
  description = "How long the function's log is kept, in days."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days."
  }
}

variable "s3_endpoint_id" {
  description = "Id of the VPC endpoint for S3, through which alone the function may reach it; null where it takes another way."
  type        = string
  default     = null

  validation {
    condition     = var.s3_endpoint_id == null || can(regex("^[^:./]+$", var.s3_endpoint_id))
    error_message = "s3_endpoint_id is the id of an endpoint, such as vpce-0123456789abcdef0, not its ARN and not the name of a service."
  }
}

variable "dynamodb_endpoint_id" {
  description = "Id of the VPC endpoint for DynamoDB, through which alone the function may reach it; null where it takes another way."
  type        = string
  default     = null

  validation {
    condition     = var.dynamodb_endpoint_id == null || can(regex("^[^:./]+$", var.dynamodb_endpoint_id))
    error_message = "dynamodb_endpoint_id is the id of an endpoint, such as vpce-0123456789abcdef0, not its ARN and not the name of a service."
  }
}
