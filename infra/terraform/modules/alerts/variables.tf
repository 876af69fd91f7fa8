variable "name" {
  description = "What every name of the deployment begins with, such as clickstream-dev."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.name))
    error_message = "A name has 3 to 25 small letters, digits and hyphens, and begins with a letter."
  }
}

variable "messaging_key_arn" {
  description = "KMS key that topics and queues are encrypted with."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:kms:[^:]+:\\d{12}:key/.+$", var.messaging_key_arn))
    error_message = "The messaging key is given by the ARN of a KMS key, not of an alias."
  }
}

variable "publisher_role_arns" {
  description = "Roles that publish alerts and send dead letters: those of the alert job, of the function for dropped files, and of whoever redrives dead letters. Nobody else can."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.publisher_role_arns) > 0 && alltrue([for arn in var.publisher_role_arns : can(regex("^arn:[^:]+:iam::\\d{12}:role/[^*?]+$", arn))])
    error_message = "Publishers are ARNs of roles, at least one, without wildcards."
  }
}

variable "rule_topics" {
  description = "Names of further topics, for alert rules beside the purchases."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for topic in var.rule_topics : can(regex("^[A-Za-z0-9_-]{1,64}$", topic)) && topic != "PurchaseAlerts"])
    error_message = "A topic's name has up to 64 letters, digits, hyphens and underscores; PurchaseAlerts is there anyway."
  }
}

variable "alert_rules" {
  description = "Further alert rules by name: the events of a type, those alone whose metadata meet the conditions (`amount_minor >= 100000 and currency in EUR,CHF`), are alerted to one of the topics."
  type = map(object({
    event_type = string
    where      = optional(string)
    topic      = string
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name, rule in var.alert_rules : can(regex("^[A-Za-z0-9_.-]{1,64}$", name)) && can(regex("^[A-Za-z0-9_.-]{1,64}$", rule.event_type))])
    error_message = "Names of rules and event types have up to 64 letters, digits, `_`, `.` and `-`."
  }

  validation {
    condition = alltrue([
      for rule in values(var.alert_rules) : rule.where == null || can(regex(
        "^[^\\s;'\"]+ +(=|!=|in|>=|<=|>|<) +([^\\s;'\"]|'[^'\n]*'|\"[^\"\n]*\")+( +and +[^\\s;'\"]+ +(=|!=|in|>=|<=|>|<) +([^\\s;'\"]|'[^'\n]*'|\"[^\"\n]*\")+)*$",
        rule.where,
      ))
    ])
    error_message = "Conditions are KEY OP VALUE, joined by `and`; the operators are =, !=, in, >=, <=, > and <; a value with spaces, commas or semicolons stands in quotes."
  }

  validation {
    condition     = alltrue([for rule in values(var.alert_rules) : contains(concat(["PurchaseAlerts"], tolist(var.rule_topics)), rule.topic)])
    error_message = "The topic of a rule is PurchaseAlerts or one of rule_topics."
  }
}

variable "subscriptions" {
  description = "Who gets alerts: name -> protocol, endpoint and topic. `filter` lets through an alert whose message attributes have one of the texts listed, `numeric` one whose numbers compare as told, such as { amount_minor = { \">=\" = 100000 } }. `raw` sends the alert's JSON to sqs and https without SNS's envelope."
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

  validation {
    condition     = alltrue([for name in keys(var.subscriptions) : can(regex("^[A-Za-z0-9_-]{1,40}$", name))])
    error_message = "A subscription's name has up to 40 letters, digits, hyphens and underscores: a queue is named after it."
  }

  validation {
    condition = alltrue([
      for subscription in values(var.subscriptions) : can(regex(lookup({
        sqs    = "^arn:[^:]+:sqs:[^:]+:\\d{12}:[A-Za-z0-9_-]{1,80}$"
        lambda = "^arn:[^:]+:lambda:[^:]+:\\d{12}:function:[A-Za-z0-9_:-]+$"
        https  = "^https://[^/\\s]+"
        email  = "^[^@\\s]+@[^@\\s]+$"
      }, subscription.protocol, "^$"), subscription.endpoint))
    ])
    error_message = "Protocols are sqs, lambda, https and email, and the endpoint is one of that protocol. Plain http is not served."
  }

  validation {
    condition     = alltrue([for subscription in values(var.subscriptions) : contains(concat(["PurchaseAlerts"], tolist(var.rule_topics)), subscription.topic)])
    error_message = "The topic of a subscription is PurchaseAlerts or one of rule_topics."
  }

  validation {
    condition = alltrue([
      for subscription in values(var.subscriptions) :
      length(setsubtract(setunion(keys(subscription.filter), keys(subscription.numeric)), module.facts.message_attributes)) == 0 &&
      length(setintersection(keys(subscription.filter), keys(subscription.numeric))) == 0
    ])
    error_message = "Subscriptions filter by the message attributes that an alert has, each by texts or by numbers. Another one would let nothing through."
  }

  validation {
    condition = alltrue(flatten([
      for subscription in values(var.subscriptions) : concat(
        [for texts in values(subscription.filter) : length(texts) > 0],
        [
          for comparisons in values(subscription.numeric) : contains([
            "=", ">", ">=", "<", "<=", "<,>", "<,>=", "<=,>", "<=,>=",
          ], join(",", keys(comparisons)))
        ],
      )
    ]))
    error_message = "A filter lists at least one text; a numeric one has =, a lower bound, an upper bound, or both bounds."
  }
}
