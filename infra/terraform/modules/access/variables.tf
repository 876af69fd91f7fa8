variable "name" {
  description = "What the names of everything made here begin with, such as clickstream-dev."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.name))
    error_message = "name is 3 to 25 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "stream_arn" {
  description = "The data stream that producers put into."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:kinesis:[^:]+:[0-9]{12}:stream/.+$", var.stream_arn))
    error_message = "stream_arn is the ARN of a Kinesis stream."
  }
}

variable "workgroup_arn" {
  description = "The Athena workgroup that analysts query in."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:athena:[^:]+:[0-9]{12}:workgroup/.+$", var.workgroup_arn))
    error_message = "workgroup_arn is the ARN of an Athena workgroup."
  }
}

variable "lake" {
  description = "The buckets of raw objects, tables, and results of queries."
  type = object({
    raw            = object({ name = string, arn = string })
    curated        = object({ name = string, arn = string })
    athena_results = object({ name = string, arn = string })
  })
  nullable = false
}

variable "results_prefix" {
  description = "Where in the bucket of results the workgroup writes, with its slash. Null takes the name, as module query does."
  type        = string
  default     = null

  validation {
    condition     = var.results_prefix == null || try(endswith(var.results_prefix, "/") && !startswith(var.results_prefix, "/"), false)
    error_message = "results_prefix ends with a slash and begins with none."
  }
}

variable "databases" {
  description = "The Glue databases: of the tables, and of the raw objects."
  type        = object({ curated = string, raw = string })
  nullable    = false

  validation {
    condition     = alltrue([for database in values(var.databases) : can(regex("^[a-z0-9_]{1,255}$", database))])
    error_message = "A database's name is lower-case letters, digits and underscores."
  }
}

variable "lake_key_arn" {
  description = "The key of the buckets."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.lake_key_arn))
    error_message = "lake_key_arn is the ARN of a KMS key, not of an alias."
  }
}

variable "stream_key_arn" {
  description = "The key of the stream."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.stream_key_arn))
    error_message = "stream_key_arn is the ARN of a KMS key, not of an alias."
  }
}

variable "messaging_key_arn" {
  description = "The key of topics and queues."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.messaging_key_arn))
    error_message = "messaging_key_arn is the ARN of a KMS key, not of an alias."
  }
}

variable "topic_arns" {
  description = "The topics of alerts, those of rules too, by name: an operator redrives to them and watches them."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(var.topic_arns) > 0 && alltrue([for arn in values(var.topic_arns) : can(regex("^arn:[^:]+:sns:[^:]+:[0-9]{12}:.+$", arn))])
    error_message = "topic_arns are ARNs of SNS topics, at least one."
  }
}

variable "dead_letter_queue_arn" {
  description = "The queue of what could not become an alert."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:sqs:[^:]+:[0-9]{12}:.+$", var.dead_letter_queue_arn))
    error_message = "dead_letter_queue_arn is the ARN of an SQS queue."
  }
}

variable "redrives" {
  description = "Further dead-letter queues, each with the queue that its messages go back to (null where an operator only looks at them and deletes them): of dropped files, of subscriptions, of schedules."
  type = map(object({
    dead_letter_queue_arn = string
    source_queue_arn      = optional(string)
  }))
  nullable = false
  default  = {}

  validation {
    condition     = alltrue([for redrive in values(var.redrives) : can(regex("^arn:[^:]+:sqs:[^:]+:[0-9]{12}:.+$", redrive.dead_letter_queue_arn))])
    error_message = "redrives are ARNs of SQS queues."
  }
}

variable "compaction" {
  description = "What an operator starts and stops runs of: cluster, family and roles of the task, and the queue of raw objects that a run on the operator's own machine reads too. cluster_arn is null where Glue compacts, glue_job_name where Fargate does."
  type = object({
    cluster_arn           = optional(string)
    task_family           = string
    role_arns             = list(string)
    glue_job_name         = optional(string)
    raw_objects_queue_arn = string
  })
  nullable = false
}

variable "application_arn" {
  description = "The alert job, which an operator may start and stop; null leaves it to whoever deploys."
  type        = string
  default     = null

  validation {
    condition     = var.application_arn == null || can(regex("^arn:[^:]+:kinesisanalytics:[^:]+:[0-9]{12}:application/.+$", var.application_arn))
    error_message = "application_arn is the ARN of an application of Managed Service for Apache Flink."
  }
}

variable "log_group_names" {
  description = "The log groups that an operator reads."
  type        = list(string)
  nullable    = false
  default     = []
}

variable "trusted_principals" {
  description = "Who may take each role: ARNs of roles, users or accounts (arn:aws:iam::ACCOUNT:root). A role that nobody may take is not made."
  type = object({
    analyst  = optional(list(string), [])
    operator = optional(list(string), [])
    producer = optional(list(string), [])
    reader   = optional(list(string), [])
  })
  nullable = false
  default  = {}

  validation {
    condition     = alltrue([for arn in flatten(values(var.trusted_principals)) : can(regex("^arn:[^:]+:iam::[0-9]{12}:(root|(role|user)/.+)$", arn))])
    error_message = "A trusted principal is the ARN of a role, a user or an account's root; never a star."
  }
}

variable "reader_external_id" {
  description = "What a reader of another account says when it takes its role, so that nobody can have it take the role for somebody else."
  type        = string
  default     = null

  validation {
    condition     = var.reader_external_id == null || try(can(regex("^[A-Za-z0-9+=,.@:/-]{8,}$", var.reader_external_id)) && length(var.reader_external_id) <= 1224, false)
    error_message = "reader_external_id has 8 to 1224 letters, digits and + = , . @ : / -."
  }

  validation {
    condition     = length(var.trusted_principals.reader) == 0 || var.reader_external_id != null
    error_message = "A reader needs reader_external_id."
  }
}

variable "require_mfa" {
  description = "Whether people (analyst, operator) have to come with a second factor. False where they come through IAM Identity Center or another role, whose sessions do not say so."
  type        = bool
  nullable    = false
  default     = true
}

variable "session_hours" {
  description = "How long a session of a person's role lasts at most."
  type        = number
  nullable    = false
  default     = 4

  validation {
    condition     = var.session_hours >= 1 && var.session_hours <= 12 && floor(var.session_hours) == var.session_hours
    error_message = "session_hours is a whole number from 1 to 12."
  }
}
