from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest
from moto import mock_aws

from infra.local import firehose_worker, retries
from infra.local.description import Clients, connect
from infra.local.firehose import Buffer, hints_of
from infra.local.firehose_state import FirehoseFolder, Progress
from infra.local.firehose_worker import FirehoseWorker
from infra.local.mends import kinesis
from schemas.errors import WorkFailedError
from schemas.kpl import Aggregator

STREAM, BUCKET = "clicks", "raw"
WaitUntil = Callable[[Callable[[], bool], float], None]


@pytest.fixture
def clients() -> Iterator[Clients]:
    with kinesis.MEND.installed(), mock_aws():
        aws = "https://{}.us-east-1.amazonaws.com"
        names = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "us-east-1"}
        made = connect({**names, "AWS_ENDPOINT_URL": aws.format("kinesis")})
        made = replace(made, s3=connect({**names, "AWS_ENDPOINT_URL": aws.format("s3")}).s3)
        made.kinesis.create_stream(StreamName=STREAM, ShardCount=1)
        made.s3.create_bucket(Bucket=BUCKET)
        yield made


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firehose_worker, "POLL_S", 0.01)
    monkeypatch.setattr(retries, "FIRST_BACKOFF_S", 0.01)


def worker_of(clients: Clients, folder: Path, stop: Event | None = None, seconds: float = 3600) -> FirehoseWorker:
    files = FirehoseFolder(folder)
    buffer = Buffer(STREAM, hints_of(seconds, mib=1), files.read_checkpoint().positions)
    return FirehoseWorker(clients, STREAM, BUCKET, buffer, files, stop or Event(), give_up_after_s=0.1)


@contextmanager
def running(clients: Clients, folder: Path) -> Iterator[None]:
    stop = Event()
    thread = Thread(target=worker_of(clients, folder, stop).run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=10)
        assert not thread.is_alive()


def put(clients: Clients, *data: bytes, key: str = "user") -> None:
    clients.kinesis.put_records(StreamName=STREAM, Records=[{"Data": each, "PartitionKey": key} for each in data])


def progress_of(folder: Path) -> Progress:
    progress = FirehoseFolder(folder).read_progress()
    assert progress is not None
    return progress


def objects(clients: Clients, prefix: str) -> list[bytes]:
    listed = clients.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    bodies = [clients.s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read() for item in listed]
    return [
        gzip.decompress(body) if item["Key"].endswith(".gz") else body
        for item, body in zip(listed, bodies, strict=True)
    ]


def delivered(clients: Clients) -> list[bytes]:
    return sorted(b"".join(objects(clients, "clickstream/")).split())


def flushed(folder: Path, wait_until: WaitUntil) -> None:
    request = FirehoseFolder(folder).request_flush()
    wait_until(lambda: not request.exists(), 10)


def test_a_flush_delivers_what_was_put_before_it(clients: Clients, tmp_path: Path, wait_until: WaitUntil) -> None:
    with running(clients, tmp_path):
        put(clients, b"a", b"b")
        flushed(tmp_path, wait_until)
        assert delivered(clients) == [b"a", b"b"]
        wait_until(lambda: progress_of(tmp_path).caught_up, 10)
        assert progress_of(tmp_path).delivered_records == 2


def test_stopping_delivers_what_is_buffered(clients: Clients, tmp_path: Path, wait_until: WaitUntil) -> None:
    put(clients, b"a")
    with running(clients, tmp_path):
        wait_until(lambda: FirehoseFolder(tmp_path).read_progress() is not None, 10)
        assert not progress_of(tmp_path).caught_up
        assert delivered(clients) == []
    assert delivered(clients) == [b"a"]


def test_a_restart_goes_on_from_the_checkpoint(clients: Clients, tmp_path: Path, wait_until: WaitUntil) -> None:
    for data in (b"a", b"b"):
        put(clients, data)
        with running(clients, tmp_path):
            flushed(tmp_path, wait_until)
    assert delivered(clients) == [b"a", b"b"]
    assert progress_of(tmp_path).delivered_records == 2


def test_parents_are_read_before_their_children(clients: Clients, tmp_path: Path, wait_until: WaitUntil) -> None:
    with running(clients, tmp_path):
        put(clients, b"1")
        clients.kinesis.split_shard(
            StreamName=STREAM, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127)
        )
        put(clients, b"2")
        clients.kinesis.merge_shards(
            StreamName=STREAM, ShardToMerge="shardId-000000000001", AdjacentShardToMerge="shardId-000000000002"
        )
        put(clients, b"3")
        flushed(tmp_path, wait_until)
    assert b"".join(objects(clients, "clickstream/")) == b"1\n2\n3\n"


def test_a_restart_after_a_split_reads_the_children_only_once(
    clients: Clients, tmp_path: Path, wait_until: WaitUntil
) -> None:
    put(clients, b"1")
    clients.kinesis.split_shard(StreamName=STREAM, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127))
    put(clients, b"2")
    for _ in range(2):
        with running(clients, tmp_path):
            flushed(tmp_path, wait_until)
    assert delivered(clients) == [b"1", b"2"]


def test_aggregates_are_taken_apart_and_a_broken_one_goes_to_the_error_prefix(
    clients: Clients, tmp_path: Path, wait_until: WaitUntil
) -> None:
    aggregator = Aggregator(max_bytes=1000)
    aggregator.add("user", b"a")
    aggregator.add("user", b"b")
    whole = aggregator.drain()
    put(clients, whole, whole[:-1] + bytes([whole[-1] ^ 1]))
    with running(clients, tmp_path):
        flushed(tmp_path, wait_until)
    assert delivered(clients) == [b"a", b"b"]
    (error,) = objects(clients, "clickstream-errors/")
    assert json.loads(error)["errorMessage"] == "the digest does not match"
    assert (progress_of(tmp_path).delivered_records, progress_of(tmp_path).failed_records) == (2, 1)


def test_a_bucket_that_is_missing_ends_the_worker_and_the_checkpoint_stays(clients: Clients, tmp_path: Path) -> None:
    clients.s3.delete_bucket(Bucket=BUCKET)
    put(clients, b"a")
    with pytest.raises(WorkFailedError, match="bucket does not exist"):
        worker_of(clients, tmp_path, seconds=0).run()
    assert FirehoseFolder(tmp_path).read_checkpoint().positions == {}


def test_a_stream_that_does_not_exist_ends_the_worker(clients: Clients, tmp_path: Path) -> None:
    clients.kinesis.delete_stream(StreamName=STREAM)
    with pytest.raises(WorkFailedError, match="not found"):
        worker_of(clients, tmp_path).run()


def test_a_damaged_checkpoint_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.json").write_text("{")
    with pytest.raises(WorkFailedError, match="checkpoint"):
        FirehoseFolder(tmp_path).read_checkpoint()
