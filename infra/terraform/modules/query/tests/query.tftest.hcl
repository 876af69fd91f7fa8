variables {
  name                     = "clickstream-dev"
  athena_results_bucket    = { name = "results", arn = "arn:aws:s3:::results" }
  raw_bucket               = { name = "raw", arn = "arn:aws:s3:::raw" }
  curated_bucket           = { name = "curated", arn = "arn:aws:s3:::curated" }
  database                 = "clickstream"
  raw_database             = "clickstream_raw"
  lake_key_arn             = "arn:aws:kms:us-east-1:123456789012:key/lake"
  warehouse_key_arn        = "arn:aws:kms:us-east-1:123456789012:key/warehouse"
  logs_key_arn             = "arn:aws:kms:us-east-1:123456789012:key/logs"
  permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
  bytes_scanned_limit      = 10737418240
  queries = {
    hourly_revenue = { description = "Revenue by hour", sql = "SELECT 1" }
    raw_lines      = { description = "Lines as they came", sql = "SELECT 2", database = "clickstream_raw" }
  }
  subnet_ids        = ["subnet-1", "subnet-2", "subnet-3"]
  security_group_id = "sg-endpoints"
  vpc_id            = "vpc-1"
}

run "results_are_encrypted_whatever_a_client_asks_for" {
  command = plan

  assert {
    condition = alltrue([
      aws_athena_workgroup.this.configuration[0].enforce_workgroup_configuration,
      aws_athena_workgroup.this.configuration[0].result_configuration[0].encryption_configuration[0].encryption_option == "SSE_KMS",
      aws_athena_workgroup.this.configuration[0].result_configuration[0].encryption_configuration[0].kms_key_arn == var.lake_key_arn,
      aws_athena_workgroup.this.configuration[0].result_configuration[0].output_location == "s3://results/clickstream-dev/",
      aws_athena_workgroup.this.configuration[0].result_configuration[0].expected_bucket_owner == "123456789012",
    ])
    error_message = "The workgroup decides where results go and how they are encrypted."
  }

  assert {
    condition = alltrue([
      aws_athena_workgroup.this.name == "clickstream-dev",
      aws_athena_workgroup.this.configuration[0].bytes_scanned_cutoff_per_query == 10737418240,
      aws_athena_workgroup.this.configuration[0].publish_cloudwatch_metrics_enabled,
      aws_athena_workgroup.this.configuration[0].engine_version[0].selected_engine_version == "Athena engine version 3",
    ])
    error_message = "Queries end at the limit, are counted, and know Iceberg."
  }
}

run "queries_are_kept_in_the_workgroup" {
  command = apply

  assert {
    condition     = { for name, query in aws_athena_named_query.this : name => "${query.database} ${query.query}" } == { hourly_revenue = "clickstream SELECT 1", raw_lines = "clickstream_raw SELECT 2" }
    error_message = "Each query is in its database, the tables' by default."
  }

  assert {
    condition     = alltrue([for query in aws_athena_named_query.this : query.workgroup == aws_athena_workgroup.this.id])
    error_message = "Each query is in the workgroup."
  }

  assert {
    condition     = toset(keys(output.named_query_ids)) == toset(keys(var.queries))
    error_message = "The outputs tell the queries' ids."
  }
}

run "there_is_no_warehouse_by_default" {
  command = plan

  assert {
    condition     = length(aws_redshiftserverless_namespace.this) + length(aws_redshiftserverless_workgroup.this) + length(aws_iam_role.spectrum) + length(aws_security_group.warehouse) + length(aws_cloudwatch_log_group.warehouse) == 0
    error_message = "A warehouse is an option."
  }

  assert {
    condition     = output.warehouse_workgroup == null && output.warehouse_secret_arn == null && output.spectrum_role_arn == null
    error_message = "Its outputs are null then."
  }
}

run "a_warehouse_is_closed_and_encrypted" {
  command = apply

  variables {
    warehouse = { enabled = true, base_capacity = 16, max_capacity = 64, daily_rpu_hours = 48, client_security_group_ids = ["sg-clients"] }
  }

  assert {
    condition = alltrue([
      aws_redshiftserverless_namespace.this[0].kms_key_id == var.warehouse_key_arn,
      aws_redshiftserverless_namespace.this[0].manage_admin_password,
      aws_redshiftserverless_namespace.this[0].admin_password_secret_kms_key_id == var.warehouse_key_arn,
      toset(aws_redshiftserverless_namespace.this[0].log_exports) == toset(["connectionlog", "useractivitylog", "userlog"]),
      toset(aws_redshiftserverless_namespace.this[0].iam_roles) == toset([aws_iam_role.spectrum[0].arn]),
      aws_redshiftserverless_namespace.this[0].default_iam_role_arn == aws_iam_role.spectrum[0].arn,
    ])
    error_message = "Data and secret are encrypted with the warehouse's key; who did what is logged."
  }

  assert {
    condition = alltrue([
      aws_redshiftserverless_workgroup.this[0].namespace_name == "clickstream-dev-warehouse",
      aws_redshiftserverless_workgroup.this[0].workgroup_name == "clickstream-dev-warehouse",
      !aws_redshiftserverless_workgroup.this[0].publicly_accessible,
      aws_redshiftserverless_workgroup.this[0].enhanced_vpc_routing,
      aws_redshiftserverless_workgroup.this[0].base_capacity == 16,
      aws_redshiftserverless_workgroup.this[0].max_capacity == 64,
      toset(aws_redshiftserverless_workgroup.this[0].subnet_ids) == toset(var.subnet_ids),
      toset(aws_redshiftserverless_workgroup.this[0].security_group_ids) == toset([aws_security_group.warehouse[0].id, "sg-endpoints"]),
    ])
    error_message = "It is in the private subnets, and all that it reads goes through the VPC."
  }

  assert {
    condition = alltrue([
      for key, value in { require_ssl = "true", enable_user_activity_logging = "true", max_query_execution_time = "3600" } :
      one([for parameter in aws_redshiftserverless_workgroup.this[0].config_parameter : parameter.parameter_value if parameter.parameter_key == key]) == value
    ])
    error_message = "TLS is required, statements are logged, and a query has an end."
  }

  assert {
    condition = alltrue([
      aws_redshiftserverless_usage_limit.this[0].resource_arn == aws_redshiftserverless_workgroup.this[0].arn,
      aws_redshiftserverless_usage_limit.this[0].amount == 48,
      aws_redshiftserverless_usage_limit.this[0].period == "daily",
      aws_redshiftserverless_usage_limit.this[0].breach_action == "deactivate",
      aws_redshiftserverless_usage_limit.this[0].usage_type == "serverless-compute",
    ])
    error_message = "What it costs a day has a limit."
  }

  assert {
    condition     = { for key, group in aws_cloudwatch_log_group.warehouse : group.name => group.kms_key_id } == { for export in ["connectionlog", "useractivitylog", "userlog"] : "/aws/redshift/clickstream-dev-warehouse/${export}" => var.logs_key_arn }
    error_message = "Its logs go to groups that are encrypted."
  }

  assert {
    condition     = { for key, rule in aws_vpc_security_group_ingress_rule.warehouse : key => "${rule.ip_protocol} ${rule.from_port} ${rule.to_port}" } == { sg-clients = "tcp 5439 5439" } && alltrue([for rule in aws_vpc_security_group_ingress_rule.warehouse : rule.cidr_ipv4 == null && rule.referenced_security_group_id == "sg-clients"])
    error_message = "The clients that are named may connect, and no address."
  }

  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.spectrum[0].policy).Statement : statement.Sid => toset(flatten([statement.Action]))
      } == {
      ReadCatalog   = toset(["glue:BatchGetPartition", "glue:GetDatabase", "glue:GetDatabases", "glue:GetPartition", "glue:GetPartitions", "glue:GetTable", "glue:GetTables"])
      ReadObjects   = toset(["s3:GetObject"])
      ListBuckets   = toset(["s3:GetBucketLocation", "s3:ListBucket"])
      UseBucketsKey = toset(["kms:Decrypt"])
    }
    error_message = "The role of Spectrum reads and no more."
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_role_policy.spectrum[0].policy).Statement : statement.Resource if statement.Sid == "ReadObjects"
      ])) == toset(concat(
      [for table in module.facts.tables : "arn:aws:s3:::curated/${table}/*"],
      ["arn:aws:s3:::curated/${module.facts.prefixes.receipts}*", "arn:aws:s3:::raw/${module.facts.prefixes.raw}*"],
    ))
    error_message = "It reads tables, receipts and raw objects."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.spectrum[0].policy).Statement :
      statement.Resource == var.lake_key_arn && statement.Condition.StringEquals["kms:ViaService"] == "s3.us-east-1.amazonaws.com" if statement.Sid == "UseBucketsKey"
    ])
    error_message = "It decrypts through S3 alone."
  }

  assert {
    condition     = aws_iam_role.spectrum[0].name == "clickstream-dev-spectrum" && aws_iam_role.spectrum[0].permissions_boundary == var.permissions_boundary_arn && jsondecode(aws_iam_role.spectrum[0].assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "123456789012"
    error_message = "The role has its name and boundary, and is Redshift's for this account."
  }
}

run "a_warehouse_needs_three_subnets" {
  command = plan

  variables {
    warehouse  = { enabled = true }
    subnet_ids = ["subnet-1", "subnet-2"]
  }

  expect_failures = [aws_redshiftserverless_workgroup.this]
}

run "a_warehouse_needs_its_keys" {
  command = plan

  variables {
    warehouse         = { enabled = true }
    warehouse_key_arn = null
    logs_key_arn      = null
  }

  expect_failures = [var.warehouse_key_arn, var.logs_key_arn]
}

run "values_are_in_their_ranges" {
  command = plan

  variables {
    bytes_scanned_limit = 1000000
    queries             = { empty = { description = "", sql = " " } }
    warehouse           = { base_capacity = 12, max_capacity = 8, daily_rpu_hours = 0 }
    log_retention_days  = 2
  }

  expect_failures = [var.bytes_scanned_limit, var.queries, var.warehouse, var.log_retention_days]
}
