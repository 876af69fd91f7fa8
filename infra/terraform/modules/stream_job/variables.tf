variable "name" {
  description = "What every name of the deployment begins with, such as clickstream-dev."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.name))
    error_message = "A name has 3 to 25 small letters, digits and hyphens, and begins with a letter."
  }
}

variable "artifacts_bucket" {
  description = "The bucket that holds the package of the job."
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
  description = "Key of the package in the artifacts bucket, below a folder for such packages; null while there is none, which makes everything but the application. Each release has a new one: a changed key is what makes the application load it."
  type        = string
  default     = null

  validation {
    condition     = var.package_key == null || can(regex("^[^/*?\\s][^/*?\\s]*/[^*?\\s]*[^/*?\\s]\\.zip$", var.package_key))
    error_message = "The package's key names a zip in a folder, without wildcards and without a slash before it."
  }
}

variable "stream_arn" {
  description = "The Kinesis stream that the job reads."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:kinesis:[^:]+:\\d{12}:stream/[a-zA-Z0-9_.-]{1,128}$", var.stream_arn))
    error_message = "The stream is given by its ARN."
  }
}

variable "topic_arns" {
  description = "The topics that the job may publish to, by name: PurchaseAlerts, which gets the alerted types, and those of the rules."
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

variable "stream_key_arn" {
  description = "KMS key that the stream is encrypted with."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:kms:[^:]+:\\d{12}:key/.+$", var.stream_key_arn))
    error_message = "The stream's key is given by the ARN of a KMS key, not of an alias."
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
  description = "KMS key that the buckets are encrypted with."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:kms:[^:]+:\\d{12}:key/.+$", var.lake_key_arn))
    error_message = "The lake's key is given by the ARN of a KMS key, not of an alias."
  }
}

variable "logs_key_arn" {
  description = "KMS key that the job's log is encrypted with."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:kms:[^:]+:\\d{12}:key/.+$", var.logs_key_arn))
    error_message = "The logs' key is given by the ARN of a KMS key, not of an alias."
  }
}

variable "parallelism" {
  description = "Subtasks of each operator, and with one for each processing unit also the units that are paid, beside one for orchestration. More than the stream has shards help publishing alone."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.parallelism >= 1 && var.parallelism <= 64 && floor(var.parallelism) == var.parallelism
    error_message = "The parallelism is a whole number from 1 to 64, the service's limit where it was not raised."
  }
}

variable "autoscaling" {
  description = "Let the service change the parallelism. Each change restarts the job from a snapshot, and what arrives meanwhile is flagged maybe_repeat."
  type        = bool
  default     = false
  nullable    = false
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
    condition     = length(var.alert_rules) <= 50 && alltrue([for name, rule in var.alert_rules : can(regex("^[A-Za-z0-9_.-]{1,64}$", name)) && length(rule) <= 2048])
    error_message = "There are at most 50 rules, each of at most 2048 characters."
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

variable "properties" {
  description = "Other properties than the project's defaults, by group and key, such as { alerts = { dedupe_hours = \"48\" } }."
  type        = map(map(string))
  default     = {}
  nullable    = false

  validation {
    condition = alltrue(flatten([
      for group, keys in var.properties : [for key, value in keys : contains(keys(try(module.facts.properties[group], {})), key) && length(value) >= 1 && length(value) <= 2048]
    ]))
    error_message = "Properties are among those that the job knows, and have 1 to 2048 characters."
  }
}

variable "start" {
  description = "Whether the application runs. false stops it, with a snapshot."
  type        = bool
  default     = true
  nullable    = false
}

variable "vpc" {
  description = "Subnets and security groups of the job; null for the service's own network. The subnets have to reach Kinesis, SNS, SQS, S3, STS and the endpoints of the service's logs and metrics."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null

  validation {
    condition     = var.vpc == null || try(length(var.vpc.subnet_ids) > 0 && length(var.vpc.subnet_ids) <= 16 && length(var.vpc.security_group_ids) > 0 && length(var.vpc.security_group_ids) <= 5, false)
    error_message = "A job in a VPC has 1 to 16 subnets and 1 to 5 security groups."
  }
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
  description = "How long the job's log is kept, in days."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days."
  }
}
