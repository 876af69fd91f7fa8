run "the_bucket_is_closed_and_encrypted" {
  command = apply

  assert {
    condition     = output.bucket == "clickstream-state-123456789012" && output.key_arn == aws_kms_key.this.arn && aws_kms_key.this.enable_key_rotation
    error_message = "The bucket is called after the account, its key turns over."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).kms_master_key_id == aws_kms_key.this.arn
    error_message = "States are encrypted with the key."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls, aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls, aws_s3_bucket_public_access_block.this.restrict_public_buckets,
      aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled",
    ])
    error_message = "Nothing is public, and a state that is replaced is kept."
  }

  assert {
    condition     = toset([for statement in jsondecode(aws_s3_bucket_policy.this.policy).Statement : statement.Sid if statement.Effect == "Deny"]) == toset(["TlsOnly", "OwnAccountOnly"])
    error_message = "Nobody comes without TLS, nor from another account."
  }

  assert {
    condition     = [for statement in jsondecode(aws_kms_key.this.policy).Statement : statement.Condition.StringEquals["kms:ViaService"] if statement.Sid == "Use"] == ["s3.us-east-1.amazonaws.com"]
    error_message = "The key is used through S3 alone."
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    name            = "X"
    old_states_days = 7
  }

  expect_failures = [var.name, var.old_states_days]
}
