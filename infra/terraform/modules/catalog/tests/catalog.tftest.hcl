variables {
  name                     = "clickstream-dev"
  raw_bucket               = { name = "raw", arn = "arn:aws:s3:::raw" }
  curated_bucket           = { name = "curated", arn = "arn:aws:s3:::curated" }
  database                 = "clickstream_dev"
  raw_database             = "clickstream_dev_raw"
  lake_key_arn             = "arn:aws:kms:us-east-1:123456789012:key/lake"
  logs_key_arn             = "arn:aws:kms:us-east-1:123456789012:key/logs"
  permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
}

run "databases_lie_in_the_curated_bucket" {
  command = plan

  assert {
    condition     = aws_glue_catalog_database.this.name == "clickstream_dev" && aws_glue_catalog_database.this.location_uri == "s3://curated"
    error_message = "The database of the Iceberg tables lies where the application would put it."
  }

  assert {
    condition     = aws_glue_catalog_database.raw.name == "clickstream_dev_raw" && startswith(aws_glue_catalog_database.raw.location_uri, "s3://curated/")
    error_message = "The other database lies in the curated bucket."
  }
}

run "tables_are_those_of_the_programs" {
  command = plan

  assert {
    condition     = { for key, table in aws_glue_catalog_table.this : key => table.name } == { raw = module.facts.raw_table.name, receipts = module.facts.receipts_table.name }
    error_message = "Tables have the programs' names."
  }

  assert {
    condition = alltrue([
      for key, fact in { raw = module.facts.raw_table, receipts = module.facts.receipts_table } : alltrue([
        [for column in aws_glue_catalog_table.this[key].storage_descriptor[0].columns : "${column.name} ${column.type}"] == [for column in fact.columns : "${column.name} ${column.type}"],
        [for column in aws_glue_catalog_table.this[key].partition_keys : "${column.name} ${column.type}"] == [for column in fact.partition_keys : "${column.name} ${column.type}"],
        aws_glue_catalog_table.this[key].storage_descriptor[0].ser_de_info[0].serialization_library == fact.serde_library,
        aws_glue_catalog_table.this[key].storage_descriptor[0].ser_de_info[0].parameters == fact.serde_parameters,
        aws_glue_catalog_table.this[key].storage_descriptor[0].input_format == fact.input_format,
        aws_glue_catalog_table.this[key].storage_descriptor[0].output_format == fact.output_format,
        toset(keys(aws_glue_catalog_table.this[key].parameters)) == toset(keys(fact.parameters)),
      ])
    ])
    error_message = "Columns, partitions and format are the programs'."
  }

  assert {
    condition     = [for column in aws_glue_catalog_table.this["raw"].partition_keys : column.name] == ["year", "month", "day", "hour"]
    error_message = "Raw objects are parted by the hour."
  }

  assert {
    condition     = aws_glue_catalog_table.this["raw"].parameters["projection.enabled"] == "true" && aws_glue_catalog_table.this["receipts"].parameters["projection.enabled"] == "true"
    error_message = "Partitions are projected."
  }

  assert {
    condition = alltrue([
      aws_glue_catalog_table.this["raw"].storage_descriptor[0].location == "s3://raw/${module.facts.prefixes.raw}",
      aws_glue_catalog_table.this["receipts"].storage_descriptor[0].location == "s3://curated/${module.facts.prefixes.receipts}",
      startswith(aws_glue_catalog_table.this["raw"].parameters["storage.location.template"], "s3://raw/${module.facts.prefixes.raw}year="),
      startswith(aws_glue_catalog_table.this["receipts"].parameters["storage.location.template"], "s3://curated/${module.facts.prefixes.receipts}year="),
    ])
    error_message = "Each table reads its own bucket below its prefix."
  }

  assert {
    condition     = alltrue([for table in aws_glue_catalog_table.this : table.database_name == "clickstream_dev_raw" && table.table_type == "EXTERNAL_TABLE"])
    error_message = "Both are external tables of the raw database."
  }
}

run "nothing_crawls_and_nothing_is_granted_by_default" {
  command = plan

  assert {
    condition     = length(aws_glue_crawler.this) + length(aws_iam_role.crawler) + length(aws_glue_security_configuration.crawler) == 0
    error_message = "The crawler is off."
  }

  assert {
    condition = sum([
      length(aws_lakeformation_permissions.writer_catalog), length(aws_lakeformation_permissions.writer_database),
      length(aws_lakeformation_permissions.writer_tables), length(aws_lakeformation_permissions.reader_database),
      length(aws_lakeformation_permissions.reader_tables),
    ]) == 0
    error_message = "Lake Formation is left alone."
  }
}

run "a_crawler_keeps_to_its_prefixes" {
  command = apply

  variables {
    crawler = { enabled = true, prefixes = ["partners/", "exports/shop/"] }
  }

  assert {
    condition     = [for target in aws_glue_crawler.this[0].s3_target : target.path] == ["s3://raw/partners/", "s3://raw/exports/shop/"]
    error_message = "It crawls the prefixes that are given."
  }

  assert {
    condition = alltrue([
      aws_glue_crawler.this[0].name == "clickstream-dev-crawler",
      aws_glue_crawler.this[0].role == aws_iam_role.crawler[0].arn,
      aws_glue_crawler.this[0].database_name == "clickstream_dev_raw",
      aws_glue_crawler.this[0].table_prefix == "unknown_",
      aws_glue_crawler.this[0].schedule == "cron(30 3 * * ? *)",
      aws_glue_crawler.this[0].security_configuration == aws_glue_security_configuration.crawler[0].name,
      aws_glue_crawler.this[0].schema_change_policy[0].update_behavior == "LOG",
      aws_glue_crawler.this[0].schema_change_policy[0].delete_behavior == "LOG",
    ])
    error_message = "It has its role, changes no table, and its log is encrypted."
  }

  assert {
    condition = alltrue([
      aws_glue_security_configuration.crawler[0].encryption_configuration[0].cloudwatch_encryption[0].kms_key_arn == var.logs_key_arn,
      aws_glue_security_configuration.crawler[0].encryption_configuration[0].s3_encryption[0].kms_key_arn == var.lake_key_arn,
      aws_glue_security_configuration.crawler[0].encryption_configuration[0].s3_encryption[0].s3_encryption_mode == "SSE-KMS",
      aws_glue_security_configuration.crawler[0].encryption_configuration[0].job_bookmarks_encryption[0].kms_key_arn == var.lake_key_arn,
    ])
    error_message = "What it leaves is encrypted."
  }

  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.crawler[0].policy).Statement : statement.Sid => toset(flatten([statement.Resource]))
      } == {
      ListPrefixes              = toset(["arn:aws:s3:::raw"])
      FindBucket                = toset(["arn:aws:s3:::raw"])
      ReadPrefixes              = toset(["arn:aws:s3:::raw/partners/*", "arn:aws:s3:::raw/exports/shop/*"])
      UseBucketKey              = toset([var.lake_key_arn])
      KeepTables                = toset(["arn:aws:glue:us-east-1:123456789012:catalog", "arn:aws:glue:us-east-1:123456789012:database/clickstream_dev_raw", "arn:aws:glue:us-east-1:123456789012:table/clickstream_dev_raw/unknown_*"])
      ReadSecurityConfiguration = toset(["*"])
      WriteLog                  = toset(["arn:aws:logs:us-east-1:123456789012:log-group:/aws-glue/crawlers*"])
    }
    error_message = "Its role reads its prefixes and touches tables of its own prefix."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.crawler[0].policy).Statement :
      toset(flatten([statement.Condition.StringLike["s3:prefix"]])) == toset(["partners/*", "exports/shop/*"]) if statement.Sid == "ListPrefixes"
    ])
    error_message = "It lists its prefixes alone."
  }

  assert {
    condition     = aws_iam_role.crawler[0].permissions_boundary == var.permissions_boundary_arn && aws_iam_role.crawler[0].name == "clickstream-dev-crawler"
    error_message = "Its role has the boundary and the name that the key policies know."
  }

  assert {
    condition     = jsondecode(aws_iam_role.crawler[0].assume_role_policy).Statement[0].Principal.Service == "glue.amazonaws.com" && jsondecode(aws_iam_role.crawler[0].assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "123456789012"
    error_message = "Glue has the role for this account alone."
  }
}

run "grants_are_for_who_writes_and_who_reads" {
  command = plan

  variables {
    lake_formation = {
      enabled = true
      writers = { compaction = "arn:aws:iam::123456789012:role/clickstream-dev-compaction" }
      readers = { analyst = "arn:aws:iam::123456789012:role/clickstream-dev-analyst" }
    }
  }

  assert {
    condition     = { for key, grant in aws_lakeformation_permissions.reader_tables : key => "${grant.table[0].database_name} ${join(" ", grant.permissions)}" } == { analyst-curated = "clickstream_dev DESCRIBE SELECT", analyst-raw = "clickstream_dev_raw DESCRIBE SELECT" }
    error_message = "A reader reads the tables of both databases."
  }

  assert {
    condition     = alltrue([for grant in aws_lakeformation_permissions.reader_database : tolist(grant.permissions) == tolist(["DESCRIBE"])])
    error_message = "A reader sees the databases."
  }

  assert {
    condition     = alltrue([for grant in aws_lakeformation_permissions.writer_tables : !contains(grant.permissions, "DROP") && contains(grant.permissions, "ALTER") && grant.table[0].database_name == "clickstream_dev" && grant.table[0].wildcard])
    error_message = "A writer alters the Iceberg tables and drops none."
  }

  assert {
    condition     = one(values(aws_lakeformation_permissions.writer_tables)).principal == "arn:aws:iam::123456789012:role/clickstream-dev-compaction" && length(aws_lakeformation_permissions.writer_catalog) == 1 && tolist(one(values(aws_lakeformation_permissions.writer_database)).permissions) == tolist(["CREATE_TABLE", "DESCRIBE"])
    error_message = "The compaction is the writer."
  }
}

run "the_raw_objects_are_not_crawled" {
  command = plan

  variables {
    crawler = { enabled = true, prefixes = ["clickstream/year=2026/"] }
  }

  expect_failures = [var.crawler]
}

run "a_crawler_has_prefixes" {
  command = plan

  variables {
    crawler = { enabled = true }
  }

  expect_failures = [var.crawler]
}

run "values_have_their_forms" {
  command = plan

  variables {
    name           = "c"
    database       = "Click-stream"
    raw_database   = ""
    lake_formation = { enabled = true, readers = { analyst = "analyst" } }
    crawler        = { schedule = "nightly" }
  }

  expect_failures = [var.name, var.database, var.raw_database, var.lake_formation, var.crawler]
}
