# Lake Formation, where an account has it decide: then a role needs a grant beside its policy.
locals {
  writers   = var.lake_formation.enabled ? var.lake_formation.writers : {}
  readers   = var.lake_formation.enabled ? var.lake_formation.readers : {}
  databases = { curated = aws_glue_catalog_database.this.name, raw = aws_glue_catalog_database.raw.name }
  reads = {
    for pair in setproduct(keys(local.readers), keys(local.databases)) :
    "${pair[0]}-${pair[1]}" => { principal = local.readers[pair[0]], database = local.databases[pair[1]] }
  }
}

# The application asks for the database before it makes a table, and is told that it is there: but only whoever may make one
# is told.
resource "aws_lakeformation_permissions" "writer_catalog" {
  for_each = local.writers

  principal        = each.value
  permissions      = ["CREATE_DATABASE"]
  catalog_resource = true
}

resource "aws_lakeformation_permissions" "writer_database" {
  for_each = local.writers

  principal   = each.value
  permissions = ["CREATE_TABLE", "DESCRIBE"]

  database {
    name = aws_glue_catalog_database.this.name
  }
}

# No DROP: the application never takes a table away.
resource "aws_lakeformation_permissions" "writer_tables" {
  for_each = local.writers

  principal   = each.value
  permissions = ["ALTER", "DELETE", "DESCRIBE", "INSERT", "SELECT"]

  table {
    database_name = aws_glue_catalog_database.this.name
    wildcard      = true
  }
}

resource "aws_lakeformation_permissions" "reader_database" {
  for_each = local.reads

  principal   = each.value.principal
  permissions = ["DESCRIBE"]

  database {
    name = each.value.database
  }
}

resource "aws_lakeformation_permissions" "reader_tables" {
  for_each = local.reads

  principal   = each.value.principal
  permissions = ["DESCRIBE", "SELECT"]

  table {
    database_name = each.value.database
    wildcard      = true
  }
}
