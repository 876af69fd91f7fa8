"""The put path against a stream that throttles, fails and comes back: every line is sent or saved, never lost."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError

from producers.batching import MAX_RECORD_BYTES, Batcher, Record
from producers.lines import Line
from producers.producer import MAX_BUFFERED_S, Producer
from producers.put import Backoff, Putter
from producers.routing import Router, Shard
from producers.spool import Spool, read_spool
from schemas.errors import WorkFailedError
from schemas.kpl import payloads

if TYPE_CHECKING:
    from mypy_boto3_kinesis.type_defs import PutRecordsOutputTypeDef, PutRecordsRequestEntryTypeDef

ROUTER = Router([Shard("shard-0", 0), Shard("shard-1", 1 << 127)])
THROTTLED = "ProvisionedThroughputExceededException"


def call_error(code: str, status: int) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "PutRecords")


class FakeStream:
    """Keeps what it takes; each call first asks the plan which records to fail, or what to raise."""

    def __init__(self, plan: Callable[[int, int], set[int] | Exception]) -> None:
        self.taken: list[bytes] = []
        self.calls = 0
        self._plan = plan

    def put_records(
        self, *, StreamName: str, Records: Sequence[PutRecordsRequestEntryTypeDef]
    ) -> PutRecordsOutputTypeDef:
        failing = self._plan(self.calls, len(Records))
        self.calls += 1
        if isinstance(failing, Exception):
            raise failing
        results: list[Any] = []
        for place, record in enumerate(Records):
            if place in failing:
                results.append({"ErrorCode": THROTTLED, "ErrorMessage": "slow down"})
            else:
                self.taken.append(bytes(record["Data"]))  # type: ignore[arg-type]
                results.append({"SequenceNumber": "1", "ShardId": "shard-0"})
        answer: Any = {"FailedRecordCount": len(failing), "Records": results}
        return answer  # type: ignore[no-any-return]


class Harness:
    def __init__(
        self, folder: Path, plan: Callable[[int, int], set[int] | Exception], *, aggregate: bool = False, tries: int = 5
    ) -> None:
        self.now_s = 0.0
        self.waits: list[float] = []
        self.stream = FakeStream(plan)
        self.spool = Spool(folder / "spool" / "run.ndjson")
        putter = Putter(self.stream, "clickstream", Backoff(tries=tries), self.waits.append, lambda: 0.5)
        self.producer = Producer(Batcher(ROUTER, aggregate=aggregate), putter, self.spool, lambda: self.now_s)

    def put(self, count: int) -> list[bytes]:
        data = [f"event {number}".encode() for number in range(count)]
        for number, line in enumerate(data):
            self.producer.put(Line(f"user-{number % 7}", line))
        return data

    @property
    def sent(self) -> list[bytes]:
        return [line for blob in self.stream.taken for line in payloads(blob)]

    @property
    def saved(self) -> list[bytes]:
        spooled = read_spool(self.spool.path) if self.spool.path.exists() else ()
        return [line for record in spooled for line in payloads(record.record().data)]


def nothing_fails(_call: int, _count: int) -> set[int]:
    return set()


@pytest.mark.parametrize("aggregate", [True, False])
def test_every_line_is_sent_once_when_nothing_fails(tmp_path: Path, aggregate: bool) -> None:
    harness = Harness(tmp_path, nothing_fails, aggregate=aggregate)
    data = harness.put(1200)
    harness.producer.flush()
    tally = harness.producer.tally
    assert sorted(harness.sent) == sorted(data)
    assert (tally.sent, tally.failed, tally.retried) == (1200, 0, 0)
    assert (tally.records, tally.bytes) == (len(harness.stream.taken), sum(map(len, harness.stream.taken)))
    assert not harness.spool.path.exists()


def test_only_the_failed_records_are_put_again(tmp_path: Path) -> None:
    harness = Harness(tmp_path, lambda call, count: set(range(0, count, 3)) if call < 2 else set())
    data = harness.put(30)
    harness.producer.flush()
    assert sorted(harness.sent) == sorted(data)
    assert len(harness.stream.taken) == 30
    assert (harness.producer.tally.sent, harness.producer.tally.retried) == (30, 10 + 4)
    assert harness.waits == [0.025, 0.05]


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
def test_a_call_that_fails_as_a_whole_is_made_again(tmp_path: Path, error: Exception) -> None:
    harness = Harness(tmp_path, lambda call, _: error if call < 2 else set())
    data = harness.put(10)
    harness.producer.flush()
    assert sorted(harness.sent) == sorted(data)
    assert (harness.stream.calls, harness.producer.tally.retried) == (3, 20)


def test_a_record_that_is_never_taken_is_saved_and_the_others_go_on(tmp_path: Path) -> None:
    harness = Harness(tmp_path, lambda _, count: {count - 1} if count in (1, 5) else set(), tries=4)
    first = harness.put(5)
    harness.producer.flush()
    harness.put(3)
    harness.producer.flush()
    tally = harness.producer.tally
    assert (tally.sent, tally.failed, tally.retried, tally.first_failure) == (7, 1, 3, f"{THROTTLED}: slow down")
    assert harness.saved == [first[4]]
    assert len(harness.waits) == 3


def test_a_stream_that_takes_nothing_ends_the_work_with_everything_saved(tmp_path: Path) -> None:
    harness = Harness(tmp_path, lambda *_: call_error(THROTTLED, 400), tries=3)
    data = harness.put(499)
    with pytest.raises(WorkFailedError, match="takes no records"):
        harness.producer.flush()
    assert harness.stream.calls == 3
    assert sorted(harness.saved) == sorted(data)
    assert (harness.producer.tally.sent, harness.producer.tally.failed) == (0, 499)


@pytest.mark.parametrize("error", [call_error("AccessDeniedException", 400), NoCredentialsError()])
def test_an_error_that_trying_again_does_not_mend_is_not_tried_again(tmp_path: Path, error: Exception) -> None:
    harness = Harness(tmp_path, lambda *_: error)
    data = harness.put(4)
    with pytest.raises(WorkFailedError):
        harness.producer.flush()
    assert (harness.stream.calls, harness.waits) == (1, [])
    assert harness.saved == data


def test_aggregates_are_saved_with_their_address_and_number_of_events(tmp_path: Path) -> None:
    harness = Harness(tmp_path, lambda *_: call_error("AccessDeniedException", 400), aggregate=True)
    data = harness.put(50)
    with pytest.raises(WorkFailedError):
        harness.producer.flush()
    spooled = list(read_spool(harness.spool.path))
    assert sum(record.lines for record in spooled) == harness.producer.tally.failed == 50
    assert {record.explicit_hash_key for record in spooled} == {"0", str(1 << 127)}
    assert sorted(harness.saved) == sorted(data)
    assert "AccessDenied" in spooled[0].reason


def test_an_interrupt_in_the_middle_of_a_call_saves_what_was_held(tmp_path: Path) -> None:
    def interrupt(_call: int, _count: int) -> set[int]:
        raise KeyboardInterrupt

    harness = Harness(tmp_path, interrupt)
    data = harness.put(10)
    with pytest.raises(KeyboardInterrupt):
        harness.producer.flush()
    assert harness.saved == data and harness.producer.tally.failed == 10


def test_an_event_larger_than_a_record_may_be_is_saved_without_a_call(tmp_path: Path) -> None:
    harness = Harness(tmp_path, nothing_fails, aggregate=True)
    large = b"x" * MAX_RECORD_BYTES
    harness.producer.put(Line("ana", large))
    harness.producer.put(Line("ana", b"small"))
    harness.producer.flush()
    assert harness.sent == [b"small"] and harness.saved == [large]
    assert (harness.producer.tally.sent, harness.producer.tally.failed) == (1, 1)
    assert base64.b64encode(large[:99]) in harness.spool.path.read_bytes()


def test_a_line_is_held_no_longer_than_the_bound(tmp_path: Path) -> None:
    harness = Harness(tmp_path, nothing_fails, aggregate=True)
    harness.put(1)
    assert harness.producer.due_s == MAX_BUFFERED_S
    harness.now_s = MAX_BUFFERED_S / 2
    harness.put(1)
    assert harness.stream.calls == 0 and harness.producer.due_s == MAX_BUFFERED_S
    harness.now_s = MAX_BUFFERED_S
    harness.put(1)
    assert len(harness.sent) == 3
    assert harness.producer.due_s > 1e9


def test_the_wait_doubles_up_to_a_cap_and_is_jittered() -> None:
    backoff = Backoff(first_s=0.1, longest_s=0.5)
    assert [backoff.wait_s(failures, 1.0) for failures in (1, 2, 3, 4, 9)] == [0.1, 0.2, 0.4, 0.5, 0.5]
    assert backoff.wait_s(3, 0.0) == 0


def test_an_outcome_holds_every_record_once() -> None:
    stream = FakeStream(lambda _, count: {0})
    putter = Putter(stream, "s", Backoff(tries=3), lambda _: None, lambda: 0.0)
    batch = [Record("k", bytes([number]), 1) for number in range(4)]
    outcome = putter.put(batch)
    assert outcome.sent == [batch[1], batch[2], batch[3]]
    assert [record for record, _ in outcome.unsent] == [batch[0]]
