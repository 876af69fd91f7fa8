"""Each property with the mend, and where the fault is certain to show, the fault without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from threading import Barrier, BrokenBarrierError
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.kinesis import models

from infra.local.mends import kinesis as mend
from schemas.instants import datetime_to_us

STREAM = "clicks"
LOWER, UPPER = "0", str(2**128 - 1)
PARENT = "shardId-000000000000"


@pytest.fixture
def kinesis() -> Iterator[Any]:
    with mend.MEND.installed(), mock_aws():
        yield new_stream(shards=1)


def new_stream(shards: int) -> Any:
    client = boto3.client("kinesis")
    client.create_stream(StreamName=STREAM, ShardCount=shards)
    return client


def put(client: Any, *data: bytes, hash_key: str = LOWER) -> Any:
    records = [{"Data": each, "PartitionKey": "user", "ExplicitHashKey": hash_key} for each in data]
    return client.put_records(StreamName=STREAM, Records=records)


def iterator(client: Any, shard: str = PARENT, **start: Any) -> str:
    start = start or {"ShardIteratorType": "TRIM_HORIZON"}
    found: str = client.get_shard_iterator(StreamName=STREAM, ShardId=shard, **start)["ShardIterator"]
    return found


def data_of(client: Any, shard: str = PARENT, **start: Any) -> list[bytes]:
    return [record["Data"] for record in client.get_records(ShardIterator=iterator(client, shard, **start))["Records"]]


def split(client: Any) -> None:
    client.split_shard(StreamName=STREAM, ShardToSplit=PARENT, NewStartingHashKey=str(2**127))


def shard_ids(client: Any, **request: Any) -> list[int]:
    return [int(shard["ShardId"][-12:]) for shard in client.list_shards(StreamName=STREAM, **request)["Shards"]]


@pytest.mark.parametrize(("mended", "kept"), [(nullcontext, 1), (mend.MEND.installed, 2)], ids=["without", "with"])
def test_two_writers_at_once_keep_both_records(
    mended: Callable[[], AbstractContextManager[None]], kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both writers are held between choosing a sequence number and storing the record, if both can be there at once.
    both_between = Barrier(2)

    class HeldRecord(models.Record):  # type: ignore[misc]
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            with suppress(BrokenBarrierError):
                both_between.wait(timeout=0.3)

    monkeypatch.setattr(models, "Record", HeldRecord)
    with mended(), mock_aws():
        client = new_stream(shards=1)
        with ThreadPoolExecutor(2) as writers:
            answers = list(writers.map(lambda data: put(client, data), [b"a", b"b"]))
        assert all(answer["FailedRecordCount"] == 0 for answer in answers)
        assert len(data_of(client)) == kept


def test_a_split_shard_keeps_its_records_ends_and_names_its_children(kinesis: Any) -> None:
    put(kinesis, b"a", b"b", b"c")
    split(kinesis)
    first = kinesis.get_records(ShardIterator=iterator(kinesis), Limit=2)
    last = kinesis.get_records(ShardIterator=first["NextShardIterator"])
    assert [record["Data"] for record in first["Records"] + last["Records"]] == [b"a", b"b", b"c"]
    assert "NextShardIterator" not in last
    assert [child["ShardId"] for child in last["ChildShards"]] == ["shardId-000000000001", "shardId-000000000002"]
    assert all(child["ParentShards"] == [PARENT] for child in last["ChildShards"])


def test_without_the_mend_a_split_shard_takes_puts_and_never_ends() -> None:
    with mock_aws():
        client = new_stream(shards=1)
        split(client)
        put(client, b"after")
        answer = client.get_records(ShardIterator=iterator(client))
        assert [record["Data"] for record in answer["Records"]] == [b"after"]
        assert answer["NextShardIterator"]


@pytest.mark.parametrize("hash_key", [LOWER, str(2**127 - 1), str(2**127), UPPER])
def test_after_a_split_puts_go_to_the_children_up_to_the_edges_of_their_ranges(kinesis: Any, hash_key: str) -> None:
    split(kinesis)
    (placed,) = put(kinesis, b"a", hash_key=hash_key)["Records"]
    expected = "shardId-000000000001" if int(hash_key) < 2**127 else "shardId-000000000002"
    assert placed["ShardId"] == expected
    assert data_of(kinesis, expected) == [b"a"]


def test_merged_shards_end_in_one_child_whichever_is_named_first(kinesis: Any) -> None:
    split(kinesis)
    put(kinesis, b"low", hash_key=LOWER)
    put(kinesis, b"high", hash_key=UPPER)
    kinesis.merge_shards(
        StreamName=STREAM, ShardToMerge="shardId-000000000002", AdjacentShardToMerge="shardId-000000000001"
    )
    (placed,) = put(kinesis, b"after", hash_key=UPPER)["Records"]
    assert placed["ShardId"] == "shardId-000000000003"
    assert data_of(kinesis, "shardId-000000000001") == [b"low"]
    assert data_of(kinesis, "shardId-000000000003") == [b"after"]
    assert kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]["OpenShardCount"] == 1


def test_list_shards_honours_its_filters_and_pages(kinesis: Any) -> None:
    split(kinesis)
    assert shard_ids(kinesis) == [0, 1, 2]
    assert shard_ids(kinesis, ShardFilter={"Type": "AT_LATEST"}) == [1, 2]
    assert shard_ids(kinesis, ShardFilter={"Type": "AT_TRIM_HORIZON"}) == [0]
    assert shard_ids(kinesis, ShardFilter={"Type": "FROM_TRIM_HORIZON"}) == [0, 1, 2]
    assert shard_ids(kinesis, ShardFilter={"Type": "AFTER_SHARD_ID", "ShardId": PARENT}) == [1, 2]
    assert shard_ids(kinesis, ExclusiveStartShardId="shardId-000000000001") == [2]
    page = kinesis.list_shards(StreamName=STREAM, MaxResults=2)
    rest = kinesis.list_shards(NextToken=page["NextToken"])
    assert [shard["ShardId"][-1] for shard in page["Shards"] + rest["Shards"]] == ["0", "1", "2"]
    assert "NextToken" not in rest


def test_list_shards_by_time(kinesis: Any) -> None:
    put(kinesis, b"a")
    (record,) = kinesis.get_records(ShardIterator=iterator(kinesis))["Records"]
    before_split = record["ApproximateArrivalTimestamp"]
    split(kinesis)
    assert shard_ids(kinesis, ShardFilter={"Type": "AT_TIMESTAMP", "Timestamp": before_split}) == [0]
    assert shard_ids(kinesis, ShardFilter={"Type": "FROM_TIMESTAMP", "Timestamp": before_split}) == [0, 1, 2]
    assert shard_ids(kinesis, ShardFilter={"Type": "FROM_TIMESTAMP", "Timestamp": "2100-01-01T00:00:00Z"}) == [1, 2]


def test_without_the_mend_filters_are_ignored() -> None:
    with mock_aws():
        client = new_stream(shards=1)
        split(client)
        assert shard_ids(client, ShardFilter={"Type": "AT_LATEST"}) == [0, 1, 2]


def test_reading_goes_on_from_every_kind_of_position(kinesis: Any) -> None:
    placed = put(kinesis, b"a", b"b", b"c")["Records"]
    second = {"StartingSequenceNumber": placed[1]["SequenceNumber"]}
    assert data_of(kinesis, ShardIteratorType="AT_SEQUENCE_NUMBER", **second) == [b"b", b"c"]
    assert data_of(kinesis, ShardIteratorType="AFTER_SEQUENCE_NUMBER", **second) == [b"c"]
    assert data_of(kinesis, ShardIteratorType="LATEST") == []
    records = kinesis.get_records(ShardIterator=iterator(kinesis))["Records"]
    at = records[1]["ApproximateArrivalTimestamp"]
    later = [r["Data"] for r in records if datetime_to_us(r["ApproximateArrivalTimestamp"]) >= datetime_to_us(at)]
    assert data_of(kinesis, ShardIteratorType="AT_TIMESTAMP", Timestamp=at) == later


def test_a_stream_named_by_its_arn_can_be_read(kinesis: Any) -> None:
    put(kinesis, b"a")
    arn = kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]["StreamARN"]
    asked = {"StreamARN": arn, "ShardId": PARENT, "ShardIteratorType": "TRIM_HORIZON"}
    answer = kinesis.get_records(ShardIterator=kinesis.get_shard_iterator(**asked)["ShardIterator"])
    assert [record["Data"] for record in answer["Records"]] == [b"a"]


def test_only_a_reader_at_the_end_is_not_behind(kinesis: Any) -> None:
    put(kinesis, b"a", b"b")
    first = kinesis.get_records(ShardIterator=iterator(kinesis), Limit=1)
    assert first["MillisBehindLatest"] > 0
    assert kinesis.get_records(ShardIterator=first["NextShardIterator"])["MillisBehindLatest"] == 0


def test_one_answer_holds_at_most_ten_mebibytes(kinesis: Any) -> None:
    for _ in range(2):
        put(kinesis, *[b"x" * 1_000_000] * 8)
    assert len(kinesis.get_records(ShardIterator=iterator(kinesis))["Records"]) == 10


def test_puts_are_refused_beyond_the_limits_and_taken_up_to_them(kinesis: Any) -> None:
    largest = b"x" * ((1 << 20) - len("user"))
    put(kinesis, *[largest] * 10)
    for too_much in ([b"x"] * 501, [largest + b"x"], [largest] * 10 + [b"x"]):
        with pytest.raises(ClientError):
            put(kinesis, *too_much)
    with pytest.raises(ClientError):
        kinesis.put_record(StreamName=STREAM, Data=largest + b"x", PartitionKey="user")
