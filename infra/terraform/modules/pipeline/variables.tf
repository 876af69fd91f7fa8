# The same text in this module and in each environment; a test compares them.

variable "name" {
  description = "What every name begins with: clickstream- and the environment."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.name))
    error_message = "name is 3 to 25 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

# Sizes: those of sizes.auto.tfvars.json, which `clickstream cost` reads as well.

variable "expected_events_per_s" {
  description = "Events a second, on average."
  type        = number
  nullable    = false

  validation {
    condition     = var.expected_events_per_s > 0
    error_message = "expected_events_per_s is above zero."
  }
}

variable "event_bytes" {
  description = "Bytes of an event as JSON."
  type        = number
  nullable    = false

  validation {
    condition     = var.event_bytes > 0
    error_message = "event_bytes is above zero."
  }
}

variable "capacity" {
  description = "The stream's mode, ON_DEMAND or PROVISIONED. Shards that are null are as many as twice the expected bytes need."
  type        = object({ mode = string, shards = optional(number) })
  nullable    = false

  validation {
    condition     = var.capacity.shards == null || var.capacity.mode == "PROVISIONED"
    error_message = "A stream on demand has no number of shards."
  }
}

variable "retention_hours" {
  description = "How long the stream keeps a record: longer than its readers may ever be down."
  type        = number
  nullable    = false
}

variable "buffer_mib" {
  description = "Firehose delivers when so many MiB have come."
  type        = number
  nullable    = false
}

variable "buffer_seconds" {
  description = "Firehose delivers when the oldest record has waited so long."
  type        = number
  nullable    = false
}

variable "parallelism" {
  description = "Processing units of the alert job."
  type        = number
  nullable    = false
}

variable "compaction" {
  description = "The compaction's task on Fargate; 1024 of cpu are one vCPU."
  type        = object({ cpu = number, memory_mib = number, disk_gib = number })
  nullable    = false
}

variable "warehouse" {
  description = "Redshift Serverless, in RPU, where it is enabled."
  type        = object({ enabled = bool, base_capacity = number, max_capacity = number })
  nullable    = false
}

variable "availability_zones" {
  description = "In how many there are subnets and endpoints. A warehouse needs three."
  type        = number
  nullable    = false

  validation {
    condition     = var.availability_zones >= 3 || !var.warehouse.enabled
    error_message = "A warehouse needs three availability zones."
  }
}

variable "raw_archive_after_days" {
  description = "Days after which raw objects go to Glacier Instant Retrieval."
  type        = number
  nullable    = false
}

variable "raw_expire_after_days" {
  description = "Days after which raw objects are deleted."
  type        = number
  nullable    = false
}

variable "log_retention_days" {
  description = "Days for which log groups keep what is written to them."
  type        = number
  nullable    = false
}

# What is run. Without them there is everything that they need to be put somewhere: the first apply.

variable "alerts_package_key" {
  description = "Key of the alert job's package in the artifacts bucket; null while there is none."
  type        = string
  default     = null
}

variable "dropped_files_package_key" {
  description = "Key of the package of the function for dropped files in the artifacts bucket; null while there is none."
  type        = string
  default     = null
}

variable "compaction_image" {
  description = "The compaction's image by its digest, REPOSITORY@sha256:DIGEST; null while there is none."
  type        = string
  default     = null
}

variable "start_job" {
  description = "Whether the alert job runs. false stops it, with a snapshot."
  type        = bool
  default     = true
  nullable    = false
}

variable "schedules_enabled" {
  description = "Whether the schedules start the compaction."
  type        = bool
  default     = true
  nullable    = false
}

# What is alerted, and to whom.

variable "alert_types" {
  description = "Event types that are alerted to PurchaseAlerts."
  type        = list(string)
  default     = ["purchase"]
  nullable    = false
}

variable "max_alert_age" {
  description = "What happened longer than this before it arrived is not alerted: off, or such as 30m, 24h, 7d."
  type        = string
  default     = "24h"
  nullable    = false
}

variable "rule_topics" {
  description = "Names of further topics, for alert rules."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "alert_rules" {
  description = "Further rules by name, each to PurchaseAlerts or one of rule_topics: see module alerts."
  type = map(object({
    event_type = string
    where      = optional(string)
    topic      = string
  }))
  default  = {}
  nullable = false
}

variable "subscriptions" {
  description = "Who gets alerts, by name, and with which filter: see module alerts."
  type = map(object({
    protocol = string
    endpoint = string
    topic    = optional(string, "PurchaseAlerts")
    filter   = optional(map(list(string)), {})
    numeric  = optional(map(map(number)), {})
    raw      = optional(bool, true)
  }))
  default  = {}
  nullable = false

  # An alarm is named after each.
  validation {
    condition     = alltrue([for name in keys(var.subscriptions) : can(regex("^[a-z0-9-]{1,40}$", name))])
    error_message = "A subscription's name has up to 40 lower-case letters, digits and hyphens."
  }
}

# Who runs it, and who may come in.

variable "ops_endpoints" {
  description = "E-mail addresses that get every change of every alarm, and what the budget says. Each has to confirm."
  type        = list(string)
  nullable    = false
}

variable "page_endpoints" {
  description = "Who is woken, by name: protocol (email, https, sms) and endpoint."
  type        = map(object({ protocol = string, endpoint = string }))
  default     = {}
  nullable    = false
}

variable "runbook_url" {
  description = "Where people who get an alarm read docs/runbook.md."
  type        = string
  nullable    = false
}

variable "monthly_budget_usd" {
  description = "What the environment may cost in a month before somebody is told."
  type        = number
  nullable    = false
}

variable "is_cost_tag_active" {
  description = "Whether the account counts costs by the tag Environment; else the budget is over the whole account."
  type        = bool
  default     = false
  nullable    = false
}

variable "anomaly_monitor_arn" {
  description = "The account's monitor of cost anomalies, of which it can have one alone; null to make it."
  type        = string
  default     = null
}

variable "trusted_principals" {
  description = "ARNs of who may take the roles for people and other programs."
  type = object({
    analyst  = optional(list(string), [])
    operator = optional(list(string), [])
    producer = optional(list(string), [])
    reader   = optional(list(string), [])
  })
  default  = {}
  nullable = false
}

variable "reader_external_id" {
  description = "What a reader of another account has to say to take its role."
  type        = string
  default     = null
}

variable "require_mfa" {
  description = "Whether analysts and operators have to come with a second factor; false where they come through IAM Identity Center."
  type        = bool
  default     = true
  nullable    = false
}

variable "deployer_role_names" {
  description = "Names of the roles that upload packages and apply. The lake's key lets in nobody who is not named."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.deployer_role_names) > 0
    error_message = "deployer_role_names names at least the role that uploads the packages."
  }
}

variable "key_administrator_arns" {
  description = "ARNs of who administers the keys; without any, whom IAM lets in this account."
  type        = list(string)
  default     = []
  nullable    = false
}

# What an environment gives up for being taken down easily.

variable "force_destroy" {
  description = "Whether a destroy deletes buckets and the image repository with what is in them, and the table that remembers dropped files."
  type        = bool
  default     = false
  nullable    = false
}

variable "key_deletion_window_days" {
  description = "Days between the order to delete a key and its deletion."
  type        = number
  default     = 30
  nullable    = false
}

# Options that are off.

variable "crawler" {
  description = "A Glue crawler over further prefixes of the raw bucket: see module catalog."
  type        = object({ enabled = optional(bool, false), prefixes = optional(list(string), []) })
  default     = {}
  nullable    = false
}

variable "lake_formation" {
  description = "Whether Lake Formation decides about the catalog in this account, so that grants are needed."
  type        = bool
  default     = false
  nullable    = false
}
