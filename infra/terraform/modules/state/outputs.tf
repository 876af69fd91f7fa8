output "bucket" {
  description = "Name of the bucket of the states."
  value       = aws_s3_bucket.this.bucket

  # Nobody is given a bucket that is not closed yet.
  depends_on = [aws_s3_bucket_policy.this, aws_s3_bucket_server_side_encryption_configuration.this, aws_s3_bucket_versioning.this]
}

output "key_arn" {
  description = "ARN of the key that encrypts them."
  value       = aws_kms_key.this.arn
}
