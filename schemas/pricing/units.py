"""What AWS counts in: what a record is rounded up to, what a shard takes, how long a month is.

Each is a rule of the service's price list or quotas and no choice of ours.
"""

HOURS_PER_MONTH = 730
SECONDS_PER_MONTH = HOURS_PER_MONTH * 3600
DAYS_PER_MONTH = HOURS_PER_MONTH / 24
GB = 1024**3
TB = 1024**4
MILLION = 1_000_000
# Source: Amazon Kinesis Data Streams pricing; Amazon Data Firehose pricing: what a record is rounded up to.
PAYLOAD_UNIT_BYTES = 25 * 1024
ON_DEMAND_UNIT_BYTES = 1024
FIREHOSE_UNIT_BYTES = 5 * 1024
# Source: Kinesis developer guide, quotas: what a shard takes a second. It gives twice that, which is what the alert job
# and Firehose read together.
SHARD_BYTES_PER_S = 1024 * 1024
SHARD_RECORDS_PER_S = 1000
CONSUMERS = 2
# Source: the same, retention: what is in the price of a stream, and where long-term retention begins.
FREE_RETENTION_HOURS = 24
EXTENDED_RETENTION_HOURS = 7 * 24
# Source: Managed Service for Apache Flink developer guide, pricing: a unit's storage, and one unit more.
KPU_STORAGE_GB = 50
ORCHESTRATION_KPUS = 1
# An alert is sent to its queue, received and deleted; batches make it fewer requests.
REQUESTS_PER_ALERT = 3
# Source: AWS Fargate pricing: the least that a task is billed, and the storage that it has for nothing.
FARGATE_LEAST_S = 60
FARGATE_FREE_DISK_GIB = 20
# Source: Amazon Athena pricing: the least that a query is billed.
ATHENA_LEAST_BYTES = 10 * 1024 * 1024
# Source: Amazon S3 user guide, lifecycle transitions: smaller objects stay where they are unless a rule names a size.
ARCHIVED_OBJECT_LEAST_BYTES = 128 * 1024


def figure(value: float) -> str:
    """Return a number of a formula as it is read: four digits, and above a thousand all before the point."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:,.4g}"
