output "buckets" {
  description = "Name and ARN of each bucket: raw, curated, athena_results, logs, artifacts."
  value       = { for what, bucket in aws_s3_bucket.this : what => { name = bucket.bucket, arn = bucket.arn } }

  # Whoever writes into a bucket comes after what keeps it closed, and after what lets services in.
  depends_on = [
    aws_s3_bucket_policy.this,
    aws_s3_bucket_public_access_block.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this,
  ]
}

output "trail_prefix" {
  description = "The prefix of the logs' bucket below which CloudTrail may deliver, for the trail's configuration."
  value       = local.trail_prefix
}

output "access_log_prefix" {
  description = "The prefix of the logs' bucket below which S3 delivers the access logs of the other buckets."
  value       = local.access_log_prefix
}
