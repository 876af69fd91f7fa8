"""The alert job under the stream benchmark: its own graph, fed and drained without an emulator.

What the graph needs and the benchmark does not measure is made here: a plan, and far sides that take their time and no
CPU.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyflink.datastream import StreamExecutionEnvironment

from bench.stream_feed import feed
from bench.stream_input import Packing
from schemas.settings import Settings, max_age_us_of
from stream_jobs import aws_calls
from stream_jobs.clock import now_us
from stream_jobs.doors import Wait
from stream_jobs.job import JobPlan, decode_and_dedupe, deliver, publishing_lanes
from stream_jobs.operators import DEAD_LETTERS
from stream_jobs.outbox import Address, Delivery, Entry, Limits
from stream_jobs.patience import Patience, Witness
from stream_jobs.poller import PollerConfig
from stream_jobs.receipts import ReceiptFiles
from stream_jobs.rules import Rules, rules_of
from stream_jobs.topic import AlertTopics

# What a call to SNS takes within a region; S3 is given the same.
CALL_S = 0.02
_DEADLINE_S = 60.0
_SETTINGS = Settings(
    stream="clickstream",
    raw_bucket="clickstream-raw",
    curated_bucket="clickstream-curated",
    alerts_topic_arn="arn:aws:sns:us-east-1:123456789012:PurchaseAlerts",
    dead_letter_queue_url="https://sqs.us-east-1.amazonaws.com/123456789012/clickstream-dead-letters",
)


def run_decode(environment: StreamExecutionEnvironment, folder: Path) -> Any:
    """Start decode, filter and dedupe as the job has them, and return the job's client."""
    decode_and_dedupe(feed(environment, Packing.AGGREGATED), _plan(folder))
    return environment.execute_async("decode")


def run_decode_crossing(environment: StreamExecutionEnvironment, folder: Path) -> Any:
    """Start the same with every record crossing from Python to Java and back, which costs more than a connector's."""
    decode_and_dedupe(feed(environment, Packing.AGGREGATED).disable_chaining(), _plan(folder))
    return environment.execute_async("decode-crossing")


def run_ids(environment: StreamExecutionEnvironment, folder: Path, fetches: int) -> Any:
    """Start the same with input that ends after so many fetches, while the job goes on; return its client."""
    decode_and_dedupe(feed(environment, Packing.AGGREGATED, fetches), _plan(folder))
    return environment.execute_async("ids")


def run_whole(environment: StreamExecutionEnvironment, folder: Path) -> Any:
    """Start the whole job, its far sides replaced, and return its client."""
    plan = _plan(folder)
    alerts, decoded = decode_and_dedupe(feed(environment, Packing.AGGREGATED), plan)
    lanes = publishing_lanes(plan.rules, environment.get_parallelism())
    far = _FarDoors(plan.rules)
    deliver(alerts, decoded.get_side_output(DEAD_LETTERS), far, lanes)
    return environment.execute_async("whole")


def _plan(folder: Path) -> JobPlan:
    return JobPlan(
        settings=_SETTINGS,
        rules=rules_of(_SETTINGS),
        source=PollerConfig(_SETTINGS.stream, 0, "TRIM_HORIZON", _DEADLINE_S, folder, idle_wait_s=1),
        max_age_us=max_age_us_of(_SETTINGS.max_alert_age),
        dedupe_hours=24,
        publish_deadline_s=_DEADLINE_S,
        receipts_linger_ms=1_000,
        follows_unclean=False,
    )


@dataclass(frozen=True, slots=True)
class _FarDoors:
    """The job's own doors; behind them are far sides that answer as AWS does, `CALL_S` later."""

    rules: Rules

    def topics(self, wait: Wait, witness: Witness) -> AlertTopics:
        return AlertTopics(_FarTopic(), self.rules.topic_arns(), _patience(wait, witness), now_us)

    def receipts(self, wait: Wait, witness: Witness) -> ReceiptFiles:
        return ReceiptFiles(_FarBucket(), _SETTINGS.curated_bucket, _patience(wait, witness))

    def dead_letters(self, wait: Wait, witness: Witness) -> _NoDeadLetters:
        return _NoDeadLetters()


def _patience(wait: Wait, witness: Witness) -> Callable[[], Patience]:
    return lambda: aws_calls.patience(_DEADLINE_S, wait, witness)


class _FarTopic:
    _ANSWER_ID = "c2c5a5a0-8ba7-5b4c-9d0b-{:012x}"

    def __init__(self) -> None:
        self._published = 0

    def publish_batch(self, *, TopicArn: str, PublishBatchRequestEntries: Sequence[dict[str, Any]]) -> dict[str, Any]:
        time.sleep(CALL_S)
        self._published += 1
        message_id = self._ANSWER_ID.format(self._published)
        return {"Successful": [{"Id": e["Id"], "MessageId": message_id} for e in PublishBatchRequestEntries]}


class _FarBucket:
    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> dict[str, Any]:
        time.sleep(CALL_S)
        return {"ETag": ""}


class _NoDeadLetters:
    limits = Limits(max_entries=1, max_bytes=1, linger_ms=0, max_waiting=1)

    def address(self, body: bytes) -> Address:
        return Address()

    def deliver(self, batch: Sequence[Entry]) -> Delivery:
        raise RuntimeError(f"the input has nothing for a dead letter: {batch[0].body[:500]!r}")
