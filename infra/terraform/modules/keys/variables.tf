variable "name" {
  description = "What every name begins with, such as clickstream-dev."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.name))
    error_message = "The name has 3 to 25 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "users" {
  description = "For each domain the names of the roles that may encrypt and decrypt by its key. They need not exist yet."
  type = map(object({
    encrypt = optional(list(string), [])
    decrypt = optional(list(string), [])
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.users), ["stream", "messaging", "lake", "logs", "warehouse"])) == 0
    error_message = "The domains are stream, messaging, lake, logs and warehouse."
  }

  validation {
    condition = alltrue([
      for role in flatten([for roles in var.users : [roles.encrypt, roles.decrypt]]) : can(regex("^[\\w+=,.@-]{1,64}$", role))
    ])
    error_message = "These are names of roles of this account, not their ARNs, and without a path."
  }
}

variable "deployer_role_names" {
  description = "Names of the roles, with their paths, that put packages into the bucket of artifacts and take them out again for Lambda. The lake's key lets them do this and nothing else."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for role in var.deployer_role_names : can(regex("^([\\w+=,.@-]+/)*[\\w+=,.@-]{1,64}$", role))])
    error_message = "These are names of roles of this account, with a path before where there is one, such as aws-reserved/sso.amazonaws.com/Deployer; not their ARNs."
  }
}

variable "administrator_arns" {
  description = "ARNs of who administers the keys: policy, aliases, rotation, deletion. Without any, whom IAM lets in this account."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.administrator_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(root|role/.+|user/.+)$", arn))])
    error_message = "These are ARNs of roles, users or an account's root."
  }
}

variable "creator_arns" {
  description = "ARNs of who creates what is encrypted, such as the role that runs Terraform. Without any, the administrators."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.creator_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(root|role/.+|user/.+)$", arn))])
    error_message = "These are ARNs of roles, users or an account's root."
  }
}

variable "deletion_window_days" {
  description = "Days between the order to delete a key and its deletion, in which the order can be taken back."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30 && floor(var.deletion_window_days) == var.deletion_window_days
    error_message = "Whole days, 7 to 30."
  }
}

variable "rotation_period_days" {
  description = "Days after which a key gets new material. What was encrypted before stays readable."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = var.rotation_period_days >= 90 && var.rotation_period_days <= 2560 && floor(var.rotation_period_days) == var.rotation_period_days
    error_message = "Whole days, 90 to 2560."
  }
}
