variables {
  name         = "clickstream-test"
  lake_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1a11e000-0000-4000-8000-000000000001"
  logs_key_arn = "arn:aws:kms:us-east-1:123456789012:key/10650000-0000-4000-8000-000000000002"
}

run "buckets_are_named_and_closed" {
  command = apply

  assert {
    condition = { for what, bucket in output.buckets : what => bucket.name } == {
      raw            = "clickstream-test-raw-123456789012"
      curated        = "clickstream-test-curated-123456789012"
      athena_results = "clickstream-test-athena-results-123456789012"
      logs           = "clickstream-test-logs-123456789012"
      artifacts      = "clickstream-test-artifacts-123456789012"
    }
    error_message = "The buckets' names are what roles and settings are made from."
  }

  assert {
    condition     = alltrue([for bucket in output.buckets : bucket.arn == "arn:aws:s3:::${bucket.name}"])
    error_message = "Each bucket's ARN is given with its name."
  }

  assert {
    condition = length(aws_s3_bucket_public_access_block.this) == 5 && alltrue([
      for what, block in aws_s3_bucket_public_access_block.this :
      block.bucket == aws_s3_bucket.this[what].id && block.block_public_acls && block.block_public_policy &&
      block.ignore_public_acls && block.restrict_public_buckets
    ])
    error_message = "No bucket can become public."
  }

  assert {
    condition = length(aws_s3_bucket_ownership_controls.this) == 5 && alltrue([
      for what, controls in aws_s3_bucket_ownership_controls.this :
      controls.bucket == aws_s3_bucket.this[what].id && controls.rule[0].object_ownership == "BucketOwnerEnforced"
    ])
    error_message = "Access lists are off in every bucket."
  }

  assert {
    condition     = alltrue([for bucket in aws_s3_bucket.this : bucket.force_destroy == false])
    error_message = "A destroy stops before a bucket that holds something."
  }
}

run "objects_are_encrypted_by_the_right_key" {
  command = apply

  assert {
    condition = alltrue([
      for what in ["raw", "curated", "athena_results", "artifacts"] :
      one(aws_s3_bucket_server_side_encryption_configuration.this[what].rule).bucket_key_enabled &&
      one(one(aws_s3_bucket_server_side_encryption_configuration.this[what].rule).apply_server_side_encryption_by_default) == {
        sse_algorithm     = "aws:kms"
        kms_master_key_id = var.lake_key_arn
      } && aws_s3_bucket_server_side_encryption_configuration.this[what].bucket == aws_s3_bucket.this[what].id
    ])
    error_message = "Data is encrypted by the lake's key, with a bucket key."
  }

  assert {
    condition = (
      one(one(aws_s3_bucket_server_side_encryption_configuration.this["logs"].rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    )
    error_message = "S3 delivers access logs only where the default is SSE-S3."
  }
}

run "policies_refuse_what_is_not_meant" {
  command = apply

  assert {
    condition = alltrue([
      for what, bucket in aws_s3_bucket.this :
      aws_s3_bucket_policy.this[what].bucket == bucket.id && [
        for statement in jsondecode(aws_s3_bucket_policy.this[what].policy).Statement : {
          sid       = statement.Sid
          effect    = statement.Effect
          principal = statement.Principal
          action    = statement.Action
          resource  = statement.Resource
          condition = statement.Condition
        } if startswith(statement.Sid, "DenyPlain") || startswith(statement.Sid, "DenyOldTls")
        ] == [
        {
          sid       = "DenyPlainTransport"
          effect    = "Deny"
          principal = "*"
          action    = "s3:*"
          resource  = [bucket.arn, "${bucket.arn}/*"]
          condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
        {
          sid       = "DenyOldTls"
          effect    = "Deny"
          principal = "*"
          action    = "s3:*"
          resource  = [bucket.arn, "${bucket.arn}/*"]
          condition = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
        },
      ]
    ])
    error_message = "Every bucket refuses every request without TLS 1.2."
  }

  assert {
    condition = alltrue([
      for what, bucket in aws_s3_bucket.this : {
        for statement in jsondecode(aws_s3_bucket_policy.this[what].policy).Statement : statement.Sid => statement.Condition
        if statement.Effect == "Deny" && statement.Principal == "*" && statement.Action == "s3:PutObject" &&
        statement.Resource == "${bucket.arn}/*"
        } == {
        DenyOtherEncryption = {
          Null = { "s3:x-amz-server-side-encryption" = "false" }
          # One value is rendered as a text, two as a list.
          StringNotEquals = jsondecode(what == "logs" ?
            "{\"s3:x-amz-server-side-encryption\": [\"AES256\", \"aws:kms\"]}" :
            "{\"s3:x-amz-server-side-encryption\": \"aws:kms\"}"
          )
        }
        DenyOtherKey = {
          StringLike = { "s3:x-amz-server-side-encryption" = "aws:kms*" }
          StringNotEquals = {
            "s3:x-amz-server-side-encryption-aws-kms-key-id" = what == "logs" ? var.logs_key_arn : var.lake_key_arn
          }
        }
        DenyKeyOfWriter = {
          Null = { "s3:x-amz-server-side-encryption-customer-algorithm" = "false" }
        }
      }
    ])
    error_message = "Every bucket refuses another encryption, another key, and a key of the writer's."
  }

  assert {
    condition = alltrue([
      for what in ["raw", "curated", "athena_results", "artifacts"] : alltrue([
        for statement in jsondecode(aws_s3_bucket_policy.this[what].policy).Statement : statement.Effect == "Deny"
      ])
    ])
    error_message = "The policies of the data buckets allow nobody anything: roles do."
  }
}

run "services_deliver_logs_and_nobody_deletes_them" {
  command = apply

  assert {
    condition = {
      for statement in jsondecode(aws_s3_bucket_policy.this["logs"].policy).Statement : statement.Sid => {
        principal = statement.Principal
        action    = statement.Action
        resource  = statement.Resource
        condition = statement.Condition
      } if statement.Effect == "Allow"
      } == {
      AccessLogs = {
        principal = { Service = "logging.s3.amazonaws.com" }
        action    = "s3:PutObject"
        resource  = "arn:aws:s3:::clickstream-test-logs-123456789012/s3-access/*"
        condition = {
          StringEquals = { "aws:SourceAccount" = "123456789012" }
          ArnEquals = {
            "aws:SourceArn" = [
              "arn:aws:s3:::clickstream-test-artifacts-123456789012",
              "arn:aws:s3:::clickstream-test-athena-results-123456789012",
              "arn:aws:s3:::clickstream-test-curated-123456789012",
              "arn:aws:s3:::clickstream-test-raw-123456789012",
            ]
          }
        }
      }
      TrailReadsAcl = {
        principal = { Service = "cloudtrail.amazonaws.com" }
        action    = "s3:GetBucketAcl"
        resource  = "arn:aws:s3:::clickstream-test-logs-123456789012"
        condition = {
          StringEquals = { "aws:SourceAccount" = "123456789012" }
          ArnEquals    = { "aws:SourceArn" = "arn:aws:cloudtrail:us-east-1:123456789012:trail/clickstream-test-audit" }
        }
      }
      Trail = {
        principal = { Service = "cloudtrail.amazonaws.com" }
        action    = "s3:PutObject"
        resource  = "arn:aws:s3:::clickstream-test-logs-123456789012/cloudtrail/AWSLogs/123456789012/*"
        condition = {
          StringEquals = {
            "aws:SourceAccount" = "123456789012"
            "s3:x-amz-acl"      = "bucket-owner-full-control"
          }
          ArnEquals = { "aws:SourceArn" = "arn:aws:cloudtrail:us-east-1:123456789012:trail/clickstream-test-audit" }
        }
      }
    }
    error_message = "S3 and CloudTrail deliver on behalf of this account's buckets and trail, each below its prefix, and nobody else."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_s3_bucket_policy.this["logs"].policy).Statement : {
        effect    = statement.Effect
        principal = statement.Principal
        action    = statement.Action
        resource  = statement.Resource
      } if statement.Sid == "DenyDeletionOfLogs" && !can(statement.Condition)
      ] == [{
        effect    = "Deny"
        principal = "*"
        action    = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
        resource  = "arn:aws:s3:::clickstream-test-logs-123456789012/*"
    }]
    error_message = "Nobody deletes a log."
  }

  assert {
    condition = toset(keys(aws_s3_bucket_logging.this)) == toset(["raw", "curated", "athena_results", "artifacts"]) && alltrue([
      for what, logging in aws_s3_bucket_logging.this :
      logging.bucket == aws_s3_bucket.this[what].id && logging.target_bucket == aws_s3_bucket.this["logs"].id &&
      logging.target_prefix == "s3-access/"
    ])
    error_message = "Requests of all other buckets are logged into the bucket of the logs, below the prefix that its policy opens."
  }

  assert {
    condition     = output.trail_prefix == "cloudtrail" && output.access_log_prefix == "s3-access"
    error_message = "The trail is told where it may deliver."
  }
}

run "versions_and_lifecycle" {
  command = apply

  assert {
    condition = { for what, versioning in aws_s3_bucket_versioning.this : what => versioning.versioning_configuration[0].status } == {
      raw            = "Enabled"
      curated        = "Enabled"
      athena_results = "Disabled"
      logs           = "Enabled"
      artifacts      = "Enabled"
    }
    error_message = "All buckets have versions but that of the results."
  }

  assert {
    condition = {
      for what, lifecycle in aws_s3_bucket_lifecycle_configuration.this :
      what => { for rule in lifecycle.rule : rule.id => rule.expiration[0].days if rule.id == "expire" }
      } == {
      raw            = { expire = 730 }
      curated        = {}
      athena_results = { expire = 7 }
      logs           = { expire = 400 }
      artifacts      = {}
    }
    error_message = "Raw objects, results and logs expire; S3 never expires a file of a table, nor a package."
  }

  assert {
    condition = {
      for what, lifecycle in aws_s3_bucket_lifecycle_configuration.this :
      what => flatten([for rule in lifecycle.rule : [for move in rule.transition : "${move.storage_class} ${move.days}"]])
      } == {
      raw            = ["GLACIER_IR 30"]
      curated        = []
      athena_results = []
      logs           = []
      artifacts      = []
    }
    error_message = "Raw objects alone are archived, into the tier that is read at once."
  }

  assert {
    condition = alltrue([
      for lifecycle in aws_s3_bucket_lifecycle_configuration.this :
      lifecycle.transition_default_minimum_object_size == "all_storage_classes_128K" &&
      contains([for rule in lifecycle.rule : rule.abort_incomplete_multipart_upload[0].days_after_initiation if rule.id == "incomplete-uploads"], 2) &&
      alltrue([for rule in lifecycle.rule : rule.status == "Enabled"])
    ])
    error_message = "Small objects are not archived, and uploads that never end go in every bucket."
  }

  assert {
    condition = {
      for what, lifecycle in aws_s3_bucket_lifecycle_configuration.this : what => [
        for rule in lifecycle.rule : {
          days   = rule.noncurrent_version_expiration[0].noncurrent_days
          kept   = coalesce(rule.noncurrent_version_expiration[0].newer_noncurrent_versions, 0)
          marker = rule.expiration[0].expired_object_delete_marker
        } if rule.id == "earlier-versions"
      ]
      } == {
      raw            = [{ days = 14, kept = 0, marker = true }]
      curated        = [{ days = 14, kept = 0, marker = true }]
      athena_results = []
      logs           = [{ days = 14, kept = 0, marker = true }]
      artifacts      = [{ days = 14, kept = 5, marker = true }]
    }
    error_message = "What was overwritten or deleted goes after its days; the last five packages of a name stay."
  }

  assert {
    condition     = aws_s3_bucket_notification.raw.bucket == aws_s3_bucket.this["raw"].id && aws_s3_bucket_notification.raw.eventbridge
    error_message = "EventBridge is told of raw objects."
  }
}

run "settings_are_used" {
  command = apply

  variables {
    raw_archive_after_days           = 10
    raw_expire_after_days            = 100
    noncurrent_expire_after_days     = 3
    athena_results_expire_after_days = 2
    log_expire_after_days            = 90
    force_destroy                    = true
  }

  assert {
    condition = {
      for what in ["raw", "athena_results", "logs"] : what => {
        for rule in aws_s3_bucket_lifecycle_configuration.this[what].rule : rule.id => (
          rule.id == "archive" ? one(rule.transition).days :
          rule.id == "expire" ? rule.expiration[0].days : rule.noncurrent_version_expiration[0].noncurrent_days
        ) if rule.id != "incomplete-uploads"
      }
      } == {
      raw            = { archive = 10, expire = 100, earlier-versions = 3 }
      athena_results = { expire = 2 }
      logs           = { expire = 90, earlier-versions = 3 }
    }
    error_message = "Each number of days is the one given."
  }

  assert {
    condition     = alltrue([for bucket in aws_s3_bucket.this : bucket.force_destroy])
    error_message = "Buckets of an environment that holds nothing of worth go with what is in them."
  }
}

run "another_partition" {
  command = apply

  override_data {
    target = data.aws_partition.this
    values = { partition = "aws-cn" }
  }

  assert {
    condition     = strcontains(aws_s3_bucket_policy.this["logs"].policy, "arn:aws-cn:cloudtrail:us-east-1:123456789012:trail/clickstream-test-audit")
    error_message = "ARNs are of the partition that this runs in."
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    name                             = "Click_stream"
    lake_key_arn                     = "alias/lake"
    logs_key_arn                     = "10650000-0000-4000-8000-000000000002"
    raw_archive_after_days           = 1
    noncurrent_expire_after_days     = 31
    athena_results_expire_after_days = 0
    log_expire_after_days            = 30
  }

  expect_failures = [
    var.name,
    var.lake_key_arn,
    var.logs_key_arn,
    var.raw_archive_after_days,
    var.noncurrent_expire_after_days,
    var.athena_results_expire_after_days,
    var.log_expire_after_days,
  ]
}

run "expiry_before_the_archive_pays_is_refused" {
  command = plan

  variables {
    raw_archive_after_days = 30
    raw_expire_after_days  = 119
  }

  expect_failures = [var.raw_expire_after_days]
}
