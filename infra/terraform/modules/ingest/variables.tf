variable "name" {
  description = "What every name of the deployment begins with, such as clickstream-dev."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.name))
    error_message = "A name has 3 to 25 small letters, digits and hyphens, and begins with a letter."
  }
}

variable "capacity" {
  description = "How the stream scales: ON_DEMAND, where the service does it, or PROVISIONED with a number of shards."
  type = object({
    mode   = string
    shards = optional(number)
  })
  default  = { mode = "ON_DEMAND" }
  nullable = false

  validation {
    condition     = contains(["ON_DEMAND", "PROVISIONED"], var.capacity.mode)
    error_message = "The mode is ON_DEMAND or PROVISIONED."
  }

  validation {
    condition     = (var.capacity.mode == "PROVISIONED") == (var.capacity.shards != null)
    error_message = "Shards are given for PROVISIONED, and only there."
  }

  validation {
    condition     = var.capacity.shards == null || try(floor(var.capacity.shards) == var.capacity.shards && var.capacity.shards >= 1 && var.capacity.shards <= 10000, false)
    error_message = "Shards are a whole number from 1 to 10000."
  }
}

variable "retention_hours" {
  description = "How long the stream keeps a record. It has to be longer than the longest outage of its readers: what is older is lost to the alerts."
  type        = number
  default     = 168
  nullable    = false

  validation {
    condition     = var.retention_hours >= 24 && var.retention_hours <= 8760 && floor(var.retention_hours) == var.retention_hours
    error_message = "A stream keeps records for 24 to 8760 whole hours."
  }
}

variable "shard_metrics" {
  description = "Metrics that are kept for each shard, beside those of the whole stream. Each costs as a custom metric does, for every shard."
  type        = set(string)
  default     = ["IncomingBytes", "IncomingRecords", "IteratorAgeMilliseconds", "ReadProvisionedThroughputExceeded", "WriteProvisionedThroughputExceeded"]
  nullable    = false

  validation {
    condition = length(setsubtract(var.shard_metrics, [
      "IncomingBytes", "IncomingRecords", "IteratorAgeMilliseconds", "OutgoingBytes", "OutgoingRecords",
      "ReadProvisionedThroughputExceeded", "WriteProvisionedThroughputExceeded",
    ])) == 0
    error_message = "Shard metrics are among IncomingBytes, IncomingRecords, IteratorAgeMilliseconds, OutgoingBytes, OutgoingRecords, ReadProvisionedThroughputExceeded and WriteProvisionedThroughputExceeded."
  }
}

variable "raw_bucket" {
  description = "The bucket that Firehose delivers to."
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

variable "buffer_mib" {
  description = "Firehose delivers when so many MiB have come, before compression; null for what the project is tuned for. Larger objects are fewer and cheaper to read."
  type        = number
  default     = null

  validation {
    condition     = var.buffer_mib == null || try(var.buffer_mib >= 1 && var.buffer_mib <= 128 && floor(var.buffer_mib) == var.buffer_mib, false)
    error_message = "Firehose buffers 1 to 128 whole MiB."
  }
}

variable "buffer_seconds" {
  description = "Firehose delivers when the oldest record has waited so long; null for what the project is tuned for."
  type        = number
  default     = null

  # Firehose takes 0 as well, and would write an object for nearly every record.
  validation {
    condition     = var.buffer_seconds == null || try(var.buffer_seconds >= 60 && var.buffer_seconds <= 900 && floor(var.buffer_seconds) == var.buffer_seconds, false)
    error_message = "Firehose waits for 60 to 900 whole seconds."
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

variable "lake_key_arn" {
  description = "KMS key that the raw bucket is encrypted with."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:kms:[^:]+:\\d{12}:key/.+$", var.lake_key_arn))
    error_message = "The lake's key is given by the ARN of a KMS key, not of an alias."
  }
}

variable "logs_key_arn" {
  description = "KMS key that Firehose's log is encrypted with."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:kms:[^:]+:\\d{12}:key/.+$", var.logs_key_arn))
    error_message = "The logs' key is given by the ARN of a KMS key, not of an alias."
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
  description = "How long Firehose's log is kept, in days."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days."
  }
}
