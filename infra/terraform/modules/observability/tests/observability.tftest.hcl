variables {
  name                  = "clickstream-test"
  database              = "clickstream_test"
  stream_name           = "events-stream"
  firehose_name         = "raw-firehose"
  application_name      = "alerts-application"
  topic_name            = "purchase-topic"
  rule_topic_names      = ["large-orders-topic"]
  function_name         = "dropped-function"
  cluster_arn           = "arn:aws:ecs:us-east-1:123456789012:cluster/compaction"
  compaction_memory_mib = 2048
  queues = {
    dead_letters              = "letters-queue"
    subscription_dead_letters = { shop = "shop-letters-queue", crm = "crm-letters-queue" }
    dropped_files             = "dropped-queue"
    dropped_files_dead        = "dropped-dead-queue"
    raw_objects               = "raw-objects-queue"
    schedule_dead_letters     = "schedule-letters-queue"
  }
  bucket_names           = { raw = "raw-bucket", curated = "curated-bucket" }
  warehouse_workgroup    = "warehouse"
  warehouse_max_capacity = 64
  messaging_key_arn      = "arn:aws:kms:us-east-1:123456789012:key/messaging"
  logs_key_arn           = "arn:aws:kms:us-east-1:123456789012:key/logs"
  ops_endpoints          = ["ops@example.com", "data@example.com"]
  page_endpoints         = { pager = { protocol = "https", endpoint = "https://pager.example.com/hook" } }
  runbook_url            = "https://example.com/docs/runbook.md"
}

run "alarms" {
  command = apply
}
