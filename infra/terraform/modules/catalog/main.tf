module "facts" {
  source = "../facts"
}

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

locals {
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition
  region    = data.aws_region.this.region
  dns       = data.aws_partition.this.dns_suffix

  hive_tables = {
    raw      = { fact = module.facts.raw_table, bucket = var.raw_bucket.name }
    receipts = { fact = module.facts.receipts_table, bucket = var.curated_bucket.name }
  }
}

# With the location that the application would give it: whoever comes first, the other finds the same.
resource "aws_glue_catalog_database" "this" {
  name         = var.database
  description  = "The Iceberg tables of the clickstream. The compaction makes and keeps them."
  location_uri = "s3://${var.curated_bucket.name}"
}

resource "aws_glue_catalog_database" "raw" {
  name         = var.raw_database
  description  = "Tables over the clickstream's raw objects and receipts."
  location_uri = "s3://${var.curated_bucket.name}/${var.raw_database}"
}

resource "aws_glue_catalog_table" "this" {
  for_each = local.hive_tables

  name          = each.value.fact.name
  database_name = aws_glue_catalog_database.raw.name
  table_type    = "EXTERNAL_TABLE"
  parameters = {
    for key, value in each.value.fact.parameters : key => replace(value, "BUCKET", each.value.bucket)
  }

  # Partitions are projected: no crawler and no MSCK REPAIR, a new hour is there when its first object is.
  dynamic "partition_keys" {
    for_each = each.value.fact.partition_keys

    content {
      name = partition_keys.value.name
      type = partition_keys.value.type
    }
  }

  storage_descriptor {
    location      = "s3://${each.value.bucket}/${each.value.fact.location_prefix}"
    input_format  = each.value.fact.input_format
    output_format = each.value.fact.output_format

    ser_de_info {
      serialization_library = each.value.fact.serde_library
      parameters            = each.value.fact.serde_parameters
    }

    dynamic "columns" {
      for_each = each.value.fact.columns

      content {
        name = columns.value.name
        type = columns.value.type
      }
    }
  }
}
