# The same in each environment, whose sizes and names are read from its own files.
variables {
  region                    = "us-east-1"
  account_id                = "123456789012"
  deployer_role_names       = ["deployer"]
  ops_endpoints             = ["ops@example.com"]
  runbook_url               = "https://git.example.com/clickstream/docs/runbook.md"
  alerts_package_key        = "alerts/0123.zip"
  dropped_files_package_key = "dropped-files/4567.zip"
  compaction_image          = "123456789012.dkr.ecr.us-east-1.amazonaws.com/compaction@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

  trusted_principals = {
    analyst  = ["arn:aws:iam::123456789012:role/analysts"]
    operator = ["arn:aws:iam::123456789012:role/operators"]
    producer = ["arn:aws:iam::123456789012:role/shop"]
  }
  subscriptions = {
    shop = { protocol = "sqs", endpoint = "arn:aws:sqs:us-east-1:123456789012:shop" }
  }
}

run "everything_is_made_and_named_after_the_environment" {
  command = apply

  assert {
    condition     = startswith(var.name, "clickstream-") && output.stream_name == "${var.name}-events" && output.workgroup_name == var.name
    error_message = "Names begin with that of the environment."
  }

  assert {
    condition     = alltrue([for bucket in values(output.buckets) : startswith(bucket, "${var.name}-") && endswith(bucket, "-${var.account_id}")])
    error_message = "Buckets are named after the environment and the account."
  }

  assert {
    condition     = strcontains(output.clickstream_toml, "stream = \"${var.name}-events\"\n") && output.task.definition_arn != null
    error_message = "The programs are there, and the operators' settings name this environment."
  }

  assert {
    condition     = (output.warehouse_workgroup != null) == var.warehouse.enabled && length(output.task.subnet_ids) == var.availability_zones
    error_message = "Sizes are those of the environment's file."
  }
}
