"""The graph of the alert job.

Names, lanes and the parallelism of each operator are decided here, where the operators are put together. A `uid` is
part of the state: renaming one leaves its state behind. Which changes a savepoint survives: `docs/adr/0008`.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyflink.common import Types
from pyflink.datastream import DataStream, StreamExecutionEnvironment

from schemas.settings import Settings
from stream_jobs.delivering import Deliver
from stream_jobs.doors import AwsDoors, Doors
from stream_jobs.job_log import log_of_flink
from stream_jobs.operators import ALERT_TYPE, DEAD_LETTERS, EVENT_TYPE, Decode, Dedupe
from stream_jobs.record_type import BYTES
from stream_jobs.rules import Rules
from stream_jobs.sources import SourceConfig, records
from stream_jobs.spread import spread_keys
from stream_jobs.topic import is_fifo

# Part of the state of a job with a FIFO topic.
_FIFO_LANES = 8


@dataclass(frozen=True, slots=True)
class JobPlan:
    """What one run of the job is told.

    Attributes:
        settings: where to read and write.
        rules: what is alerted, and where.
        source: what is read.
        max_age_us: how long before its arrival an alerted event may have happened; None for no limit.
        dedupe_hours: how long an event id is remembered; a repeat of the producer's beyond it is a new alert.
        publish_deadline_s: how long a topic, queue or bucket may refuse everything before the job fails.
        receipts_linger_ms: how long receipts are collected for one object.
        follows_unclean: an earlier life may have published what was in the stream before this one began.
        region: of AWS, where no variable has it.
    """

    settings: Settings
    rules: Rules
    source: SourceConfig
    max_age_us: int | None
    dedupe_hours: int
    publish_deadline_s: float
    receipts_linger_ms: int
    follows_unclean: bool
    region: str | None = None


def build(environment: StreamExecutionEnvironment, plan: JobPlan) -> None:
    """Put the job's graph into an environment."""
    alerts, decoded = decode_and_dedupe(records(environment, plan.source), plan)
    doors = AwsDoors(plan.settings, plan.rules, plan.publish_deadline_s, plan.receipts_linger_ms, plan.region)
    lanes = publishing_lanes(plan.rules, environment.get_parallelism())
    deliver(alerts, decoded.get_side_output(DEAD_LETTERS), doors, lanes)


def publishing_lanes(rules: Rules, parallelism: int) -> list[int]:
    """Return the keys of the publishing lanes. A user keeps to one lane as long as these stay the same."""
    if any(map(is_fifo, rules.topic_arns().values())):
        # An order has to outlive a change of the parallelism.
        return spread_keys(_FIFO_LANES, 1)
    # One a subtask: the more wait in one lane, the fuller its batches.
    return spread_keys(parallelism, parallelism)


def decode_and_dedupe(records: DataStream, plan: JobPlan) -> tuple[DataStream, DataStream]:
    """Return (alerts, each once, a user's in order; the decoded events, with dead letters at their side)."""
    decoded = (
        records.process(Decode(plan.rules, plan.max_age_us, plan.follows_unclean, log_of_flink()), EVENT_TYPE)
        .uid("decode")
        .name("decode")
    )
    alerts = (
        decoded.key_by(lambda event: event[0], Types.STRING())
        .process(Dedupe(plan.dedupe_hours), ALERT_TYPE)
        .uid("dedupe")
        .name("dedupe")
    )
    return alerts, decoded


def deliver(alerts: DataStream, dead_letters: DataStream, doors: Doors, lanes: list[int]) -> None:
    """Publish alerts, keep a receipt of each, and queue dead letters."""
    log = log_of_flink()

    def lane_of(alert: tuple[str, bytes]) -> int:
        return lanes[int(alert[0][:8], 16) % len(lanes)]

    receipts = (
        alerts.key_by(lane_of, Types.INT())
        .process(Deliver(doors.topics, lane_of, lambda alert: alert[1], tick_ms=5, open_log=log), BYTES)
        .uid("publish")
        .name("publish")
    )
    (
        receipts.key_by(one_lane, Types.INT())
        .process(Deliver(doors.receipts, one_lane, lambda lines: lines, tick_ms=100, open_log=log), BYTES)
        .uid("receipts")
        .name("receipts")
        .set_parallelism(1)
    )
    (
        dead_letters.union(receipts.get_side_output(DEAD_LETTERS))
        .key_by(one_lane, Types.INT())
        .process(Deliver(doors.dead_letters, one_lane, lambda letter: letter, tick_ms=50, open_log=log), BYTES)
        .uid("dead-letters")
        .name("dead-letters")
        .set_parallelism(1)
    )


def one_lane(_: object) -> int:
    """Return the key of the one lane of an operator that has one."""
    return 0
