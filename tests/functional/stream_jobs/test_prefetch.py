"""The thread that reads ahead: what bounds it, what ends it, and how its failure is heard of."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from schemas.errors import WorkFailedError
from schemas.instants import datetime_to_us
from stream_jobs import aws_calls
from stream_jobs.fetching import Fetcher, SlotPositions
from stream_jobs.prefetch import Prefetch
from stream_jobs.shards import TRIM_HORIZON

BORN = datetime(2026, 11, 24, tzinfo=UTC)
MIB = 1 << 20
WaitUntil = Callable[[Callable[[], bool], float], None]


class Endless:
    """A stream of two shards that never run out of records."""

    def __init__(self, record_bytes: int) -> None:
        self.reads: list[str] = []
        self.failure: Exception | None = None
        self._record_bytes = record_bytes

    def describe_stream_summary(self, **_: Any) -> dict[str, Any]:
        return {"StreamDescriptionSummary": {"StreamCreationTimestamp": BORN}}

    def list_shards(self, **_: Any) -> dict[str, Any]:
        return {"Shards": [{"ShardId": "shardId-000000000000"}, {"ShardId": "shardId-000000000001"}]}

    def get_shard_iterator(self, **arguments: Any) -> dict[str, Any]:
        return {"ShardIterator": arguments["ShardId"]}

    def get_records(self, *, ShardIterator: str, Limit: int) -> dict[str, Any]:
        if self.failure is not None:
            raise self.failure
        self.reads.append(ShardIterator)
        record = {
            "Data": bytes(self._record_bytes),
            "SequenceNumber": str(len(self.reads)),
            "ApproximateArrivalTimestamp": BORN,
        }
        return {"Records": [record], "NextShardIterator": ShardIterator, "MillisBehindLatest": 9}


class Reading:
    """A prefetch of an endless stream, and whether it rests."""

    def __init__(self, stream: Endless) -> None:
        self.rests = False
        self.prefetch = Prefetch(lambda wait: self._fetcher(stream, wait), lambda: self.rests, 0.05)

    def adopt(self, *slots: int) -> None:
        for slot in slots:
            self.prefetch.adopt(SlotPositions(slot, TRIM_HORIZON, {}))

    def _fetcher(self, stream: Endless, wait: Callable[[float], bool]) -> Fetcher:
        def patience() -> Any:
            return aws_calls.patience(0, wait)

        return Fetcher(stream, "stream", datetime_to_us(BORN), 3, set(), patience, time.monotonic)


@pytest.fixture
def reading_of() -> Iterator[Callable[[Endless], Reading]]:
    readings: list[Reading] = []

    def make(stream: Endless) -> Reading:
        readings.append(Reading(stream))
        return readings[-1]

    yield make
    for reading in readings:
        reading.prefetch.close()


@pytest.mark.parametrize(("record_bytes", "most"), [(10 * MIB, 3), (40 * MIB, 1), (1, 64)])
def test_bytes_and_reads_bound_what_is_read_ahead(
    reading_of: Callable[[Endless], Reading], record_bytes: int, most: int, wait_until: WaitUntil
) -> None:
    stream = Endless(record_bytes)
    reading = reading_of(stream)
    reading.adopt(0)
    wait_until(lambda: len(stream.reads) == most + 1, 10)  # the last one waits for room
    assert reading.prefetch.unsettled() == most
    assert reading.prefetch.take(0) is not None
    wait_until(lambda: len(stream.reads) == most + 2, 10)
    assert reading.prefetch.unsettled() == most


def test_each_slot_gets_its_own_records_in_order(
    reading_of: Callable[[Endless], Reading], wait_until: WaitUntil
) -> None:
    reading = reading_of(Endless(1))
    reading.rests = True
    reading.adopt(0, 1, 2)
    reading.rests = False
    wait_until(lambda: reading.prefetch.unsettled() >= 20, 10)
    for slot in (0, 1):
        taken = [reading.prefetch.take(slot) for _ in range(9)]
        assert {each.shard_id for each in taken if each} == {f"shardId-00000000000{slot}"}
        numbers = [int(each.position) for each in taken if each]
        assert len(numbers) == 9 and numbers == sorted(numbers)
    assert reading.prefetch.take(2) is None
    assert reading.prefetch.is_idle(2) and not reading.prefetch.is_idle(1)
    assert reading.prefetch.millis_behind_latest() == 9


def test_a_slot_is_not_read_before_it_is_adopted(
    reading_of: Callable[[Endless], Reading], wait_until: WaitUntil
) -> None:
    stream = Endless(1)
    reading = reading_of(stream)
    reading.adopt(1)
    wait_until(lambda: reading.prefetch.unsettled() == 64, 10)
    assert set(stream.reads) == {"shardId-000000000001"}
    reading.adopt(0)
    wait_until(lambda: reading.prefetch.take(1) is not None and "shardId-000000000000" in stream.reads, 10)


def test_a_wait_ends_when_something_comes(reading_of: Callable[[Endless], Reading]) -> None:
    reading = reading_of(Endless(1))
    reading.adopt(0)
    reading.prefetch.wait(60)
    assert reading.prefetch.take(0) is not None


def test_a_failure_of_the_thread_is_raised_where_records_are_taken(reading_of: Callable[[Endless], Reading]) -> None:
    stream = Endless(1)
    stream.failure = ClientError(
        {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 400}},  # type: ignore[typeddict-item]
        "GetRecords",
    )
    reading = reading_of(stream)
    reading.adopt(0)
    reading.prefetch.wait(60)
    with pytest.raises(WorkFailedError, match="AccessDenied"):
        reading.prefetch.take(0)


def test_a_reading_that_rests_reads_nothing(reading_of: Callable[[Endless], Reading], wait_until: WaitUntil) -> None:
    stream = Endless(1)
    reading = reading_of(stream)
    reading.rests = True
    reading.adopt(0)
    reading.prefetch.wait(0.2)
    assert stream.reads == []
    reading.rests = False
    reading.prefetch.wait(60)
    assert stream.reads


def test_closing_ends_a_thread_that_waits_for_room(
    reading_of: Callable[[Endless], Reading], wait_until: WaitUntil
) -> None:
    others = set(threading.enumerate())
    reading = reading_of(Endless(40 * MIB))
    reading.adopt(0)
    (thread,) = set(threading.enumerate()) - others
    wait_until(lambda: reading.prefetch.unsettled() == 1, 10)
    assert thread.is_alive()
    reading.prefetch.close()
    wait_until(lambda: not thread.is_alive(), 10)
