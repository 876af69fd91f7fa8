variable "name" {
  description = "What every name begins with, such as clickstream-dev."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.name))
    error_message = "The name has 3 to 25 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "cidr" {
  description = "Private addresses of the network. Nothing of it is routed elsewhere, so it may overlap with other networks."
  type        = string
  default     = "10.40.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && can(regex("^(10|172\\.(1[6-9]|2[0-9]|3[01])|192\\.168)\\.[0-9.]+/(1[6-9]|2[0-2])$", var.cidr))
    error_message = "A range of private IPv4 addresses, from /16 to /22, such as 10.40.0.0/16."
  }
}

variable "availability_zones" {
  description = "In how many availability zones there are subnets. Redshift Serverless wants three."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = var.availability_zones >= 2 && var.availability_zones <= 6 && floor(var.availability_zones) == var.availability_zones
    error_message = "2 to 6."
  }
}

variable "endpoint_zones" {
  description = "In how many of the zones each interface endpoint is: it is billed for each. Null for all of them."
  type        = number
  default     = null

  validation {
    condition     = var.endpoint_zones == null ? true : var.endpoint_zones >= 1 && var.endpoint_zones <= var.availability_zones && floor(var.endpoint_zones) == var.endpoint_zones
    error_message = "1 to availability_zones, or null."
  }
}

variable "interface_endpoints" {
  description = "Services that are reached by an interface endpoint. What runs in the network reaches no others but S3 and DynamoDB."
  type        = set(string)
  default     = ["athena", "ecr_api", "ecr_dkr", "firehose", "glue", "kinesis", "kms", "logs", "monitoring", "sns", "sqs", "sts"]
  nullable    = false

  validation {
    condition = length(setsubtract(var.interface_endpoints, [
      "athena", "ecr_api", "ecr_dkr", "firehose", "glue", "kinesis", "kms", "logs", "monitoring", "secretsmanager", "sns", "sqs", "sts",
    ])) == 0
    error_message = "Known are athena, ecr_api, ecr_dkr, firehose, glue, kinesis, kms, logs, monitoring, secretsmanager, sns, sqs and sts."
  }
}

variable "flow_log_traffic" {
  description = "Which connections the flow log has: ALL, ACCEPT or REJECT."
  type        = string
  default     = "ALL"
  nullable    = false

  validation {
    condition     = contains(["ALL", "ACCEPT", "REJECT"], var.flow_log_traffic)
    error_message = "ALL, ACCEPT or REJECT."
  }
}

variable "logs_key_arn" {
  description = "ARN of the KMS key that encrypts the flow log."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.logs_key_arn))
    error_message = "This is the ARN of a KMS key."
  }
}

variable "log_retention_days" {
  description = "Days for which the flow log is kept."
  type        = number
  default     = 30
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
  description = "ARN of the policy that bounds what the role of the flow log can be allowed; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null ? true : can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary_arn))
    error_message = "This is the ARN of an IAM policy."
  }
}
