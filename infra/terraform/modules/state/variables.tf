variable "name" {
  description = "What the bucket and the key are called; the account follows it."
  type        = string
  default     = "clickstream-state"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.name))
    error_message = "name is 3 to 25 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "old_states_days" {
  description = "Days for which a state that was replaced is kept; the last twenty for good."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.old_states_days >= 30 && floor(var.old_states_days) == var.old_states_days
    error_message = "old_states_days is a whole number, at least 30."
  }
}
