"""The graph of the purchase-alert job.

Names, lane counts and time to live are decided here, where the operators are put together. A `uid` is part of the
state: renaming one leaves its state behind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyflink.common import Types
from pyflink.datastream import StreamExecutionEnvironment

from schemas.settings import Settings
from stream_jobs import aws_calls
from stream_jobs.clock import now_us
from stream_jobs.dead_letters import DeadLetterQueue
from stream_jobs.operators import BYTES, DEAD_LETTERS, PURCHASE_TYPE, Decode, Dedupe, Deliver
from stream_jobs.patience import Patience
from stream_jobs.poller import PollerConfig, poll
from stream_jobs.receipts import ReceiptFiles
from stream_jobs.topic import AlertTopic

# How long an event id is remembered. Beyond it a repeat of the producer's is a new alert.
DEDUPE_HOURS = 24
# Publishing lanes: each has one batch under way, so this times ten alerts are in flight at most. A user keeps one lane.
PUBLISH_LANES = 4


@dataclass(frozen=True, slots=True)
class JobPlan:
    """What one run of the job is told.

    Attributes:
        settings: where to read and write.
        poller: what the source reads.
        publish_deadline_s: how long a topic, queue or bucket may refuse everything before the job fails.
        repeats_before_us: until when an earlier life may have published what arrived; 0 where there was none.
    """

    settings: Settings
    poller: PollerConfig
    publish_deadline_s: float
    repeats_before_us: int


def build(environment: StreamExecutionEnvironment, plan: JobPlan) -> None:
    """Put the job's graph into an environment."""
    doors = Doors(plan.settings, plan.publish_deadline_s)

    records = poll(environment, plan.poller)
    decoded = records.process(Decode(plan.repeats_before_us), PURCHASE_TYPE).uid("decode").name("decode")
    purchases = (
        decoded.key_by(lambda purchase: purchase[0], Types.STRING())
        .process(Dedupe(DEDUPE_HOURS), PURCHASE_TYPE)
        .uid("dedupe")
        .name("dedupe")
    )
    receipts = (
        purchases.key_by(lambda purchase: int(purchase[0], 16) % PUBLISH_LANES, Types.INT())
        .process(Deliver(doors.topic, lambda purchase: purchase[2], tick_ms=5, lanes=PUBLISH_LANES), BYTES)
        .uid("publish")
        .name("publish")
    )
    (
        receipts.key_by(lambda _: 0, Types.INT())
        .process(Deliver(doors.receipts, lambda receipt: receipt, tick_ms=100), BYTES)
        .uid("receipts")
        .name("receipts")
    )
    (
        decoded.get_side_output(DEAD_LETTERS)
        .union(receipts.get_side_output(DEAD_LETTERS))
        .key_by(lambda _: 0, Types.INT())
        .process(Deliver(doors.dead_letters, lambda letter: letter, tick_ms=50), BYTES)
        .uid("dead-letters")
        .name("dead-letters")
    )


@dataclass(frozen=True, slots=True)
class Doors:
    """Makes the doors, inside of the tasks that use them: clients do not travel."""

    settings: Settings
    deadline_s: float

    def topic(self, wait: Callable[[float], bool]) -> AlertTopic:
        """Return the door to the alert topic."""
        return AlertTopic(aws_calls.client("sns"), self.settings.alerts_topic_arn, self._patience(wait), now_us)

    def receipts(self, wait: Callable[[float], bool]) -> ReceiptFiles:
        """Return the door to the receipts."""
        return ReceiptFiles(aws_calls.client("s3"), self.settings.curated_bucket, self._patience(wait))

    def dead_letters(self, wait: Callable[[float], bool]) -> DeadLetterQueue:
        """Return the door to the dead-letter queue."""
        sqs: Any = aws_calls.client("sqs")
        s3: Any = aws_calls.client("s3")
        names = self.settings
        return DeadLetterQueue(sqs, s3, names.dead_letter_queue_url, names.curated_bucket, self._patience(wait))

    def _patience(self, wait: Callable[[float], bool]) -> Callable[[], Patience]:
        return lambda: aws_calls.patience(self.deadline_s, wait)
