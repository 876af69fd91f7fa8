# The same program as a Glue job, where containers are not wanted. It runs on the job's driver alone.
resource "aws_glue_job" "this" {
  count                  = local.is_glue ? 1 : 0
  name                   = local.family
  description            = "The compaction of the clickstream."
  role_arn               = aws_iam_role.this.arn
  glue_version           = "5.0"
  worker_type            = var.glue_job.worker_type
  number_of_workers      = var.glue_job.workers
  timeout                = var.glue_job.timeout_minutes
  security_configuration = aws_glue_security_configuration.this[0].name
  # The next run is the retry.
  max_retries = 0

  command {
    name            = "glueetl"
    python_version  = "3"
    script_location = "s3://${var.glue_job.artifacts_bucket.name}/${var.glue_job.script_key}"
  }

  # The daily runs may meet an hourly one, which is safe.
  execution_property {
    max_concurrent_runs = 3
  }

  # Nothing is fetched, and the wheel's wish for Flink and the local stack is not met.
  default_arguments = merge(
    {
      "--additional-python-modules"        = "s3://${var.glue_job.artifacts_bucket.name}/${var.glue_job.wheels_key}"
      "--python-modules-installer-option"  = "--no-index --no-deps"
      "--enable-continuous-cloudwatch-log" = "true"
      "--continuous-log-logGroup"          = aws_cloudwatch_log_group.this.name
      "--command"                          = jsonencode(module.facts.schedules.compact.command)
      "--region"                           = local.region
    },
    # A job has arguments, and no environment; the script makes the one of the other.
    { for variable, value in local.environment : "--${variable}" => value },
  )

  lifecycle {
    precondition {
      condition     = length(local.missing_settings) == 0
      error_message = "settings lacks ${join(", ", local.missing_settings)}: the program does not start without."
    }
  }
}

resource "aws_glue_security_configuration" "this" {
  count = local.is_glue ? 1 : 0
  name  = local.family

  encryption_configuration {
    cloudwatch_encryption {
      cloudwatch_encryption_mode = "SSE-KMS"
      kms_key_arn                = var.logs_key_arn
    }

    job_bookmarks_encryption {
      job_bookmarks_encryption_mode = "CSE-KMS"
      kms_key_arn                   = var.lake_key_arn
    }

    s3_encryption {
      s3_encryption_mode = "SSE-KMS"
      kms_key_arn        = var.lake_key_arn
    }
  }
}

data "aws_iam_policy_document" "glue" {
  count = local.is_glue ? 1 : 0

  statement {
    sid     = "ReadPackage"
    actions = ["s3:GetObject"]
    resources = [
      "${var.glue_job.artifacts_bucket.arn}/${var.glue_job.script_key}",
      "${var.glue_job.artifacts_bucket.arn}/${var.glue_job.wheels_key}",
    ]
  }

  statement {
    sid       = "DecryptPackage"
    actions   = ["kms:Decrypt"]
    resources = [var.lake_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${local.region}.${local.dns}"]
    }

    condition {
      test     = "StringLike"
      variable = "kms:EncryptionContext:aws:s3:arn"
      values   = [var.glue_job.artifacts_bucket.arn, "${var.glue_job.artifacts_bucket.arn}/*"]
    }
  }

  # Beside its continuous log Glue writes what the driver prints to groups of its own, which it makes and encrypts with the
  # key of the security configuration.
  statement {
    sid       = "WriteLogs"
    actions   = ["logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws-glue/jobs/*"]
  }
}

resource "aws_iam_role_policy" "glue" {
  count  = local.is_glue ? 1 : 0
  name   = "glue"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.glue[0].json
}
