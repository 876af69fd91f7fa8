variable "name" {
  description = "What the names of everything made here begin with, such as clickstream-dev."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.name))
    error_message = "name is 3 to 25 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "raw_bucket" {
  description = "The bucket of the raw objects."
  type        = object({ name = string, arn = string })
  nullable    = false
}

variable "curated_bucket" {
  description = "The bucket of the tables."
  type        = object({ name = string, arn = string })
  nullable    = false
}

variable "database" {
  description = "The Glue database of the Iceberg tables."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9_]{1,255}$", var.database))
    error_message = "database is lower-case letters, digits and underscores."
  }
}

variable "raw_database" {
  description = "The Glue database of the tables over raw objects and receipts."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9_]{1,255}$", var.raw_database))
    error_message = "raw_database is lower-case letters, digits and underscores."
  }
}

variable "crawler" {
  description = "A Glue crawler over further prefixes of the raw bucket whose schema is not known; off by default, see ADR 17. schedule is a cron expression of Glue's, in UTC."
  type = object({
    enabled  = optional(bool, false)
    prefixes = optional(list(string), [])
    schedule = optional(string, "cron(30 3 * * ? *)")
  })
  nullable = false
  default  = {}

  validation {
    condition     = !var.crawler.enabled || length(var.crawler.prefixes) > 0
    error_message = "crawler.prefixes names at least one prefix where the crawler is enabled."
  }

  validation {
    condition     = alltrue([for prefix in var.crawler.prefixes : can(regex("^[A-Za-z0-9][A-Za-z0-9/_.=-]*/$", prefix))])
    error_message = "Each of crawler.prefixes ends with a slash and begins with none."
  }

  validation {
    condition = alltrue(flatten([
      for prefix in var.crawler.prefixes : [
        for known in [module.facts.prefixes.raw, module.facts.prefixes.raw_errors] :
        !startswith(prefix, known) && !startswith(known, prefix)
      ]
    ]))
    error_message = "crawler.prefixes has a prefix whose schema is known: the raw objects have their table."
  }

  validation {
    condition     = can(regex("^cron\\([^()]+\\)$", var.crawler.schedule))
    error_message = "crawler.schedule is like cron(30 3 * * ? *)."
  }
}

variable "lake_formation" {
  description = "Grants of Lake Formation, for an account where it decides about the catalog: name -> role ARN of those who write the Iceberg tables, and of those who read all tables."
  type = object({
    enabled = optional(bool, false)
    writers = optional(map(string), {})
    readers = optional(map(string), {})
  })
  nullable = false
  default  = {}

  validation {
    condition     = alltrue([for arn in concat(values(var.lake_formation.writers), values(var.lake_formation.readers)) : can(regex("^arn:[^:]+:iam::[0-9]{12}:(role|user)/.+$", arn))])
    error_message = "Writers and readers are ARNs of roles or users."
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

variable "logs_key_arn" {
  description = "The key of the crawler's log."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.logs_key_arn))
    error_message = "logs_key_arn is the ARN of a KMS key, not of an alias."
  }
}

variable "permissions_boundary_arn" {
  description = "The boundary of every role made here."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:iam::[0-9]{12}:policy/.+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn is the ARN of a policy."
  }
}
