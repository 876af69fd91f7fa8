"""Reading a stream through the failures that a reader meets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from schemas.errors import WorkFailedError
from schemas.instants import datetime_to_us
from stream_jobs.fetching import Fetched, Fetcher
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


def fetcher(client: Any, positions: dict[str, str] | None = None, deadline_s: float = 60) -> Fetcher:
    seconds = iter(range(10_000))

    summary = client.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]
    created = datetime_to_us(summary["StreamCreationTimestamp"])

    def patience() -> Patience:
        return Patience(deadline_s, lambda: next(seconds), lambda _: False, lambda: 0.5)

    return Fetcher(client, STREAM, created, TRIM_HORIZON, positions or {}, patience, lambda: float(next(seconds)))


def rounds(reader: Fetcher, count: int = 4) -> list[Fetched]:
    return [fetched for _ in range(count) for fetched in reader.round()]


def data_of(fetched: list[Fetched]) -> list[bytes]:
    return sorted(record.data for each in fetched for record in each.records)


def put(client: Any, *texts: bytes) -> None:
    for text in texts:
        client.put_record(StreamName=STREAM, PartitionKey=text.decode(), Data=text)


def test_every_shard_is_read_and_idle_rounds_give_nothing(kinesis: Any) -> None:
    put(kinesis, b"a", b"b", b"c", b"d")
    reader = fetcher(kinesis)
    fetched = rounds(reader)
    assert data_of(fetched) == [b"a", b"b", b"c", b"d"]
    assert {each.shard_id for each in fetched} == {"shardId-000000000000", "shardId-000000000001"}
    assert rounds(reader) == []


def test_reading_goes_on_after_the_positions_it_is_given(kinesis: Any) -> None:
    put(kinesis, b"a", b"b")
    positions = {each.shard_id: each.records[-1].sequence_number for each in rounds(fetcher(kinesis))}
    put(kinesis, b"c")
    assert data_of(rounds(fetcher(kinesis, positions))) == [b"c"]


@pytest.mark.parametrize(
    "error",
    [
        service_error("ExpiredIteratorException"),
        service_error("ProvisionedThroughputExceededException"),
        service_error("InternalFailure", 500),
        EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
    ],
)
def test_a_failed_read_neither_loses_nor_repeats(kinesis: Any, error: Exception) -> None:
    put(kinesis, b"a", b"b")
    client = Scripted(kinesis, get_records=[])
    reader = fetcher(client)
    before = rounds(reader)
    put(kinesis, b"c")
    client._failures["get_records"] += [error, error, error]
    assert data_of(before + rounds(reader, 6)) == [b"a", b"b", b"c"]


def test_failures_of_listing_and_positioning_are_waited_out(kinesis: Any) -> None:
    put(kinesis, b"a")
    client = Scripted(
        kinesis,
        list_shards=[service_error("LimitExceededException")],
        get_shard_iterator=[service_error("InternalFailure", 500)],
    )
    assert data_of(rounds(fetcher(client))) == [b"a"]


def test_an_endpoint_that_stays_away_is_an_error_after_the_deadline(kinesis: Any) -> None:
    gone = EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
    reader = fetcher(Scripted(kinesis, get_records=[gone] * 100), deadline_s=10)
    with pytest.raises(WorkFailedError, match="gave up after 10 s"):
        rounds(reader, 100)


def test_a_stream_that_does_not_exist_is_an_error_at_once(kinesis: Any) -> None:
    reading = fetcher(kinesis)
    kinesis.delete_stream(StreamName=STREAM)
    with pytest.raises(WorkFailedError, match="ResourceNotFoundException"):
        rounds(reading)


class Resharded:
    """A stream whose one shard was split: it ends after its record, and two children hold what came later."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def describe_stream_summary(self, **_: Any) -> dict[str, Any]:
        return {"StreamDescriptionSummary": {"StreamCreationTimestamp": datetime(2026, 11, 24, tzinfo=UTC)}}

    def list_shards(self, **page: Any) -> dict[str, Any]:
        if "NextToken" in page:
            return {
                "Shards": [{"ShardId": "left", "ParentShardId": "old"}, {"ShardId": "right", "ParentShardId": "old"}]
            }
        return {"Shards": [{"ShardId": "old"}], "NextToken": "more"}

    def get_shard_iterator(self, **arguments: Any) -> dict[str, Any]:
        return {"ShardIterator": arguments["ShardId"]}

    def get_records(self, *, ShardIterator: str, Limit: int) -> dict[str, Any]:
        self.read.append(ShardIterator)
        record = {
            "Data": ShardIterator.encode(),
            "SequenceNumber": "1",
            "ApproximateArrivalTimestamp": datetime(2026, 11, 24, tzinfo=UTC),
        }
        return {"Records": [record]} | ({} if ShardIterator == "old" else {"NextShardIterator": ShardIterator})


def test_children_are_read_after_their_parent_has_ended_and_a_restart_leaves_it_out() -> None:
    stream = Resharded()
    fetched = rounds(fetcher(stream), 2)
    assert [(each.shard_id, each.ended) for each in fetched] == [("old", True), ("left", False), ("right", False)]
    stream.read.clear()
    rounds(fetcher(stream, {"old": ENDED, "left": "1"}), 1)
    assert stream.read == ["left", "right"]


def test_a_stream_that_is_created_anew_is_not_read_from_old_positions(kinesis: Any) -> None:
    reading = fetcher(kinesis)
    list(reading.round())
    kinesis.delete_stream(StreamName=STREAM)
    kinesis.create_stream(StreamName=STREAM, ShardCount=2)
    with pytest.raises(WorkFailedError, match="created anew"):
        for _ in range(10):
            list(reading.round())
