locals {
  # Days after which the current version of every object of a bucket is deleted. Not here: curated, where only the tables
  # know what is needed, and artifacts, which a rollback needs.
  expire_after_days = {
    raw            = var.raw_expire_after_days
    athena_results = var.athena_results_expire_after_days
    logs           = var.log_expire_after_days
  }
  # How many versions stay however old: packages have few versions, and the one before is what a rollback wants.
  kept_versions = { artifacts = 5 }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id
  # A smaller object costs more in the archive than outside of it: 128 KiB are billed at least.
  transition_default_minimum_object_size = "all_storage_classes_128K"

  rule {
    id     = "incomplete-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 2
    }
  }

  dynamic "rule" {
    for_each = each.key == "raw" ? [1] : []

    content {
      id     = "archive"
      status = "Enabled"

      filter {}

      transition {
        days          = var.raw_archive_after_days
        storage_class = "GLACIER_IR"
      }
    }
  }

  dynamic "rule" {
    for_each = contains(keys(local.expire_after_days), each.key) ? [local.expire_after_days[each.key]] : []

    content {
      id     = "expire"
      status = "Enabled"

      filter {}

      expiration {
        days = rule.value
      }
    }
  }

  dynamic "rule" {
    for_each = each.value.versioned ? [1] : []

    content {
      id     = "earlier-versions"
      status = "Enabled"

      filter {}

      noncurrent_version_expiration {
        noncurrent_days           = var.noncurrent_expire_after_days
        newer_noncurrent_versions = lookup(local.kept_versions, each.key, null)
      }

      # What is left of an object when its last version is gone; days and this exclude each other in one rule.
      expiration {
        expired_object_delete_marker = true
      }
    }
  }

  # Earlier versions can be named only where there are some.
  depends_on = [aws_s3_bucket_versioning.this]
}
