data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  account = data.aws_caller_identity.this.account_id
  # The policies of the bucket and of the key know the trail by this name.
  trail_name = "${var.name}-audit"
  trail_arn = join(":", [
    "arn", data.aws_partition.this.partition, "cloudtrail", data.aws_region.this.region, local.account, "trail/${local.trail_name}",
  ])
}

resource "aws_cloudtrail" "this" {
  #checkov:skip=CKV_AWS_252:A message for each file delivered tells nobody anything; alarms are in the module observability
  #checkov:skip=CKV2_AWS_10:A log group beside the bucket is for the environment to say, deliver_to_cloudwatch
  name           = local.trail_name
  s3_bucket_name = var.logs_bucket.name
  s3_key_prefix  = var.trail_prefix
  kms_key_id     = var.logs_key_arn

  is_multi_region_trail         = true
  include_global_service_events = true
  enable_log_file_validation    = true
  enable_logging                = true

  cloud_watch_logs_group_arn = one([for group in aws_cloudwatch_log_group.trail : "${group.arn}:*"])
  cloud_watch_logs_role_arn  = one(aws_iam_role.trail[*].arn)

  advanced_event_selector {
    name = "What is done to the account's resources"

    field_selector {
      field  = "eventCategory"
      equals = ["Management"]
    }
  }

  advanced_event_selector {
    name = "What is done to the objects of the data buckets"

    field_selector {
      field  = "eventCategory"
      equals = ["Data"]
    }

    field_selector {
      field  = "resources.type"
      equals = ["AWS::S3::Object"]
    }

    # With the slash, so that no other bucket's name begins like it.
    field_selector {
      field       = "resources.ARN"
      starts_with = [for arn in var.data_bucket_arns : "${arn}/"]
    }

    dynamic "field_selector" {
      for_each = var.record_reads ? [] : [1]

      content {
        field  = "readOnly"
        equals = ["false"]
      }
    }
  }

  # CloudTrail tries the delivery when the trail is made.
  depends_on = [aws_iam_role_policy.trail]
}
