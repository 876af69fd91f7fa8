data "aws_caller_identity" "this" {}

data "aws_region" "this" {}

data "aws_partition" "this" {}

module "facts" {
  source = "../facts"
}

locals {
  account_id = data.aws_caller_identity.this.account_id
  region     = data.aws_region.this.region
  partition  = data.aws_partition.this.partition

  # Metrics of the programs: name -> what an alarm has to say to mean it. One that the programs do not have is an error.
  compaction = { for name in module.facts.metrics.compaction.names : name => {
    namespace  = module.facts.metrics.compaction.namespace
    metric     = name
    dimensions = { (module.facts.metrics.compaction.dimension) = var.database }
  } }
  validation = { for name in module.facts.metrics.validation.names : name => {
    namespace  = module.facts.metrics.validation.namespace
    metric     = name
    dimensions = { (module.facts.metrics.validation.dimension) = var.database }
  } }

  # The alert job's own metrics, and Flink's of its Kinesis connector. Beside the application they have dimensions that
  # depend on the level of the metrics and on the connector; a query takes them whatever these are.
  # Source: Managed Service for Apache Flink developer guide, "Metrics and dimensions", of Kinesis: level "Application
  # (for Stream)".
  job = { for name in concat(module.facts.metrics.job.names, ["millisBehindLatest"]) : name =>
    "SELECT MAX(${name}) FROM \"${module.facts.metrics.job.namespace}\" WHERE ${module.facts.metrics.job.dimension} = '${var.application_name}'"
  }

  stream    = { StreamName = var.stream_name }
  firehose  = { DeliveryStreamName = var.firehose_name }
  flink     = { Application = var.application_name }
  function  = { FunctionName = var.function_name }
  warehouse = { Workgroup = coalesce(var.warehouse_workgroup, "none") }
}
