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

  # The raw objects are named after it, which is how everyone tells what came through the stream.
  firehose_name = "${var.name}-raw"
  firehose_arn  = "arn:${local.partition}:firehose:${local.region}:${local.account}:deliverystream/${local.firehose_name}"
}

resource "aws_kinesis_stream" "this" {
  name                = "${var.name}-events"
  shard_count         = var.capacity.shards
  retention_period    = var.retention_hours
  encryption_type     = "KMS"
  kms_key_id          = var.stream_key_arn
  shard_level_metrics = var.shard_metrics

  stream_mode_details {
    stream_mode = var.capacity.mode
  }
}
