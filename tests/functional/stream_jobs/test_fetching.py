"""Reading a stream through the failures that a reader meets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, ReadTimeoutError
from moto import mock_aws

from schemas.errors import WorkFailedError
from schemas.instants import datetime_to_us
from stream_jobs.fetching import Fetched, Fetcher, SlotPositions
from stream_jobs.patience import Patience
from stream_jobs.shards import ENDED, TRIM_HORIZON

STREAM = "clickstream"


@pytest.fixture
def kinesis() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("kinesis", region_name="us-east-1")
        client.create_stream(StreamName=STREAM, ShardCount=2)
        yield client


class Scripted:
    """A client whose calls of a kind first fail as scripted."""

    def __init__(self, client: Any, **failures: list[Exception]) -> None:
        self._client = client
        self._failures = failures

    def __getattr__(self, name: str) -> Any:
        if self._failures.get(name):
            error = self._failures[name].pop(0)

            def failing(**_: Any) -> None:
                raise error

            return failing
        return getattr(self._client, name)


def service_error(code: str, status: int = 400) -> ClientError:
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "GetRecords")


class Reader:
    """A fetcher, and what its task does with what it gives: send it on, and say so of a shard's end."""

    def __init__(
        self,
        client: Any,
        positions: dict[str, str] | None = None,
        *,
        deadline_s: float = 60,
        start: str = TRIM_HORIZON,
        slots: int = 1,
        mine: tuple[int, ...] = (0,),
        ended: set[str] | None = None,
    ) -> None:
        seconds = iter(range(10_000))
        summary = client.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]

        def patience() -> Patience:
            return Patience(deadline_s, lambda: next(seconds), lambda _: False, lambda: 0.5)

        self.ended = set() if ended is None else ended
        self.ended.update(shard_id for shard_id, position in (positions or {}).items() if position == ENDED)
        self.fetcher = Fetcher(
            client,
            STREAM,
            datetime_to_us(summary["StreamCreationTimestamp"]),
            slots,
            self.ended,
            patience,
            lambda: float(next(seconds)),
        )
        for slot in mine:
            self.fetcher.adopt(SlotPositions(slot, start, positions or {}))

    def rounds(self, count: int = 4) -> list[Fetched]:
        came = []
        for _ in range(count):
            for fetched in self.fetcher.round():
                came.append(fetched)
                if fetched.ended:
                    self.ended.add(fetched.shard_id)
        return came


def data_of(fetched: list[Fetched]) -> list[bytes]:
    return sorted(record.data for each in fetched for record in each.records)


def put(client: Any, *texts: bytes) -> None:
    for text in texts:
        client.put_record(StreamName=STREAM, PartitionKey=text.decode(), Data=text)


def test_every_shard_is_read_and_idle_rounds_give_nothing(kinesis: Any) -> None:
    put(kinesis, b"a", b"b", b"c", b"d")
    reader = Reader(kinesis)
    fetched = reader.rounds()
    assert data_of(fetched) == [b"a", b"b", b"c", b"d"]
    assert {each.shard_id for each in fetched} == {"shardId-000000000000", "shardId-000000000001"}
    assert reader.rounds() == []


def test_reading_goes_on_after_the_positions_it_is_given(kinesis: Any) -> None:
    put(kinesis, b"a", b"b")
    positions = {each.shard_id: each.records[-1].sequence_number for each in Reader(kinesis).rounds()}
    put(kinesis, b"c")
    assert data_of(Reader(kinesis, positions).rounds()) == [b"c"]


def test_what_was_there_before_the_end_was_reached_is_backlog(kinesis: Any) -> None:
    entries = [{"Data": b"old", "PartitionKey": "a"}] * 300
    kinesis.put_records(StreamName=STREAM, Records=entries)
    reader = Reader(kinesis)
    assert [(len(each.records), each.is_backlog) for each in reader.rounds()] == [(250, True), (50, True)]
    put(kinesis, b"a")
    assert [each.is_backlog for each in reader.rounds()] == [False]
    put(kinesis, b"a")
    assert [each.is_backlog for each in Reader(kinesis).rounds()][-1] is True


def test_a_job_that_begins_at_an_instant_reads_what_came_from_then_on(kinesis: Any) -> None:
    put(kinesis, b"a", b"b")
    last = max(record.arrival_us for each in Reader(kinesis).rounds() for record in each.records)
    assert data_of(Reader(kinesis, start=f"at:{last + 1_000}").rounds()) == []
    assert b"b" in data_of(Reader(kinesis, start=f"at:{last - 1_000}").rounds())


@pytest.mark.parametrize(
    "error",
    [
        service_error("ExpiredIteratorException"),
        service_error("ProvisionedThroughputExceededException"),
        service_error("InternalFailure", 500),
        EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
        ConnectionClosedError(endpoint_url="http://127.0.0.1:1"),
        ReadTimeoutError(endpoint_url="http://127.0.0.1:1"),
    ],
)
def test_a_failed_read_neither_loses_nor_repeats(kinesis: Any, error: Exception) -> None:
    put(kinesis, b"a", b"b")
    client = Scripted(kinesis, get_records=[])
    reader = Reader(client)
    before = reader.rounds()
    put(kinesis, b"c")
    client._failures["get_records"] += [error, error, error]
    assert data_of(before + reader.rounds(6)) == [b"a", b"b", b"c"]


def test_an_answer_without_records_neither_loses_nor_repeats_nor_ends_a_shard() -> None:
    stream = Resharded({"s-0": []})
    answer = stream.get_records
    answers: list[dict[str, Any]] = [{}, {"message": "a proxy's page"}]
    stream.get_records = lambda **asked: answers.pop() if answers else answer(**asked)  # type: ignore[method-assign]
    assert [(each.shard_id, each.ended) for each in Reader(stream).rounds(4)] == [("s-0", False)]


def test_failures_of_listing_and_positioning_are_waited_out(kinesis: Any) -> None:
    put(kinesis, b"a")
    client = Scripted(
        kinesis,
        list_shards=[service_error("LimitExceededException")],
        get_shard_iterator=[service_error("InternalFailure", 500)],
    )
    assert data_of(Reader(client).rounds()) == [b"a"]


def test_an_endpoint_that_stays_away_is_an_error_after_the_deadline(kinesis: Any) -> None:
    gone = EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
    reader = Reader(Scripted(kinesis, get_records=[gone] * 100), deadline_s=10)
    with pytest.raises(WorkFailedError, match="gave up after 10 s"):
        reader.rounds(100)


def test_a_stream_that_does_not_exist_is_an_error_at_once(kinesis: Any) -> None:
    reader = Reader(kinesis)
    kinesis.delete_stream(StreamName=STREAM)
    with pytest.raises(WorkFailedError, match="ResourceNotFoundException"):
        reader.rounds()


@dataclass
class Resharded:
    """A stream of shards that hold one record each; those with children end after it."""

    parents: dict[str, list[str]]
    behind_ms: dict[str, int] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)

    def describe_stream_summary(self, **_: Any) -> dict[str, Any]:
        return {"StreamDescriptionSummary": {"StreamCreationTimestamp": datetime(2026, 11, 24, tzinfo=UTC)}}

    def list_shards(self, **page: Any) -> dict[str, Any]:
        names = sorted(self.parents)
        name = page.get("NextToken", names[0])
        shard = {"ShardId": name} | dict(
            zip(("ParentShardId", "AdjacentParentShardId"), self.parents[name], strict=False)
        )
        following = names[names.index(name) + 1 :]
        return {"Shards": [shard]} | ({"NextToken": following[0]} if following else {})

    def get_shard_iterator(self, **arguments: Any) -> dict[str, Any]:
        return {"ShardIterator": f"{arguments['ShardId']} {arguments.get('StartingSequenceNumber', '0')}"}

    def get_records(self, *, ShardIterator: str, Limit: int) -> dict[str, Any]:
        name, position = ShardIterator.split()
        self.read.append(name)
        record = {
            "Data": name.encode(),
            "SequenceNumber": "1",
            "ApproximateArrivalTimestamp": datetime(2026, 11, 24, tzinfo=UTC),
        }
        answer: dict[str, Any] = {"Records": [record] if position == "0" else []}
        answer["MillisBehindLatest"] = self.behind_ms.get(name, 0)
        is_closed = any(name in parents for parents in self.parents.values())
        return answer | ({} if is_closed else {"NextShardIterator": f"{name} 1"})


SPLIT = {"s-0": [], "s-1": ["s-0"], "s-2": ["s-0"]}
MERGED = {"s-0": [], "s-1": [], "s-2": ["s-0", "s-1"]}


def test_children_are_read_after_their_parent_has_ended_and_a_restart_leaves_it_out() -> None:
    stream = Resharded(SPLIT)
    fetched = Reader(stream).rounds(2)
    assert [(each.shard_id, each.ended) for each in fetched] == [("s-0", True), ("s-1", False), ("s-2", False)]
    stream.read.clear()
    Reader(stream, {"s-0": ENDED, "s-1": "1"}).rounds(1)
    assert stream.read == ["s-1", "s-2"]


def test_a_reader_reads_the_shards_of_its_slots_alone() -> None:
    stream = Resharded({f"s-{number}": [] for number in range(6)})
    Reader(stream, slots=4, mine=(1, 2)).rounds(1)
    assert stream.read == ["s-1", "s-2", "s-5"]


def test_a_child_of_a_merge_waits_for_both_parents_wherever_they_are_read() -> None:
    stream, ended = Resharded(MERGED), set[str]()
    readers = [Reader(stream, slots=3, mine=(slot,), ended=ended) for slot in range(3)]
    assert readers[2].rounds(5) == []
    assert [each.shard_id for each in readers[0].rounds(1)] == ["s-0"]
    assert readers[2].rounds(5) == []
    assert [each.shard_id for each in readers[1].rounds(1)] == ["s-1"]
    assert [each.shard_id for each in readers[2].rounds(1)] == ["s-2"]


def test_a_shard_whose_end_is_not_sent_on_yet_keeps_its_children_waiting() -> None:
    reader = Reader(Resharded(SPLIT))
    assert [each.shard_id for each in reader.fetcher.round()] == ["s-0"]
    assert list(reader.fetcher.round()) == []
    assert reader.fetcher.busy_slots == frozenset()


def test_a_reader_says_how_far_behind_the_last_of_its_open_shards_is() -> None:
    stream = Resharded(SPLIT, behind_ms={"s-0": 9_000, "s-1": 50, "s-2": 700})
    reader = Reader(stream)
    assert reader.fetcher.millis_behind_latest == 0
    reader.rounds(2)
    assert reader.fetcher.millis_behind_latest == 700
    stream.behind_ms["s-2"] = 0
    reader.rounds(1)
    assert reader.fetcher.millis_behind_latest == 50


def test_a_shard_that_is_not_read_falls_behind_until_it_is() -> None:
    stream = Resharded({"s-0": []}, behind_ms={"s-0": 100})
    reader = Reader(stream)
    reader.rounds(1)
    before = reader.fetcher.millis_behind_latest
    for _ in range(30):
        reader.fetcher.millis_behind_latest  # noqa: B018 - a second passes
    assert before == 100
    assert reader.fetcher.millis_behind_latest > 30_000
    reader.rounds(1)
    assert reader.fetcher.millis_behind_latest == 100


def test_a_shard_that_never_answered_falls_behind_too() -> None:
    gone = EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
    reader = Reader(Scripted(Resharded({"s-0": []}), get_records=[gone] * 100))
    reader.rounds(5)
    assert reader.fetcher.millis_behind_latest > 5_000


def test_a_stream_that_is_created_anew_is_not_read_from_old_positions(kinesis: Any) -> None:
    reader = Reader(kinesis)
    reader.rounds(1)
    kinesis.delete_stream(StreamName=STREAM)
    kinesis.create_stream(StreamName=STREAM, ShardCount=2)
    with pytest.raises(WorkFailedError, match="created anew"):
        reader.rounds(10)
