data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  account = data.aws_caller_identity.this.account_id

  # Below these prefixes of the logs' bucket.
  access_log_prefix = "s3-access"
  trail_prefix      = "cloudtrail"
  trail_arn = join(":", [
    "arn", data.aws_partition.this.partition, "cloudtrail", data.aws_region.this.region, local.account,
    "trail/${var.name}-audit",
  ])

  # `default`: what encrypts an object whose writer names nothing. `accepted`: what a writer may name.
  data_bucket = { default = "aws:kms", accepted = ["aws:kms"], key = var.lake_key_arn }
  buckets = {
    raw            = merge(local.data_bucket, { versioned = true })
    curated        = merge(local.data_bucket, { versioned = true })
    athena_results = merge(local.data_bucket, { versioned = false })
    artifacts      = merge(local.data_bucket, { versioned = true })
    # S3 delivers access logs only to a bucket whose default is SSE-S3. CloudTrail names the key.
    logs = { default = "AES256", accepted = ["AES256", "aws:kms"], key = var.logs_key_arn, versioned = true }
  }
  data_buckets = toset([for what in keys(local.buckets) : what if what != "logs"])
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:All buckets but that of the logs are logged; that one would log its own logs without end
  #checkov:skip=CKV_AWS_19:Each bucket is encrypted right below; the check does not follow the map
  #checkov:skip=CKV_AWS_21:Results of queries are not versioned, since a query gives them again; all other buckets are
  #checkov:skip=CKV_AWS_144:One region; what a copy in another would cost and bring is a decision of its own
  #checkov:skip=CKV_AWS_145:All but the bucket of the logs use the lake's key; S3 delivers access logs to SSE-S3 alone
  #checkov:skip=CKV2_AWS_62:Only what comes into the raw bucket starts anything
  for_each = local.buckets

  bucket        = "${var.name}-${replace(each.key, "_", "-")}-${local.account}"
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    # One call to KMS for many objects instead of one for each.
    bucket_key_enabled = each.value.default == "aws:kms"

    apply_server_side_encryption_by_default {
      sse_algorithm     = each.value.default
      kms_master_key_id = each.value.default == "aws:kms" ? each.value.key : null
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = local.buckets

  bucket                  = aws_s3_bucket.this[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  versioning_configuration {
    # "Disabled" is accepted for a bucket that never had versions.
    status = each.value.versioned ? "Enabled" : "Disabled"
  }
}

resource "aws_s3_bucket_logging" "this" {
  for_each = local.data_buckets

  bucket        = aws_s3_bucket.this[each.key].id
  target_bucket = aws_s3_bucket.this["logs"].id
  target_prefix = "${local.access_log_prefix}/"

  # Below the prefix: account, region, bucket, year, month and day, so that Athena need not read all days.
  target_object_key_format {
    partitioned_prefix {
      partition_date_source = "EventTime"
    }
  }

  # S3 tries the delivery when logging is switched on.
  depends_on = [aws_s3_bucket_policy.this]
}

# EventBridge hears of every object, and each rule there feeds a queue of its own: S3 itself would refuse a second queue
# for the same prefix.
resource "aws_s3_bucket_notification" "raw" {
  bucket      = aws_s3_bucket.this["raw"].id
  eventbridge = true
}
