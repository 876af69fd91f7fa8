"""The producer against a stream that throttles, fails and comes back: every line is sent or saved, never lost."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random
from threading import Event, Lock, Thread
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError

from producers.batching import MAX_RECORD_BYTES, Record
from producers.lanes import Lanes
from producers.lines import Line
from producers.pacing import Backoff
from producers.producer import Producer
from producers.put import put_records, write_bodies_directly
from producers.results import Refused, Result, Taken
from producers.routing import Shard, address_of
from producers.sinks import WINDOW_LINES
from producers.spool import Spool, SpooledRecord, read_spool
from producers.stamping import Stamper
from schemas.attestation import digest_text, line_digest, read_attestation
from schemas.codec import decode
from schemas.errors import WorkFailedError
from schemas.event import ClickEvent, Rejection
from schemas.hash_keys import MAX_HASH_KEY
from schemas.instants import HOUR_US, parse_instant_us
from schemas.kpl import foreign_records, payloads, user_records

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient
    from mypy_boto3_kinesis.type_defs import PutRecordsOutputTypeDef, PutRecordsRequestEntryTypeDef

HALF = (MAX_HASH_KEY + 1) // 2
SHARDS = [Shard("shard-0", 0, HALF - 1), Shard("shard-1", HALF, MAX_HASH_KEY)]
THROTTLED = "ProvisionedThroughputExceededException"
NOON_US = parse_instant_us("2026-11-24T12:00:00Z")
# The number of a call and what it puts -> the places of the records that fail, or what is raised.
Plan = Callable[[int, Sequence[bytes]], set[int] | BaseException]


def call_error(code: str, status: int) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "PutRecords")


class FakeStream:
    """Keeps what it takes; each call first asks the plan which records to fail, or what to raise."""

    def __init__(self, plan: Plan) -> None:
        self.taken: list[bytes] = []
        self.calls = 0
        self._plan = plan

    def put_records(
        self, *, StreamName: str, Records: Sequence[PutRecordsRequestEntryTypeDef]
    ) -> PutRecordsOutputTypeDef:
        call, self.calls = self.calls, self.calls + 1
        failing = self._plan(call, [bytes(record["Data"]) for record in Records])  # type: ignore[arg-type]
        if isinstance(failing, BaseException):
            raise failing
        results: list[Any] = []
        for place, record in enumerate(Records):
            if place in failing:
                results.append({"ErrorCode": THROTTLED, "ErrorMessage": "slow down"})
            else:
                self.taken.append(bytes(record["Data"]))  # type: ignore[arg-type]
                hash_key = address_of(record["PartitionKey"], record.get("ExplicitHashKey"))
                results.append({"SequenceNumber": "1", "ShardId": f"shard-{hash_key // HALF}"})
        answer: Any = {"FailedRecordCount": len(failing), "Records": results}
        return answer  # type: ignore[no-any-return]


class Harness:
    def __init__(self, folder: Path, plan: Plan, *, aggregate: bool = False, backoff: Backoff | None = None) -> None:
        self.wall_us = NOON_US
        self.stream = FakeStream(plan)
        self.spool = Spool(folder / "spool" / "run.ndjson", "local/clickstream")
        self.stamper = Stamper("p1")
        self.noted: list[tuple[bytes, int, int]] = []
        backoff = backoff or Backoff(tries=5, first_s=0.001, longest_s=0.002)
        self.producer = Producer(
            Lanes(SHARDS, backoff, time.monotonic, lambda: 0.5, aggregate=aggregate),
            partial(put_records, self.stream, "clickstream"),
            lambda: SHARDS,
            self.spool,
            self.stamper,
            backoff=backoff,
            clock=time.monotonic,
            wall_us=lambda: self.wall_us,
            uniform=lambda: 0.5,
            on_attest=lambda *noted: self.noted.append(noted),
        )

    def put(self, count: int, user: str = "") -> list[bytes]:
        data = [f"event {number}".encode() for number in range(count)]
        for number, line in enumerate(data):
            self.producer.put_line(Line(user or f"user-{number % 7}", line))
        return data

    @property
    def sent(self) -> list[bytes]:
        return [line for blob in self.stream.taken for line in payloads(blob)]

    @property
    def spooled(self) -> list[SpooledRecord]:
        return list(read_spool(self.spool.path)) if self.spool.path.exists() else []

    @property
    def saved(self) -> list[bytes]:
        return [line for record in self.spooled for line in payloads(record.record().data)]


Open = Callable[..., Harness]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    made: list[Harness] = []

    def make(*arguments: Any, **options: Any) -> Harness:
        made.append(Harness(tmp_path, *arguments, **options))
        return made[-1]

    yield make
    for harness in made:
        try:
            harness.producer.close()
        except WorkFailedError:
            assert harness.producer.tally.failed


def nothing_fails(_call: int, _records: Sequence[bytes]) -> set[int]:
    return set()


@pytest.mark.parametrize("aggregate", [True, False])
def test_every_line_is_sent_once_when_nothing_fails(opened: Open, aggregate: bool) -> None:
    harness = opened(nothing_fails, aggregate=aggregate)
    data = harness.put(1200)
    harness.producer.flush()
    tally = harness.producer.tally
    assert sorted(harness.sent) == sorted(data)
    assert (tally.sent, tally.failed, tally.retried) == (1200, 0, 0)
    assert (tally.records, tally.bytes) == (len(harness.stream.taken), sum(map(len, harness.stream.taken)))
    assert harness.producer.settled == 1200
    assert not harness.spool.path.exists()


def test_only_the_failed_records_are_put_again(opened: Open) -> None:
    harness = opened(lambda call, records: set(range(0, len(records), 3)) if call < 4 else set())
    data = harness.put(30, user="ana")
    harness.producer.flush()
    tally = harness.producer.tally
    assert sorted(harness.sent) == sorted(data)
    assert tally.sent == tally.records == 30
    assert tally.retried == tally.throttled > 0


@pytest.mark.parametrize(
    "error",
    [
        call_error(THROTTLED, 400),
        call_error("Whatever", 503),
        call_error("TooMany", 429),
        EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
        ReadTimeoutError(endpoint_url="http://127.0.0.1:1"),
    ],
)
def test_a_call_that_fails_as_a_whole_is_made_again(opened: Open, error: Exception) -> None:
    harness = opened(lambda call, _: error if call < 2 else set())
    data = harness.put(10, user="ana")
    harness.producer.flush()
    assert harness.sent == data
    assert harness.producer.tally.retried >= 2
    assert (harness.producer.tally.sent, harness.producer.tally.failed) == (10, 0)


def test_a_record_that_is_never_taken_is_saved_and_the_others_go_on(opened: Open) -> None:
    backoff = Backoff(throttled_s=0.4, first_s=0.001, longest_s=0.002)
    harness = opened(lambda _, records: {i for i, data in enumerate(records) if data == b"event 4"}, backoff=backoff)
    first = harness.put(5, user="ana")
    harness.producer.flush()
    harness.put(3, user="ana")
    harness.producer.flush()
    tally = harness.producer.tally
    assert (tally.sent, tally.failed, tally.first_failure) == (7, 1, f"{THROTTLED}: slow down")
    assert tally.throttled > 2
    assert harness.saved == [first[4]]
    assert harness.producer.settled == 8


@pytest.mark.parametrize("error", [call_error("ServiceUnavailable", 503), call_error(THROTTLED, 400)])
def test_a_stream_that_takes_nothing_ends_the_work_with_everything_saved(opened: Open, error: Exception) -> None:
    backoff = Backoff(tries=3, throttled_s=0.01, first_s=0.001, longest_s=0.002)
    harness = opened(lambda *_: error, backoff=backoff)
    data = harness.put(499)
    with pytest.raises(WorkFailedError, match="takes no records"):
        harness.producer.flush()
    assert sorted(harness.saved) == sorted(data)
    assert (harness.producer.tally.sent, harness.producer.tally.failed) == (0, 499)
    with pytest.raises(WorkFailedError, match="takes no records"):
        harness.producer.put_line(Line("ana", b"after"))
    assert harness.saved[-1] == b"after" and harness.producer.tally.failed == 500
    assert harness.producer.settled == 500


@pytest.mark.parametrize("error", [call_error("AccessDeniedException", 400), NoCredentialsError()])
def test_an_error_that_trying_again_does_not_mend_is_not_tried_again(opened: Open, error: Exception) -> None:
    harness = opened(lambda *_: error)
    data = harness.put(4, user="ana")
    with pytest.raises(WorkFailedError):
        harness.producer.flush()
    assert harness.stream.calls == 1
    assert harness.saved == data


def test_aggregates_are_saved_with_their_address_and_number_of_events(opened: Open) -> None:
    harness = opened(lambda *_: call_error("AccessDeniedException", 400), aggregate=True)
    data = harness.put(50)
    with pytest.raises(WorkFailedError):
        harness.producer.flush()
    assert sum(record.lines for record in harness.spooled) == harness.producer.tally.failed == 50
    assert {record.explicit_hash_key for record in harness.spooled} == {"0", str(HALF)}
    assert sorted(harness.saved) == sorted(data)
    assert "AccessDenied" in harness.producer.tally.first_failure


def test_an_interrupt_while_a_call_is_under_way_saves_what_was_held(opened: Open) -> None:
    begun, released = Event(), Event()

    def hang(_call: int, _records: Sequence[bytes]) -> set[int]:
        begun.set()
        released.wait(10)
        return set()

    harness = opened(hang)
    data = harness.put(10, user="ana")

    class Interrupted(BaseException):
        pass

    def interrupt() -> None:
        raise Interrupted

    # What Ctrl-C does to the thread that waits.
    assert begun.wait(10)
    harness.producer._changed.wait = interrupt  # type: ignore[method-assign, assignment]
    with pytest.raises(Interrupted):
        harness.producer.flush()
    released.set()
    assert harness.saved == data and harness.producer.tally.failed == 10


def test_a_fault_of_the_sender_reaches_whoever_flushes_and_loses_nothing(opened: Open) -> None:
    harness = opened(lambda *_: ZeroDivisionError("a fault of ours"))
    data = harness.put(10, user="ana")
    with pytest.raises(WorkFailedError, match="a fault of ours") as raised:
        harness.producer.flush()
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    assert harness.saved == data


def test_what_no_stream_can_take_is_saved_without_a_call(opened: Open) -> None:
    harness = opened(nothing_fails, aggregate=True)
    large = b"x" * MAX_RECORD_BYTES
    lines = [
        Line("ana", large),
        Line("ana", b"small"),
        Line("", b"no key"),
        Line("k" * 257, b"a long key"),
        Line("ana", b"a bad hash key", None, "12x"),
        Line("ana", b"a high hash key", None, str(MAX_HASH_KEY + 1)),
    ]
    for line in lines:
        harness.producer.put_line(line)
    harness.producer.flush()
    assert harness.sent == [b"small"]
    assert harness.saved == [large, b"no key", b"a long key", b"a bad hash key", b"a high hash key"]
    assert (harness.producer.tally.sent, harness.producer.tally.failed) == (1, 5)
    assert "a record may hold" in harness.producer.tally.first_failure
    assert harness.producer.settled == len(lines)


def test_a_line_is_held_no_longer_than_the_bound(
    opened: Open, wait_until: Callable[[Callable[[], bool], float], None]
) -> None:
    harness = opened(nothing_fails, aggregate=True)
    began_s = time.monotonic()
    harness.put(3, user="ana")
    assert harness.stream.calls == 0
    wait_until(lambda: harness.producer.settled == 3, 10)
    assert time.monotonic() - began_s >= 0.09
    assert harness.stream.calls == 1


def test_a_put_waits_while_the_window_is_full(opened: Open) -> None:
    released = Event()

    def wait(_call: int, _records: Sequence[bytes]) -> set[int]:
        released.wait(30)
        return set()

    harness = opened(wait, aggregate=True)
    harness.put(WINDOW_LINES)
    last = Thread(target=harness.put, args=(1,))
    last.start()
    last.join(0.2)
    assert last.is_alive()
    released.set()
    last.join(30)
    harness.producer.flush()
    assert len(harness.sent) == WINDOW_LINES + 1


def test_a_put_that_waits_for_room_ends_when_the_stream_fails(opened: Open) -> None:
    released = Event()

    def fail(_call: int, _records: Sequence[bytes]) -> BaseException:
        released.wait(30)
        return call_error("AccessDeniedException", 400)

    harness = opened(fail, aggregate=True)
    harness.put(WINDOW_LINES)
    failures: list[WorkFailedError] = []

    def put_one() -> None:
        try:
            harness.put(1)
        except WorkFailedError as error:
            failures.append(error)

    last = Thread(target=put_one)
    last.start()
    released.set()
    last.join(30)
    assert len(failures) == 1
    with pytest.raises(WorkFailedError):
        harness.producer.flush()
    assert len(harness.saved) == WINDOW_LINES + 1


class ChangingStream:
    """Answers at random, after a short while, and splits its first shard now and then; read as by a KCL consumer."""

    def __init__(self, seed: int) -> None:
        self.shards = list(SHARDS)
        self.read: list[bytes] = []
        self._random = Random(seed)
        self._lock = Lock()
        self.calls = 0

    def list_shards(self) -> list[Shard]:
        with self._lock:
            return list(self.shards)

    def put(self, records: Sequence[Record]) -> list[Result]:
        time.sleep(self._random.random() * 0.003)
        with self._lock:
            self.calls += 1
            if self.calls % 12 == 0:
                self._split(self._random.randrange(len(self.shards)))
            drawn = self._random.random()
            if drawn < 0.1:
                return [Refused("no answer", is_whole_call=True)] * len(records)
            results: list[Result] = [
                Refused("no") if drawn < 0.4 and self._random.random() < 0.5 else self._take(record)
                for record in records
            ]
            return [Refused("answer lost", is_whole_call=True)] * len(records) if drawn > 0.9 else results

    def _split(self, place: int) -> None:
        old = self.shards[place]
        if not old.is_open:
            return
        middle = (old.start + old.end) // 2
        self.shards[place] = Shard(old.shard_id, old.start, old.end, is_open=False)
        self.shards.append(Shard(f"{old.shard_id}0", old.start, middle))
        self.shards.append(Shard(f"{old.shard_id}1", middle + 1, old.end))

    def _take(self, record: Record) -> Taken:
        hash_key = address_of(record.partition_key, record.explicit_hash_key)
        shard = next(shard for shard in self.shards if shard.is_open and shard.owns(hash_key))
        users = user_records(record.data, record.partition_key)
        foreign = foreign_records(users, shard.start, shard.end)
        self.read += [user.data for user in users if user not in foreign]
        return Taken(shard.shard_id)


@pytest.mark.parametrize("seed", range(5))
def test_threads_that_put_into_a_stream_that_fails_and_splits_lose_nothing_and_keep_their_order(seed: int) -> None:
    stream = ChangingStream(seed)
    backoff = Backoff(tries=1000, throttled_s=60, first_s=0.001, longest_s=0.002)
    spool = Spool(Path("unused"), "local/clickstream")
    producer = Producer(
        Lanes(SHARDS, backoff, time.monotonic, lambda: 0.5),
        stream.put,
        stream.list_shards,
        spool,
        Stamper("p1"),
        backoff=backoff,
        clock=time.monotonic,
        wall_us=lambda: NOON_US,
        uniform=lambda: 0.5,
    )

    def put(thread: int) -> None:
        for number in range(4000):
            user = f"{thread}-{number % 8}"
            producer.put_line(Line(user, f"{user} {number}".encode()))
            if number % 50 == thread:
                producer.flush()

    threads = [Thread(target=put, args=(thread,)) for thread in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    producer.close()
    first = dict.fromkeys(stream.read)
    for user, place in ((f"{thread}-{place}", place) for thread in range(6) for place in range(8)):
        found = [line for line in first if line.startswith(f"{user} ".encode())]
        assert found == [f"{user} {number}".encode() for number in range(place, 4000, 8)]
    assert (producer.tally.sent, producer.settled) == (24_000, 24_000)
    assert producer.tally.remapped > 0


def body_of(client: KinesisClient, records: Sequence[Record]) -> Any:
    """Return the body that a client would send."""
    bodies = []

    def answer(params: dict[str, Any], **_: object) -> tuple[Any, Any]:
        bodies.append(params["body"])
        return SimpleNamespace(status_code=200), {"Records": [{"ShardId": "shard-0"}] * len(records)}

    client.meta.events.register_last("before-call.kinesis.PutRecords", answer)  # type: ignore[arg-type]
    assert put_records(client, "click.stream_1", records) == [Taken("shard-0")] * len(records)
    return json.loads(bodies[0])


def test_a_body_that_is_written_directly_says_what_the_general_serialiser_says() -> None:
    records = [
        Record("ana", bytes(range(256)), 1),
        Record('ü "quoted" \\ \n \x01', b"", 1, "17"),
        Record("ben", b"\xf3\x89", 7, str(MAX_HASH_KEY), is_aggregate=True),
    ]
    make = partial(boto3.client, "kinesis", region_name="us-east-1")
    direct: KinesisClient = make(config=Config(parameter_validation=False))
    write_bodies_directly(direct)
    assert body_of(direct, records) == body_of(make(), records)


def an_event(user: str, number: int) -> ClickEvent:
    return ClickEvent(
        event_id=f"{user}-{number}",
        user_id=user,
        session_id="s",
        event_type="click",
        event_timestamp_us=NOON_US,
        producer_id="somebody else",
        producer_seq=7,
    )


def test_events_put_by_several_threads_are_stamped_and_attested(opened: Open) -> None:
    harness = opened(nothing_fails, aggregate=True)

    def put(user: str) -> None:
        for number in range(200):
            harness.producer.put(an_event(user, number))

    threads = [Thread(target=put, args=(user,)) for user in ("ana", "ben", "eva")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    harness.producer.close()
    *lines, last = harness.sent
    attestation = read_attestation(last)
    assert attestation is not None and attestation.is_last
    assert (attestation.first_seq, attestation.last_seq, attestation.count) == (0, 599, 600)
    assert attestation.digest == digest_text(sum(map(line_digest, lines)))
    events = [event for line in lines if not isinstance(event := decode(line, NOON_US), Rejection)]
    assert {(event.producer_id, event.producer_seq) for event in events} == {("p1", seq) for seq in range(600)}
    for user in ("ana", "ben", "eva"):
        assert [e.event_id for e in events if e.user_id == user] == [f"{user}-{number}" for number in range(200)]
    assert (harness.producer.tally.sent, harness.producer.tally.attestations) == (600, 1)


def test_an_hour_that_ends_is_attested_without_a_further_put(
    opened: Open, wait_until: Callable[[Callable[[], bool], float], None]
) -> None:
    harness = opened(nothing_fails, aggregate=True)
    harness.producer.put(an_event("ana", 1))
    harness.producer.flush()
    harness.wall_us += HOUR_US
    harness.put(1)
    wait_until(lambda: harness.producer.tally.attestations == 1, 10)
    harness.producer.put(an_event("ana", 2))
    harness.producer.close()
    found = [a for line in harness.sent if (a := read_attestation(line)) is not None]
    assert [(a.send_hour, a.first_seq, a.count, a.is_last) for a in found] == [
        ("2026-11-24T12:00:00.000000Z", 0, 1, False),
        ("2026-11-24T13:00:00.000000Z", 1, 1, True),
    ]


def test_lines_without_a_stamp_are_not_attested(opened: Open) -> None:
    harness = opened(nothing_fails, aggregate=True)
    harness.put(3)
    harness.producer.close()
    assert len(harness.sent) == 3 and harness.producer.tally.attestations == 0


def test_a_stream_that_takes_nothing_leaves_the_attestation_in_the_spool(opened: Open) -> None:
    harness = opened(lambda *_: call_error("AccessDeniedException", 400), aggregate=True)
    harness.producer.put(an_event("ana", 1))
    with pytest.raises(WorkFailedError):
        harness.producer.close()
    event, attestation = harness.spooled
    assert (event.lines, attestation.lines) == (1, 0)
    read = read_attestation(attestation.record().data)
    assert read is not None and read.count == 1
    assert harness.producer.tally.failed == 1
    # So that a run which goes on does not attest the same once more.
    assert harness.noted == [(attestation.record().data, 1, 1)]


def test_lines_whose_attestation_is_all_that_is_missing_are_attested(opened: Open) -> None:
    harness = opened(nothing_fails, aggregate=True)
    # As a run that goes on behind the last line does.
    lines = [harness.stamper.stamp(b'{"event_id":"%d"}' % number) for number in range(3)]
    harness.producer.close()
    (attestation,) = map(read_attestation, harness.sent)
    assert attestation is not None and attestation.count == 3
    assert attestation.digest == digest_text(sum(map(line_digest, lines)))


def test_what_can_neither_be_sent_nor_saved_is_told_and_ends_the_work(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "spool").write_bytes(b"a file where the folder should be")
    harness = opened(lambda *_: call_error("AccessDeniedException", 400), aggregate=True)
    harness.put(10)
    with pytest.raises(WorkFailedError, match="cannot be saved"):
        harness.producer.flush()
    assert (harness.producer.tally.failed, harness.producer.tally.lost) == (10, 10)


def test_what_can_not_be_saved_while_other_lines_wait_ends_the_work_and_all_is_counted(
    opened: Open, tmp_path: Path
) -> None:
    (tmp_path / "spool").write_bytes(b"a file where the folder should be")
    harness = opened(nothing_fails, aggregate=True)
    harness.put(10)
    harness.producer.put_line(Line("", b"no stream takes this"))
    with pytest.raises(WorkFailedError, match="cannot be saved"):
        harness.producer.flush()
    tally = harness.producer.tally
    assert (tally.sent, tally.failed, tally.lost) == (0, 11, 11)


def test_a_disk_that_is_full_is_told_as_what_it_is(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "run.ndjson").symlink_to("/dev/full")
    harness = opened(lambda *_: call_error("AccessDeniedException", 400), aggregate=True)
    harness.put(10)
    with pytest.raises(WorkFailedError, match="cannot be saved"):
        harness.producer.close()
    assert (harness.producer.tally.failed, harness.producer.tally.lost) == (10, 10)


def test_of_what_is_put_while_it_closes_all_that_is_taken_is_sent_and_attested(opened: Open) -> None:
    for _ in range(20):
        harness = opened(nothing_fails, aggregate=True)
        taken = 0

        def put(harness: Harness = harness) -> None:
            nonlocal taken
            while True:
                try:
                    harness.producer.put(an_event("ana", taken))
                except WorkFailedError:
                    return
                taken += 1

        thread = Thread(target=put)
        thread.start()
        time.sleep(0.01)
        harness.producer.close()
        thread.join()
        attestation = read_attestation(harness.sent[-1])
        assert harness.producer.tally.sent == taken
        assert attestation is not None and attestation.last_seq == taken - 1


def test_shards_that_cannot_be_listed_are_asked_for_again_at_the_pace_of_the_backoff(tmp_path: Path) -> None:
    asked: list[float] = []

    def list_shards() -> list[Shard]:
        asked.append(time.monotonic())
        raise WorkFailedError("too busy")

    backoff = Backoff(tries=5, first_s=0.2, longest_s=0.2)
    producer = Producer(
        Lanes(SHARDS, backoff, time.monotonic, lambda: 0.5),
        lambda records: [Taken("a new shard")] * len(records),
        list_shards,
        Spool(tmp_path / "spool" / "run.ndjson", "local/clickstream"),
        Stamper("p1"),
        backoff=backoff,
        clock=time.monotonic,
        wall_us=lambda: NOON_US,
        uniform=lambda: 0.5,
    )
    # Lines that wait meanwhile become due, which wakes whoever waits for something to do.
    with pytest.raises(WorkFailedError, match="shards are not known: too busy"):
        for number in range(100_000):
            producer.put_line(Line(f"user-{number % 7}", b"x" * 20_000))
            time.sleep(0.001)
    assert len(asked) == 5
    assert asked[-1] - asked[0] >= 4 * 0.1
    with pytest.raises(WorkFailedError):
        producer.close()


def test_what_is_closed_takes_nothing_more(opened: Open) -> None:
    harness = opened(nothing_fails)
    with harness.producer:
        harness.put(1)
    harness.producer.close()
    with pytest.raises(WorkFailedError, match="closed"):
        harness.put(1)
