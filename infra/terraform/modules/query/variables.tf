variable "name" {
  description = "What the names of everything made here begin with, such as clickstream-dev."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.name))
    error_message = "name is 3 to 25 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "athena_results_bucket" {
  description = "The bucket of the results of queries."
  type        = object({ name = string, arn = string })
  nullable    = false
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

variable "bytes_scanned_limit" {
  description = "How many bytes a query may read before Athena ends it."
  type        = number
  nullable    = false
  default     = 107374182400

  validation {
    condition     = var.bytes_scanned_limit >= 10485760
    error_message = "bytes_scanned_limit is at least 10485760 (10 MiB), the least that Athena takes."
  }
}

variable "queries" {
  description = "Queries to keep in the workgroup: name -> what it answers, and its SQL. In the tables' database, or in the one that is given."
  type = map(object({
    description = string
    sql         = string
    database    = optional(string)
  }))
  nullable = false
  default  = {}

  validation {
    condition     = alltrue([for name, query in var.queries : length(name) <= 128 && length(query.description) <= 1024])
    error_message = "A query's name has at most 128 characters, its description at most 1024."
  }

  validation {
    condition     = alltrue([for query in values(var.queries) : length(trimspace(query.sql)) > 0 && length(query.sql) <= 262144])
    error_message = "A query's sql is not empty, and has at most 262144 characters."
  }
}

variable "force_destroy" {
  description = "Whether a destroy takes away a workgroup in which people have kept queries."
  type        = bool
  nullable    = false
  default     = false
}

variable "warehouse" {
  description = "Redshift Serverless, off by default: its capacity in RPUs, the RPU hours that it may take a day, and the security groups that may connect to it."
  type = object({
    enabled                   = optional(bool, false)
    base_capacity             = optional(number, 8)
    max_capacity              = optional(number, 32)
    daily_rpu_hours           = optional(number, 24)
    max_query_s               = optional(number, 3600)
    client_security_group_ids = optional(list(string), [])
  })
  nullable = false
  default  = {}

  validation {
    condition     = var.warehouse.base_capacity >= 8 && var.warehouse.base_capacity <= 512 && var.warehouse.base_capacity % 8 == 0
    error_message = "warehouse.base_capacity is 8 to 512 RPUs, in steps of 8."
  }

  validation {
    condition     = var.warehouse.max_capacity >= var.warehouse.base_capacity && var.warehouse.max_capacity <= 5632 && var.warehouse.max_capacity % 8 == 0
    error_message = "warehouse.max_capacity is at least base_capacity and at most 5632 RPUs, in steps of 8."
  }

  validation {
    condition     = var.warehouse.daily_rpu_hours >= 1
    error_message = "warehouse.daily_rpu_hours is at least 1."
  }

  validation {
    condition     = var.warehouse.max_query_s >= 1 && var.warehouse.max_query_s <= 86399
    error_message = "warehouse.max_query_s is 1 to 86399 seconds."
  }

  validation {
    condition     = alltrue([for group in var.warehouse.client_security_group_ids : startswith(group, "sg-")])
    error_message = "warehouse.client_security_group_ids begin with sg-."
  }
}

variable "subnet_ids" {
  description = "The private subnets of the warehouse, in at least three availability zones. Not needed without one."
  type        = list(string)
  nullable    = false
  default     = []
}

variable "security_group_id" {
  description = "The security group that lets the warehouse out to the VPC endpoints. Not needed without one."
  type        = string
  default     = null
}

variable "vpc_id" {
  description = "The VPC of the warehouse. Not needed without one."
  type        = string
  default     = null
}

variable "lake_key_arn" {
  description = "The key of the buckets, and so of results."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.lake_key_arn))
    error_message = "lake_key_arn is the ARN of a KMS key, not of an alias."
  }
}

variable "warehouse_key_arn" {
  description = "The key of the warehouse and of its administrator's secret. Not needed without one."
  type        = string
  default     = null

  validation {
    condition     = var.warehouse_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.warehouse_key_arn))
    error_message = "warehouse_key_arn is the ARN of a KMS key, not of an alias."
  }

  validation {
    condition     = !var.warehouse.enabled || var.warehouse_key_arn != null
    error_message = "A warehouse needs warehouse_key_arn."
  }
}

variable "logs_key_arn" {
  description = "The key of the warehouse's log groups. Not needed without one."
  type        = string
  default     = null

  validation {
    condition     = var.logs_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.logs_key_arn))
    error_message = "logs_key_arn is the ARN of a KMS key, not of an alias."
  }

  validation {
    condition     = !var.warehouse.enabled || var.logs_key_arn != null
    error_message = "A warehouse needs logs_key_arn."
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

variable "log_retention_days" {
  description = "How long the log groups keep what is written to them."
  type        = number
  nullable    = false
  default     = 90

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days is none of the retentions that CloudWatch Logs has."
  }
}
