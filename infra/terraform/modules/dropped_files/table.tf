# Which alerts of which files are done.
resource "aws_dynamodb_table" "this" {
  name                        = local.function_name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = module.facts.dropped_files.table_key
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = module.facts.dropped_files.table_key
    type = "S"
  }

  ttl {
    attribute_name = module.facts.dropped_files.table_ttl
    enabled        = true
  }

  point_in_time_recovery {
    enabled                 = true
    recovery_period_in_days = var.point_in_time_recovery_days
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.lake_key_arn
  }
}
