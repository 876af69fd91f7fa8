locals {
  # Everything that is taken from here is named, so that a part which is gone is an error and not a null.
  facts = jsondecode(file("${path.module}/facts.json"))

  hive_tables = {
    for name, table in { raw = local.facts.raw_table, receipts = local.facts.receipts_table } : name => {
      name                   = tostring(table.name)
      columns                = [for column in table.columns : { name = tostring(column.name), type = tostring(column.type) }]
      partition_keys         = [for key in table.partition_keys : { name = tostring(key.name), type = tostring(key.type) }]
      parameters             = tomap(table.parameters)
      location_prefix        = tostring(table.location_prefix)
      input_format           = tostring(table.input_format)
      output_format          = tostring(table.output_format)
      serde_library          = tostring(table.serde_library)
      serde_parameters       = tomap(table.serde_parameters)
    }
  }
}
