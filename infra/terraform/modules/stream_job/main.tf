data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

module "facts" {
  source = "../facts"
}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region

  application_name = "${var.name}-alerts"
  application_arn  = "arn:${local.partition}:kinesisanalytics:${local.region}:${local.account}:application/${local.application_name}"

  # What the deployment decides. The application checks that it knows each of these.
  given = {
    source = { stream_arn = var.stream_arn }
    alerts = {
      topic_arn = var.topic_arns["PurchaseAlerts"]
      # A value cannot be empty; a lone comma is a list of nothing.
      types   = length(var.alert_types) > 0 ? join(",", var.alert_types) : ","
      max_age = var.max_alert_age
    }
    delivery = {
      dead_letter_queue_url = var.dead_letter_queue_url
      curated_bucket        = var.curated_bucket.name
    }
  }

  properties = {
    for group, defaults in module.facts.properties : group => merge(
      { for key, default in defaults : key => default if default != null },
      lookup(var.properties, group, {}),
      lookup(local.given, group, {}),
    )
  }

  property_groups = merge(
    { (module.facts.run_options_group) = module.facts.run_options },
    local.properties,
    length(var.alert_rules) > 0 ? { (module.facts.rules_group) = var.alert_rules } : {},
  )

  property_names = flatten([for group, defaults in module.facts.properties : [for key in keys(defaults) : "${group}/${key}"]])
  given_names    = flatten([for group, values in local.given : [for key in keys(values) : "${group}/${key}"]])
  further_names  = flatten([for group, values in var.properties : [for key in keys(values) : "${group}/${key}"]])
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:how long logs are kept is the environment's decision
  name              = "/aws/kinesis-analytics/${local.application_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.logs_key_arn
}

resource "aws_cloudwatch_log_stream" "this" {
  name           = "job"
  log_group_name = aws_cloudwatch_log_group.this.name
}

resource "aws_kinesisanalyticsv2_application" "this" {
  # The service wants a package when an application is created.
  count = var.package_key == null ? 0 : 1

  name                   = local.application_name
  description            = "An alert for each purchase in the stream"
  runtime_environment    = module.facts.flink.runtime
  application_mode       = "STREAMING"
  service_execution_role = aws_iam_role.this.arn
  start_application      = var.start
  # A forced stop takes no snapshot, and the start after it would go back to an older one.
  force_stop = false

  application_configuration {
    application_code_configuration {
      code_content_type = "ZIPFILE"

      code_content {
        s3_content_location {
          bucket_arn = var.artifacts_bucket.arn
          file_key   = var.package_key
        }
      }
    }

    application_snapshot_configuration {
      snapshots_enabled = true
    }

    environment_properties {
      dynamic "property_group" {
        for_each = local.property_groups

        content {
          property_group_id = property_group.key
          property_map      = property_group.value
        }
      }
    }

    # Without CUSTOM the service uses its own values, whatever stands beside it.
    flink_application_configuration {
      checkpoint_configuration {
        configuration_type            = "CUSTOM"
        checkpointing_enabled         = true
        checkpoint_interval           = module.facts.flink.checkpoint_interval_ms
        min_pause_between_checkpoints = module.facts.flink.min_pause_ms
      }

      monitoring_configuration {
        configuration_type = "CUSTOM"
        metrics_level      = "APPLICATION"
        log_level          = "INFO"
      }

      parallelism_configuration {
        configuration_type   = "CUSTOM"
        parallelism          = var.parallelism
        parallelism_per_kpu  = module.facts.flink.parallelism_per_kpu
        auto_scaling_enabled = var.autoscaling
      }
    }

    run_configuration {
      application_restore_configuration {
        application_restore_type = "RESTORE_FROM_LATEST_SNAPSHOT"
      }

      # State that no operator takes up is alerts under way, or ids that were seen: leaving it out is a person's decision.
      flink_run_configuration {
        allow_non_restored_state = false
      }
    }

    dynamic "vpc_configuration" {
      for_each = var.vpc == null ? [] : [var.vpc]

      content {
        subnet_ids         = vpc_configuration.value.subnet_ids
        security_group_ids = vpc_configuration.value.security_group_ids
      }
    }
  }

  cloudwatch_logging_options {
    log_stream_arn = aws_cloudwatch_log_stream.this.arn
  }

  # The service reads the package and checks the network with the role, when the application is created.
  depends_on = [aws_iam_role_policy.this]

  lifecycle {
    precondition {
      condition     = length(setsubtract(local.given_names, local.property_names)) == 0
      error_message = "The job knows no such property: ${join(", ", setsubtract(local.given_names, local.property_names))}."
    }

    precondition {
      condition     = alltrue([for group, defaults in module.facts.properties : length(setsubtract(keys(defaults), keys(local.properties[group]))) == 0])
      error_message = "A property that has to be given is not."
    }

    precondition {
      condition     = length(setintersection(local.further_names, local.given_names)) == 0
      error_message = "These properties have variables of their own: ${join(", ", setintersection(local.further_names, local.given_names))}."
    }
  }
}
