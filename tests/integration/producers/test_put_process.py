"""A producer of its own process: killed and resumed, on a stream whose shards change, and with a spool left behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from producers.attestor import Attestor
from producers.batching import Record
from producers.position import LeftAttestation, Position
from producers.sinks import WINDOW_LINES
from producers.spool import Spool, read_spool
from producers.stamping import Stamper
from schemas.attestation import digest_text, encode_attestation, line_digest, read_attestation
from schemas.instants import HOUR_US
from schemas.kpl import foreign_records, user_records
from tests.commands import finish, output_of, start
from tests.streams import spooled_lines

if TYPE_CHECKING:
    from tests.conftest import LocalStack

WaitUntil = Callable[[Callable[[], bool], float], None]
USERS = 50
_PROGRAM = """
import sys
from contextlib import ExitStack
from pathlib import Path
from producers.lines import Line
from producers.opening import new_producer_id
from producers.position import PositionFile
from producers.run import run
from producers.schedules import schedule_of
from producers.sending import Sending, open_sink
from schemas.errors import ClickstreamError

name, count, rate, path = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])

def lines(stamper):
    for number in range(count):
        user = f"{name}-{number % 50}"
        yield Line(user, stamper.stamp(b'{"event_id":"%b-%d","user_id":"%b"}' % (name.encode(), number, user.encode())))

try:
    position = PositionFile(path, {"count": str(count)}, new_producer_id)
    stamper = position.stamper()
    with ExitStack() as stack:
        sink, spool = open_sink(None, False, True, stack, stamper=stamper, position=position)
        run(Sending(lines(stamper), sink, spool, dict, position), schedule_of(rate), total=count, as_json=True,
            stdout_is_data=False)
except ClickstreamError as error:
    sys.exit(f"failed: {error}")
"""


@pytest.fixture(autouse=True)
def no_faults_left(emulator: LocalStack) -> Iterator[None]:
    yield
    emulator.clear_faults()


class Sender:
    """Sends a number of lines of its own name, from where the last run of it was."""

    def __init__(self, emulator: LocalStack, folder: Path, name: str, count: int, rate: int = 0) -> None:
        self._arguments = [name, str(count), str(rate), str(folder / "position.json")]
        self._environment = {**emulator.environment, "CLICKSTREAM_STATE_DIR": str(folder)}

    def start(self) -> subprocess.Popen[str]:
        return start(self._environment, *self._arguments, program=(sys.executable, "-c", _PROGRAM))

    def finish(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        summary, told = finish(process)
        assert process.returncode == 0, told
        return summary

    def run(self) -> dict[str, Any]:
        return self.finish(self.start())


class StreamReader:
    """Reads the lines of one sender as a KCL consumer does: each shard from its start, parents before children."""

    def __init__(self, emulator: LocalStack, name: str) -> None:
        self.kinesis = emulator.client("kinesis")
        self._name = name.encode()
        self._iterators: dict[str, str | None] = {}
        self._found: dict[str, list[bytes]] = {}
        self._attestations: list[bytes] = []

    def shards(self) -> list[dict[str, Any]]:
        shards: list[dict[str, Any]] = self.kinesis.list_shards(StreamName="clickstream")["Shards"]
        return sorted(shards, key=lambda shard: shard["ShardId"])

    def open_shards(self) -> list[dict[str, Any]]:
        return [shard for shard in self.shards() if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]

    def read(self) -> list[bytes]:
        """Return the lines so far that a consumer accepts."""
        for shard in self.shards():
            self._read_shard(shard)
        return [line for _, lines in sorted(self._found.items()) for line in lines]

    def _read_shard(self, shard: dict[str, Any]) -> None:
        shard_id = shard["ShardId"]
        if shard_id not in self._iterators:
            self._iterators[shard_id] = self.kinesis.get_shard_iterator(
                StreamName="clickstream", ShardId=shard_id, ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
        while iterator := self._iterators[shard_id]:
            answer = self.kinesis.get_records(ShardIterator=iterator, Limit=10_000)
            self._iterators[shard_id] = answer.get("NextShardIterator")
            for record in answer["Records"]:
                self._accept(shard, record)
            if not answer["Records"]:
                return

    def _accept(self, shard: dict[str, Any], record: dict[str, Any]) -> None:
        users = user_records(record["Data"], record["PartitionKey"])
        bounds = shard["HashKeyRange"]
        if foreign_records(users, int(bounds["StartingHashKey"]), int(bounds["EndingHashKey"])):
            return
        for user in users:
            if b'"event_id":"' + self._name + b"-" in user.data:
                self._found.setdefault(shard["ShardId"], []).append(user.data)
            elif read_attestation(user.data) is not None:
                self._attestations.append(user.data)

    def check_order(self) -> None:
        """Assert that the lines of each user first arrived in the order of their numbers."""
        numbers: dict[str, list[int]] = {}
        for line in dict.fromkeys(self.read()):
            event = msgspec.json.decode(line)
            numbers.setdefault(event["user_id"], []).append(event["producer_seq"])
        assert len(numbers) == USERS
        assert all(found == sorted(found) for found in numbers.values())

    def check_attested(self, count: int) -> None:
        """Assert that the attestations of the sender, copies apart, attest each of its lines once."""
        lines = {msgspec.json.decode(line)["producer_seq"]: line for line in self.read()}
        producer_id = msgspec.json.decode(lines[0])["producer_id"]
        attestations = [a for data in dict.fromkeys(self._attestations) if (a := read_attestation(data)) is not None]
        attestations = [a for a in attestations if a.producer_id == producer_id]
        attested = [seq for a in attestations for seq in range(a.first_seq, a.last_seq + 1)]
        assert sorted(attested) == list(range(count))
        for a in attestations:
            digests = [line_digest(lines[seq]) for seq in range(a.first_seq, a.last_seq + 1)]
            assert (a.count, a.digest) == (len(digests), digest_text(sum(digests)))


def test_a_producer_that_is_killed_and_resumed_skips_nothing_and_repeats_at_most_a_window(
    emulator: LocalStack, tmp_path: Path, wait_until: WaitUntil
) -> None:
    count = 100_000
    stream, sender = StreamReader(emulator, "killed"), Sender(emulator, tmp_path, "killed", count)
    kills = (5_000, 30_000, 70_000)
    for lines in kills:
        process = sender.start()
        wait_until(lambda lines=lines: len(set(stream.read())) > lines, 60)  # type: ignore[misc]
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert json.loads((tmp_path / "position.json").read_bytes())["settled"] <= len(set(stream.read()))
    summary = sender.run()
    found = Counter(stream.read())
    assert len(found) == count
    assert summary["sent"] < count and summary["failed"] == 0
    assert found.total() - count <= len(kills) * WINDOW_LINES
    stream.check_order()
    stream.check_attested(count)
    again = sender.run()
    assert (again["sent"], again["attestations"]) == (0, 0)
    assert len(stream.read()) == found.total()


def test_an_attestation_that_a_killed_run_may_not_have_put_is_put_as_it_was(
    emulator: LocalStack, tmp_path: Path
) -> None:
    count = 500
    stream, sender = StreamReader(emulator, "attested"), Sender(emulator, tmp_path, "attested", count)
    stamper = Stamper("a producer of before")
    for number in range(200):
        user = f"attested-{number % USERS}"
        stamper.stamp(f'{{"event_id":"attested-{number}","user_id":"{user}"}}'.encode())
    attestation = Attestor(stamper.producer_id, 0, 0).attest(stamper.stamped, HOUR_US, is_last=False)
    assert attestation is not None
    text = encode_attestation(attestation).decode()
    position = Position(
        fingerprint={"count": str(count)},
        producer_id=stamper.producer_id,
        unattested_seq=200,
        attestations=(LeftAttestation(200, text),),
    )
    (tmp_path / "position.json").write_bytes(msgspec.json.encode(position))
    assert sender.run()["attestations"] == 2
    stream.check_attested(count)


def test_a_run_that_a_closed_stream_ended_is_attested_once_when_it_goes_on(
    emulator: LocalStack, tmp_path: Path, wait_until: WaitUntil
) -> None:
    count = 30_000
    stream, sender = StreamReader(emulator, "reopened"), Sender(emulator, tmp_path, "reopened", count, rate=6_000)
    process = sender.start()
    wait_until(lambda: len(stream.read()) > 3_000, 60)
    emulator.inject(**{"kinesis.PutRecords": {"error": "AccessDeniedException", "status": 400, "times": 100}})
    _, told = output_of(process)
    assert process.returncode == 1 and "are saved in" in told
    emulator.clear_faults()
    assert sender.run()["resent"] > 0
    assert len(set(stream.read())) == count
    stream.check_attested(count)


def test_a_resumed_run_with_other_lines_is_refused(emulator: LocalStack, tmp_path: Path) -> None:
    Sender(emulator, tmp_path, "first", 10).run()
    process = Sender(emulator, tmp_path, "first", 11).start()
    _, told = output_of(process)
    assert process.returncode == 1 and "count was 10, now it is 11" in told


def test_calls_and_records_that_fail_in_every_way_lose_nothing_and_keep_the_order(
    emulator: LocalStack, tmp_path: Path
) -> None:
    count = 40_000
    stream = StreamReader(emulator, "failing")
    throttled = "ProvisionedThroughputExceededException"
    emulator.inject(
        **{
            "kinesis.PutRecords": [
                {"error": "InternalFailure", "applied": True},
                {"ratio": 0.5, "times": 5},
                {"after": 2, "ratio": 0.7, "record_error": throttled, "times": 3},
                {"error": throttled},
                {"error": "KMSThrottlingException"},
                {"after": 3, "error": "ServiceUnavailable", "applied": True, "times": 2},
                {"fail_records": [0], "times": 3},
            ]
        }
    )
    summary = Sender(emulator, tmp_path, "failing", count).run()
    found = Counter(stream.read())
    assert len(found) == summary["sent"] == count < found.total()
    assert summary["failed"] == 0 and summary["retried"] > summary["throttled"] > 2
    assert emulator.struck("kinesis.PutRecords") == 16
    stream.check_order()
    stream.check_attested(count)


def test_shards_that_are_split_and_merged_in_mid_run_lose_nothing_and_keep_the_order(
    emulator: LocalStack, tmp_path: Path, wait_until: WaitUntil
) -> None:
    count = 24_000
    stream = StreamReader(emulator, "resharded")
    sender = Sender(emulator, tmp_path, "resharded", count, rate=4_000)
    process = sender.start()
    for lines in (2_000, 9_000):
        wait_until(lambda lines=lines: len(stream.read()) > lines, 60)  # type: ignore[misc]
        first = stream.open_shards()[0]
        bounds = first["HashKeyRange"]
        middle = (int(bounds["StartingHashKey"]) + int(bounds["EndingHashKey"])) // 2
        stream.kinesis.split_shard(
            StreamName="clickstream", ShardToSplit=first["ShardId"], NewStartingHashKey=str(middle + 1)
        )
    wait_until(lambda: len(stream.read()) > 15_000, 60)
    left, right = sorted(stream.open_shards(), key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))[:2]
    stream.kinesis.merge_shards(
        StreamName="clickstream", ShardToMerge=left["ShardId"], AdjacentShardToMerge=right["ShardId"]
    )
    summary = sender.finish(process)
    found = Counter(stream.read())
    assert len(found) == found.total() == count
    assert (summary["sent"], summary["failed"]) == (count, 0)
    assert summary["remapped"] > 0
    stream.check_order()
    stream.check_attested(count)


def test_what_a_closed_stream_left_in_the_spool_is_sent_by_the_next_run_once(
    emulator: LocalStack, tmp_path: Path
) -> None:
    stream = StreamReader(emulator, "spooled")
    emulator.inject(**{"kinesis.PutRecords": {"error": "AccessDeniedException", "status": 400, "times": 100}})
    process = Sender(emulator, tmp_path, "spooled", 3_000).start()
    _, told = output_of(process)
    assert process.returncode == 1 and "are saved in" in told
    emulator.clear_faults()
    assert stream.read() == []
    saved = spooled_lines(tmp_path)
    # Two at once: one of them sends it.
    (tmp_path / "position.json").unlink()
    both = [Sender(emulator, tmp_path / name, name, 100) for name in ("one", "two")]
    for sender in both:
        sender._environment["CLICKSTREAM_STATE_DIR"] = str(tmp_path)
    processes = [sender.start() for sender in both]
    resent = [sender.finish(process)["resent"] for sender, process in zip(both, processes, strict=True)]
    found = stream.read()
    assert sorted(line for line in saved if b"event_id" in line) == sorted(found)
    assert sorted(resent) == [0, len(found)]
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_stream_that_takes_nothing_leaves_the_spool_as_it_is(emulator: LocalStack, tmp_path: Path) -> None:
    emulator.inject(**{"kinesis.PutRecords": {"error": "AccessDeniedException", "status": 400, "times": 100}})
    Sender(emulator, tmp_path, "kept", 500).start().communicate(timeout=60)
    (path,) = (tmp_path / "spool").glob("*.ndjson")
    before = path.read_bytes()
    process = Sender(emulator, tmp_path, "kept", 500).start()
    _, told = output_of(process)
    assert process.returncode == 1 and "takes no records" in told
    assert [found.read_bytes() for found in (tmp_path / "spool").iterdir()] == [before]


def test_what_no_stream_takes_stays_in_the_spool_and_is_told(emulator: LocalStack, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool" / "old.ndjson", "local/clickstream")
    spool.save([(Record("ana", b"x" * (1 << 20), 1), "too large"), (Record("ana", b'{"event_id":"rest-1"}', 1), "no")])
    spool.close()
    process = Sender(emulator, tmp_path, "large", 10).start()
    summary, told = finish(process)
    assert process.returncode == 0
    assert summary["resent"] == 1
    assert f"1 records in 1 files of {tmp_path / 'spool'} can never be sent" in told
    assert [spooled.reason for spooled in read_spool(spool.path)] == ["too large"]
    assert len(StreamReader(emulator, "rest").read()) == 1


def test_what_can_again_not_be_sent_stays_in_the_spool_and_is_told(emulator: LocalStack, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool" / "old.ndjson", "local/clickstream")
    spool.save([(Record("ana", b'{"event_id":"again-1"}', 1), "no")])
    spool.close()
    # As often as a record is tried; then the stream takes all.
    emulator.inject(**{"kinesis.PutRecords": {"ratio": 1.0, "record_error": "InternalFailure", "times": 8}})
    process = Sender(emulator, tmp_path, "first", 10).start()
    summary, told = finish(process)
    assert process.returncode == 0
    assert summary["resent"] == 0
    assert "1 events in" in told and "InternalFailure" in told and "are sent" not in told
    assert [spooled.lines for spooled in read_spool(spool.path)] == [1]


def test_the_program_of_the_documentation_sends_its_event_and_attests_it(emulator: LocalStack, tmp_path: Path) -> None:
    docs = (Path(__file__).parents[3] / "docs" / "producers.md").read_text(encoding="utf-8")
    program = docs.partition("```python\n")[2].partition("```")[0]
    stream = StreamReader(emulator, "0193f2a0")
    here = {"CLICKSTREAM_STATE_DIR": str(tmp_path)}
    process = start(emulator.environment | here, program=(sys.executable, "-c", program))
    out, told = output_of(process)
    assert (process.returncode, out) == (0, "1\n"), told
    stream.check_attested(1)
