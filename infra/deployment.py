"""What the deployment on AWS is given beside its sizes: when work is due, and how long, how often and how large.

Written once, for Terraform (`infra/facts.py` renders it), for the local stack where it does the same, and for the
documents, which tests compare with it. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from infra.local.schedule import (
    COMPACT,
    DAILY_OFFSET_US,
    ENRICH,
    ENRICH_OFFSET_US,
    HOURLY_OFFSET_US,
    MAINTAIN,
    RECONCILE,
    VALIDATE,
    Command,
)
from schemas.instants import HOUR_US, SECOND_US

# The function for dropped files.
FUNCTION_TIMEOUT_S = 120
# Source: Lambda developer guide, "Using Lambda with Amazon SQS": six times the timeout, so that a batch which failed
# in part, or was throttled, is not given out while an invocation may still have it.
FUNCTION_VISIBILITY_S = 6 * FUNCTION_TIMEOUT_S
# A large file may need several invocations, each of which gives its message back.
FUNCTION_MAX_RECEIVES = 6
FUNCTION_BATCH_SIZE = 10
# Source: Lambda developer guide, "Configure Lambda function memory": one whole vCPU.
FUNCTION_MEMORY_MIB = 1769
# As Lambda names it; its package runs on either.
FUNCTION_ARCHITECTURE = "arm64"
# As ECS names it: that of the machine which builds the image.
IMAGE_ARCHITECTURE = "X86_64"

# The alert job on Managed Service for Apache Flink.
FLINK_RUNTIME = "FLINK-2_2"
CHECKPOINT_INTERVAL_MS = 10_000
MIN_PAUSE_BETWEEN_CHECKPOINTS_MS = 5_000
# Python runs inside of Flink's process with one lock for all of its slots.
PARALLELISM_PER_KPU = 1
# Source: its developer guide, "Metrics and dimensions": the application's own metrics are there too.
FLINK_NAMESPACE = "AWS/KinesisAnalytics"
FLINK_DIMENSION = "Application"

# Firehose delivers at whichever comes first. The compaction closes an hour 20 minutes after its end: what is younger
# than that may still be in a buffer, so the age has to stay well below it.
FIREHOSE_BUFFER_MIB = 128
FIREHOSE_BUFFER_S = 300
FIREHOSE_EXTENSION = ".json.gz"

_FOR_A_LOG: Command = ("--json",)
_WITH_METRICS: Command = ("--json", "--metrics")


@dataclass(frozen=True, slots=True)
class Schedule:
    """A command of the compaction's image that EventBridge Scheduler starts.

    Attributes:
        expression: a cron expression of EventBridge Scheduler, in UTC.
        command: what the entry point is given.
    """

    expression: str
    command: Command


def hourly(offset_us: int) -> str:
    """Return the expression of every hour, so long after it has begun."""
    return f"cron({offset_us // (60 * SECOND_US)} * * * ? *)"


def daily(offset_us: int) -> str:
    """Return the expression of every day, so long after it has begun in UTC."""
    return f"cron({offset_us % HOUR_US // (60 * SECOND_US)} {offset_us // HOUR_US} * * ? *)"


# On one machine the enrichment follows the compaction, and the daily work is done one after the other. Here each has a
# time of its own; one that is late meets the next, which is safe.
SCHEDULES: Mapping[str, Schedule] = {
    "compact": Schedule(hourly(HOURLY_OFFSET_US), (*COMPACT, *_WITH_METRICS)),
    "enrich": Schedule(hourly(ENRICH_OFFSET_US), (*ENRICH, *_FOR_A_LOG)),
    "reconcile": Schedule(daily(DAILY_OFFSET_US), (*RECONCILE, *_WITH_METRICS)),
    "validate": Schedule(daily(DAILY_OFFSET_US + HOUR_US), (*VALIDATE, *_WITH_METRICS)),
    "maintain": Schedule(daily(DAILY_OFFSET_US + 2 * HOUR_US), (*MAINTAIN, *_FOR_A_LOG)),
}
