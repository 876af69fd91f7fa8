output "database_name" {
  description = "The database of the Iceberg tables."
  value       = aws_glue_catalog_database.this.name
}

output "raw_database_name" {
  description = "The database of the tables over raw objects and receipts."
  value       = aws_glue_catalog_database.raw.name
}

output "raw_table_name" {
  description = "The table over the raw objects."
  value       = aws_glue_catalog_table.this["raw"].name
}

output "receipts_table_name" {
  description = "The table over the receipts."
  value       = aws_glue_catalog_table.this["receipts"].name
}

output "crawler_name" {
  description = "The crawler; null where it is off."
  value       = one(aws_glue_crawler.this[*].name)
}

output "crawler_role_name" {
  description = "The crawler's role; null where it is off."
  value       = one(aws_iam_role.crawler[*].name)
}
