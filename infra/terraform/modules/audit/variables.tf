variable "name" {
  description = "What every name begins with, such as clickstream-dev."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.name))
    error_message = "The name has 3 to 25 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "logs_bucket" {
  description = "The bucket that the trail is delivered to; its policy has to let this trail in."
  type = object({
    name = string
    arn  = string
  })
  nullable = false
}

variable "trail_prefix" {
  description = "The prefix below which the bucket's policy lets the trail in."
  type        = string
  default     = "cloudtrail"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$", var.trail_prefix))
    error_message = "A prefix without a slash at its ends."
  }
}

variable "data_bucket_arns" {
  description = "ARNs of the buckets whose objects' reads and writes are recorded."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.data_bucket_arns) > 0 && alltrue([for arn in var.data_bucket_arns : can(regex("^arn:[a-z-]+:s3:::[a-z0-9.-]{3,63}$", arn))])
    error_message = "ARNs of buckets, at least one; not of objects."
  }
}

variable "record_reads" {
  description = "Whether reads of objects are recorded beside writes. Each run of the compaction reads objects by the thousand."
  type        = bool
  default     = true
  nullable    = false
}

variable "logs_key_arn" {
  description = "ARN of the KMS key that encrypts the trail, and its log group where there is one."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.logs_key_arn))
    error_message = "This is the ARN of a KMS key."
  }
}

variable "deliver_to_cloudwatch" {
  description = "Whether the trail also goes to a log group, for searches within minutes and metric filters."
  type        = bool
  default     = false
  nullable    = false
}

variable "log_retention_days" {
  description = "Days for which the log group keeps the trail; the bucket's own rule says how long that does."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition = contains(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
      var.log_retention_days
    )
    error_message = "CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days."
  }
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that bounds what the trail's role can be allowed; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null ? true : can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary_arn))
    error_message = "This is the ARN of an IAM policy."
  }
}

variable "monthly_budget_usd" {
  description = "What a month may cost, in US dollars, before somebody is told."
  type        = number
  nullable    = false

  validation {
    condition     = var.monthly_budget_usd > 0
    error_message = "More than nothing."
  }
}

variable "anomaly_threshold_usd" {
  description = "By how many US dollars a cost has to differ from what is usual before somebody is told."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.anomaly_threshold_usd > 0
    error_message = "More than nothing."
  }
}

variable "cost_tag" {
  description = "The tag of what counts as this deployment's cost, activated as a cost allocation tag; null for the whole account."
  type = object({
    key   = string
    value = string
  })
  default = null

  validation {
    condition     = var.cost_tag == null ? true : can(regex("^[^$]{1,128}$", var.cost_tag.key)) && length(var.cost_tag.value) > 0
    error_message = "A key and a value, neither of them empty, and no dollar sign in the key."
  }
}

variable "anomaly_monitor_arn" {
  description = "ARN of a monitor that the account has already; null to make one. An account has only one over all of its services."
  type        = string
  default     = null

  validation {
    condition     = var.anomaly_monitor_arn == null ? true : can(regex("^arn:[a-z-]+:ce::[0-9]{12}:anomalymonitor/.+$", var.anomaly_monitor_arn))
    error_message = "This is the ARN of a monitor of cost anomalies."
  }
}

variable "ops_topic_arns" {
  description = "ARN of the topic that is told at once, as a list of one; its policy and its key have to let budgets and cost anomalies in."
  # A list, since whether there is one has to be known before the topic is made.
  type     = list(string)
  default  = []
  nullable = false

  validation {
    condition     = length(var.ops_topic_arns) <= 1 && alltrue([for arn in var.ops_topic_arns : can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", arn))])
    error_message = "At most one ARN of an SNS topic, and not of a FIFO one: a budget tells no more."
  }
}

variable "ops_endpoints" {
  description = "E-mail addresses that are told of the budget at once, and of anomalies once a day."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.ops_endpoints) <= 10 && alltrue([for address in var.ops_endpoints : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))])
    error_message = "Up to 10 e-mail addresses."
  }

  validation {
    condition     = length(var.ops_endpoints) + length(var.ops_topic_arns) > 0
    error_message = "Somebody has to be told: give ops_topic_arns or ops_endpoints."
  }
}
