# Who uses which key, by the names of the roles: what each role's own policy allows it. A role that is named here alone, or
# there alone, cannot use the key; a test compares both.
locals {
  # Roles that are made only where somebody uses them, each a list of itself or of nothing.
  people          = { for role, principals in var.trusted_principals : role => length(principals) > 0 ? [role] : [] }
  warehouse_roles = var.warehouse.enabled ? ["spectrum"] : []
  crawler_roles   = var.crawler.enabled ? ["crawler"] : []

  key_roles = {
    stream = {
      encrypt = concat(local.people.producer, local.people.operator)
      decrypt = ["firehose", "alert-job"]
    }
    messaging = {
      encrypt = concat(["alert-job", "dropped-files", "scheduler"], local.people.operator)
      decrypt = concat(["alert-job", "dropped-files", "scheduler", "compaction"], local.people.operator)
    }
    lake = {
      encrypt = concat(["firehose", "alert-job", "dropped-files", "compaction"], local.people.analyst, local.people.operator)
      decrypt = concat(
        ["firehose", "alert-job", "dropped-files", "compaction"], local.people.analyst, local.people.operator, local.people.reader,
        local.warehouse_roles, local.crawler_roles,
      )
    }
    logs      = { encrypt = [], decrypt = [] }
    warehouse = { encrypt = [], decrypt = [] }
  }

  key_users = {
    for domain, uses in local.key_roles : domain => {
      for use, roles in uses : use => [for role in roles : "${var.name}-${role}"]
    }
  }
}
