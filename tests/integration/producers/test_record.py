"""Recording a stream in a process of its own: throttled, resharded, interrupted, killed; and replayed again."""

from __future__ import annotations

import signal
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from producers.recording.archive import read_archive
from schemas.errors import WorkFailedError
from schemas.kinesis_record import KinesisRecord
from tests import commands
from tests.commands import finish

if TYPE_CHECKING:
    from tests.conftest import LocalStack

Wait = Callable[[Callable[[], bool], float], None]


@pytest.fixture
def stream(emulator: LocalStack) -> Iterator[str]:
    """A stream of two shards of its own."""
    kinesis = emulator.client("kinesis")
    kinesis.create_stream(StreamName="recorded", ShardCount=2)
    yield "recorded"
    emulator.clear_faults()
    kinesis.delete_stream(StreamName="recorded")


def start(emulator: LocalStack, stream: str, *arguments: str) -> subprocess.Popen[str]:
    here = {"CLICKSTREAM_STATE_DIR": str(emulator.state_dir), "CLICKSTREAM_STREAM": stream}
    return commands.start(emulator.environment | here, *arguments, "--json")


def put(emulator: LocalStack, stream: str, numbers: range) -> None:
    kinesis = emulator.client("kinesis")
    records = [{"PartitionKey": f"k{number % 17}", "Data": b"%d" % number} for number in numbers]
    answer = kinesis.put_records(StreamName=stream, Records=records)
    assert answer["FailedRecordCount"] == 0


def numbers_of(records: list[KinesisRecord]) -> list[int]:
    return sorted(int(record.data) for record in records)


def readable_part(path: Path) -> list[KinesisRecord]:
    found = []
    try:
        for record in read_archive(path):
            found.append(record)
    except (WorkFailedError, FileNotFoundError):
        pass  # as much as there is by now
    return found


def test_throttled_and_failed_reads_lose_and_repeat_nothing(emulator: LocalStack, stream: str, tmp_path: Path) -> None:
    put(emulator, stream, range(500))
    emulator.inject(
        **{
            "kinesis.GetRecords": [
                {"error": "ProvisionedThroughputExceededException", "times": 3},
                {"error": "InternalFailure", "times": 2},
                {"error": "ExpiredIteratorException", "status": 400, "times": 2},
            ],
            "kinesis.GetShardIterator": {"error": "InternalFailure", "times": 2},
            "kinesis.ListShards": {"error": "LimitExceededException", "times": 2},
        }
    )
    path = tmp_path / "recorded.avro"
    summary, _ = finish(start(emulator, stream, "record", "--out", str(path), "--from", "trim", "--limit", "500"))
    assert numbers_of(list(read_archive(path))) == list(range(500))
    assert summary["records"] == 500 and summary["retried"] >= 7


def test_reads_that_go_on_failing_end_the_recording_with_what_was_read(
    emulator: LocalStack, stream: str, tmp_path: Path
) -> None:
    put(emulator, stream, range(300))
    emulator.inject(**{"kinesis.GetRecords": {"error": "AccessDeniedException", "status": 400, "after": 2, "times": 9}})
    path = tmp_path / "recorded.avro"
    process = start(emulator, stream, "record", "--out", str(path), "--from", "trim")
    summary, told = finish(process)
    assert process.returncode == 1 and "AccessDenied" in told
    assert numbers_of(list(read_archive(path))) == list(range(300)) and summary["records"] == 300


def test_a_split_and_a_merge_keep_the_order_of_every_key(
    emulator: LocalStack, stream: str, tmp_path: Path, wait_until: Wait
) -> None:
    kinesis = emulator.client("kinesis")
    path = tmp_path / "recorded.avro"
    partial = Path(f"{path}.partial")
    put(emulator, stream, range(100))
    process = start(emulator, stream, "record", "--out", str(path), "--from", "trim")
    try:
        wait_until(lambda: len(readable_part(partial)) == 100, 30)
        first, second = kinesis.list_shards(StreamName=stream)["Shards"]
        kinesis.split_shard(StreamName=stream, ShardToSplit=first["ShardId"], NewStartingHashKey=str(1 << 126))
        put(emulator, stream, range(100, 200))
        child = next(
            shard
            for shard in kinesis.list_shards(StreamName=stream)["Shards"]
            if shard["HashKeyRange"]["StartingHashKey"] == str(1 << 126)
        )
        kinesis.merge_shards(StreamName=stream, ShardToMerge=child["ShardId"], AdjacentShardToMerge=second["ShardId"])
        put(emulator, stream, range(200, 300))
        wait_until(lambda: len(readable_part(partial)) == 300, 40)
        process.send_signal(signal.SIGINT)
        summary, _ = finish(process)
    finally:
        process.kill()
    assert process.returncode == 0
    records = list(read_archive(path))
    assert numbers_of(records) == list(range(300)) and summary["shards"] == 5
    by_key: dict[str, list[int]] = defaultdict(list)
    for record in records:
        by_key[record.partition_key].append(int(record.data))
    assert all(numbers == sorted(numbers) for numbers in by_key.values())


def test_what_a_killed_recording_wrote_can_be_replayed(
    emulator: LocalStack, stream: str, tmp_path: Path, wait_until: Wait
) -> None:
    path, out = tmp_path / "recorded.avro", tmp_path / "sent"
    partial = Path(f"{path}.partial")
    put(emulator, stream, range(400))
    process = start(emulator, stream, "record", "--out", str(path), "--from", "trim")
    try:
        wait_until(lambda: len(readable_part(partial)) == 400, 30)
    finally:
        process.kill()
        process.communicate(timeout=30)
    assert not path.exists()
    summary, _ = finish(start(emulator, stream, "replay", str(partial), "--out", str(out)))
    assert sorted(map(int, out.read_bytes().splitlines())) == list(range(400)) and summary["sent"] == 400
