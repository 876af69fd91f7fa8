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

  # One name for function, queue, rule and table.
  function_name = "${var.name}-dropped-files"
  function_arn  = "arn:${local.partition}:lambda:${local.region}:${local.account}:function:${local.function_name}"

  # What the module decides. The settings have no place for a name that the programs do not know, see the precondition.
  given = {
    stream                = coalesce(var.stream_name, "${var.name}-events")
    raw_bucket            = var.raw_bucket.name
    curated_bucket        = var.curated_bucket.name
    alerts_topic_arn      = var.topic_arns["PurchaseAlerts"]
    dead_letter_queue_url = var.dead_letter_queue_url
    dropped_files_table   = aws_dynamodb_table.this.name
    # A value that is empty counts as none, and gives the default; a lone comma is a list of nothing.
    alert_types   = length(var.alert_types) > 0 ? join(",", var.alert_types) : ","
    alert_rules   = join("; ", [for name, rule in var.alert_rules : "${name}: ${rule}"])
    max_alert_age = var.max_alert_age
  }

  settings    = merge(var.settings, local.given)
  environment = { for name, value in local.settings : module.facts.settings[name] => value }
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:how long logs are kept is the environment's decision
  name              = "/aws/lambda/${local.function_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.logs_key_arn
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:nothing in the package makes traces; each object has a line in the log, and X-Ray's actions take no resource
  #checkov:skip=CKV_AWS_116:that queue is for asynchronous invocations; here a message that fails goes to the queue's own
  #checkov:skip=CKV_AWS_173:the variables name resources and hold no secret; Lambda encrypts them with a key of its own
  #checkov:skip=CKV_AWS_272:who may put into the artifacts bucket decides what runs; there is no signing profile
  # Lambda wants a package when a function is created. Until then the queue keeps what comes.
  count = var.package_key == null ? 0 : 1

  function_name                  = local.function_name
  description                    = "Alerts the events of files that others put into the raw bucket"
  role                           = aws_iam_role.this.arn
  runtime                        = module.facts.runtimes.python
  architectures                  = [module.facts.runtimes.architectures.dropped_files]
  handler                        = module.facts.handlers.dropped_files
  s3_bucket                      = var.artifacts_bucket.name
  s3_key                         = var.package_key
  timeout                        = module.facts.dropped_files.timeout_s
  memory_size                    = module.facts.dropped_files.memory_mib
  reserved_concurrent_executions = var.reserved_concurrency

  environment {
    variables = local.environment
  }

  vpc_config {
    subnet_ids         = var.subnet_ids
    security_group_ids = [var.security_group_id]
  }

  # The function writes lines of JSON itself.
  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.this.name
  }

  # Lambda checks that the role may make network interfaces when the function is created.
  depends_on = [aws_iam_role_policy.this]

  lifecycle {
    precondition {
      condition     = length(setsubtract(keys(local.given), keys(module.facts.settings))) == 0
      error_message = "The programs know no such setting: ${join(", ", setsubtract(keys(local.given), keys(module.facts.settings)))}."
    }
  }
}

resource "aws_lambda_event_source_mapping" "this" {
  count = length(aws_lambda_function.this)

  event_source_arn        = aws_sqs_queue.this.arn
  function_name           = aws_lambda_function.this[0].arn
  batch_size              = coalesce(var.batch_size, module.facts.dropped_files.batch_size)
  function_response_types = ["ReportBatchItemFailures"]

  # A message that Lambda takes and then cannot give to a busy function has lost a try.
  scaling_config {
    maximum_concurrency = var.reserved_concurrency
  }
}
