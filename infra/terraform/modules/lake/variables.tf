variable "name" {
  description = "What every name begins with, such as clickstream-dev."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.name))
    error_message = "The name has 3 to 25 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "lake_key_arn" {
  description = "ARN of the KMS key that encrypts every bucket but that of the logs."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.lake_key_arn))
    error_message = "This is the ARN of a KMS key, not its id and not an alias: bucket policies compare it with what a writer names."
  }
}

variable "logs_key_arn" {
  description = "ARN of the KMS key that encrypts what CloudTrail delivers to the bucket of the logs."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.logs_key_arn))
    error_message = "This is the ARN of a KMS key, not its id and not an alias: bucket policies compare it with what a writer names."
  }
}

variable "raw_archive_after_days" {
  description = "Days after which a raw object goes to Glacier Instant Retrieval."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.raw_archive_after_days >= 2 && floor(var.raw_archive_after_days) == var.raw_archive_after_days
    error_message = "Whole days, at least 2: every run of the compaction lists, and the daily ones read, the last two days."
  }
}

variable "raw_expire_after_days" {
  description = "Days after which a raw object is deleted. What is deleted can neither be replayed nor reconciled."
  type        = number
  default     = 730
  nullable    = false

  validation {
    condition = (
      var.raw_expire_after_days >= var.raw_archive_after_days + 90 &&
      floor(var.raw_expire_after_days) == var.raw_expire_after_days
    )
    error_message = "Whole days, at least 90 more than raw_archive_after_days: Glacier Instant Retrieval bills 90 days at least."
  }
}

variable "noncurrent_expire_after_days" {
  description = "Days for which what was overwritten or deleted can be brought back. An erasure is complete only after them."
  type        = number
  default     = 14
  nullable    = false

  validation {
    condition = (
      var.noncurrent_expire_after_days >= 1 && var.noncurrent_expire_after_days <= 30 &&
      floor(var.noncurrent_expire_after_days) == var.noncurrent_expire_after_days
    )
    error_message = "Whole days, 1 to 30: an erasure has to be complete within a month."
  }
}

variable "athena_results_expire_after_days" {
  description = "Days after which the result of a query is deleted; it can be had again by running the query."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition = (
      var.athena_results_expire_after_days >= 1 && var.athena_results_expire_after_days <= 365 &&
      floor(var.athena_results_expire_after_days) == var.athena_results_expire_after_days
    )
    error_message = "Whole days, 1 to 365."
  }
}

variable "log_expire_after_days" {
  description = "Days after which access logs and the audit trail are deleted."
  type        = number
  default     = 400
  nullable    = false

  validation {
    condition     = var.log_expire_after_days >= 90 && floor(var.log_expire_after_days) == var.log_expire_after_days
    error_message = "Whole days, at least 90: what an intrusion did is often asked for months later."
  }
}

variable "force_destroy" {
  description = "Whether a destroy deletes the buckets with what is in them; for environments that hold nothing of worth."
  type        = bool
  default     = false
  nullable    = false
}
