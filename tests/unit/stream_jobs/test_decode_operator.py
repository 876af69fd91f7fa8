"""The decoding operator by hand: which attempt it is, and what it makes of the backlog."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from schemas.alert import decode_alert
from schemas.instants import parse_instant_us
from schemas.settings import Settings
from stream_jobs import job
from stream_jobs.operators import DEAD_LETTERS, Decode
from stream_jobs.record_type import BEGINNING
from stream_jobs.rules import rules_of

ARRIVAL = "2026-11-24T10:00:00Z"
TOPIC = "arn:aws:sns:us-east-1:123456789012:PurchaseAlerts"
SETTINGS = Settings(
    stream="s",
    raw_bucket="raw-bucket",
    curated_bucket="curated-bucket",
    alerts_topic_arn=TOPIC,
    dead_letter_queue_url="https://sqs.us-east-1.amazonaws.com/123456789012/q",
    database="clickstream",
)


class Flink:
    """What the operator sees of Flink."""

    def __init__(self, attempt: int) -> None:
        self._attempt = attempt
        self._runtime_context = self

    def getTaskInfo(self) -> Flink:
        return self

    def getAttemptNumber(self) -> int:
        return self._attempt

    def get_metrics_group(self) -> Flink:
        return self

    def add_group(self, _: str) -> Flink:
        return self

    def counter(self, _: str) -> Flink:
        return self

    def inc(self, _: int) -> None: ...


@pytest.mark.parametrize(
    ("attempt", "follows_unclean", "is_backlog", "may_repeat"),
    [
        (0, False, True, False),
        (0, True, True, True),
        (1, False, True, True),
        (0, True, False, False),
        (1, False, False, False),
    ],
)
def test_what_an_earlier_attempt_may_have_published_says_so(
    attempt: int, follows_unclean: bool, is_backlog: bool, may_repeat: bool
) -> None:
    operator = Decode(rules_of(SETTINGS), None, follows_unclean, lambda _: None)  # type: ignore[arg-type, return-value]
    operator.open(Flink(attempt))
    event = {"event_id": "e", "user_id": "u", "session_id": "s", "event_type": "purchase", "event_timestamp": ARRIVAL}
    record: Any = json.dumps(event).encode(), parse_instant_us(ARRIVAL), "shard", "1", is_backlog
    ((_, _, body),) = operator.process_element(record, None)
    assert decode_alert(body).maybe_repeat is may_repeat


def test_a_record_without_bytes_is_a_sign_that_an_attempt_begins_to_read() -> None:
    operator = Decode(rules_of(SETTINGS), None, False, lambda _: None)  # type: ignore[arg-type, return-value]
    operator.open(Flink(0))
    letter, *events = operator.process_element(BEGINNING, None)
    assert letter == (DEAD_LETTERS, b"")
    lanes = {int(user_key[:8], 16) % 48 for user_key, _, _ in events}
    assert lanes == set(range(48)), "every lane of any number up to 64 is reached"
    assert {(event_key, bodies) for _, event_key, bodies in events} == {("", b"")}


def test_a_user_keeps_to_one_lane_of_a_fifo_topic_whatever_the_parallelism(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "spread_keys", lambda count, parallelism: [count, parallelism])
    fifo = replace(SETTINGS, alerts_topic_arn=TOPIC + ".fifo")
    assert job.publishing_lanes(rules_of(fifo), 1) == job.publishing_lanes(rules_of(fifo), 4)
    assert job.publishing_lanes(rules_of(SETTINGS), 4) == [4, 4]
