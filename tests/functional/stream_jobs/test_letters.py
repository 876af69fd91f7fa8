"""Looking through the dead-letter queue, with emulated SQS and S3."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from io import BytesIO
from threading import Event
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws
from msgspec.structs import replace

from schemas.dead_letter import DeadLetter, dead_letter_of, encode_dead_letter
from schemas.errors import BadRecordError, WorkFailedError
from stream_jobs import letters as letters_module
from stream_jobs.found_letters import FOREIGN, Found, Selection
from stream_jobs.letters import LetterQueue
from stream_jobs.patience import Patience, StoppedError
from stream_jobs.payloads import Payloads

BUCKET = "clickstream-curated"


def patience() -> Patience:
    seconds = iter(range(1_000))
    return Patience(5, lambda: next(seconds), lambda _: False, lambda: 0.5)


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, str]]:
    monkeypatch.setattr(letters_module, "_POLL_S", 0)  # nothing is slow to be seen here
    with mock_aws():
        sqs = boto3.client("sqs", region_name="us-east-1")
        yield sqs, sqs.create_queue(QueueName="dead-letters")["QueueUrl"]


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


def letter(payload: bytes = b"{", reason: str = "not_json", location: str | None = None) -> DeadLetter:
    inside = dead_letter_of(payload, reason=reason, detail="why", stage="decode", arrival_us=0)
    return inside if location is None else replace(inside, payload_base64=None, payload_location=location)


def put(sqs: Any, url: str, count: int) -> None:
    for number in range(count):
        sqs.send_message(QueueUrl=url, MessageBody=encode_dead_letter(letter(str(number).encode())).decode())


def looking(sqs: Any, url: str, hidden_s: int = 60, said: list[str] | None = None) -> LetterQueue:
    told: list[str] = [] if said is None else said
    return LetterQueue(sqs, url, hidden_s, patience, Event().wait, told.append)


def texts(rounds: Iterator[list[Found]]) -> list[str]:
    return sorted((found.letter.payload() or b"").decode() for round_ in rounds for found in round_ if found.letter)


def visible(sqs: Any, url: str) -> int:
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"])


def test_every_letter_is_seen_once_and_all_are_there_afterwards(queue: tuple[Any, str]) -> None:
    put(*queue, 23)
    with looking(*queue) as letters:
        assert letters.start().visible == 23
        assert texts(letters.rounds()) == sorted(map(str, range(23)))
        assert visible(*queue) == 0
    assert visible(*queue) == 23


def test_letters_are_given_back_after_an_error_too(queue: tuple[Any, str]) -> None:
    put(*queue, 12)
    with pytest.raises(ZeroDivisionError), looking(*queue) as letters:
        next(letters.rounds())
        raise ZeroDivisionError
    assert visible(*queue) == 12


def test_letters_that_come_back_while_it_looks_do_not_keep_it_for_ever(queue: tuple[Any, str]) -> None:
    put(*queue, 8)
    with looking(*queue, hidden_s=0) as letters:
        assert texts(letters.rounds()) == sorted(map(str, range(8)))


def test_a_queue_that_never_runs_dry_does_not_keep_it_for_ever(queue: tuple[Any, str]) -> None:
    sqs, url = queue
    seen = 0
    with looking(sqs, url) as letters:
        letters.wait_for_later()
        put(sqs, url, 20)
        for round_ in letters.rounds():
            assert all(map(letters.is_later, round_))
            seen += len(round_)
            put(sqs, url, len(round_))
    assert seen == 200


def test_what_was_sent_before_is_not_later_and_what_is_waited_with_is(queue: tuple[Any, str]) -> None:
    put(*queue, 1)
    with looking(*queue) as letters:
        ((before,), *_) = letters.rounds()
        letters.wait_for_later()
        put(*queue, 1)
        ((after,), *_) = letters.rounds()
        assert (letters.is_later(before), letters.is_later(after)) == (False, True)


def test_a_stop_ends_the_waiting(queue: tuple[Any, str]) -> None:
    stopped = Event()
    stopped.set()
    letters = LetterQueue(*queue, 60, patience, stopped.wait, lambda _: None)
    with pytest.raises(StoppedError):
        letters.wait_for_later()


def hold(sqs: Any, url: str, hidden_s: int = 60) -> Any:
    (message,) = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1, VisibilityTimeout=hidden_s)["Messages"]
    return message["ReceiptHandle"]


def test_letters_that_another_reader_holds_are_counted(queue: tuple[Any, str]) -> None:
    put(*queue, 12)
    hold(*queue)
    with looking(*queue) as letters:
        assert len(texts(letters.rounds())) == 11
        assert letters.elsewhere() == 1


def test_letters_that_another_reader_gave_back_or_deleted_meanwhile_are_nowhere_else(queue: tuple[Any, str]) -> None:
    sqs, url = queue
    put(sqs, url, 3)
    given_back, deleted = hold(sqs, url), hold(sqs, url)
    with looking(sqs, url) as letters:
        assert letters.start().hidden == 2
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=given_back, VisibilityTimeout=0)
        assert len(texts(letters.rounds())) == 2
        sqs.delete_message(QueueUrl=url, ReceiptHandle=deleted)
        assert letters.elsewhere() == 0


def test_a_count_that_is_out_of_date_does_not_make_letters_that_were_read_others_letters(
    queue: tuple[Any, str],
) -> None:
    put(*queue, 3)
    handles = [hold(*queue) for _ in range(3)]
    with looking(*queue) as letters:
        assert letters.start().hidden == 3
        for handle in handles:
            queue[0].change_message_visibility(QueueUrl=queue[1], ReceiptHandle=handle, VisibilityTimeout=0)
        letters.take_out([found.message_id for round_ in letters.rounds() for found in round_])
        put(*queue, 3)
        for _ in range(3):
            hold(*queue)  # the queue still counts three
        assert letters.elsewhere() == 0


@pytest.mark.parametrize(("bound", "is_taken_out"), [("MOST_HELD", False), ("MOST_SEEN", True)])
def test_more_letters_than_memory_is_for_are_left_and_told(
    queue: tuple[Any, str], monkeypatch: pytest.MonkeyPatch, bound: str, is_taken_out: bool
) -> None:
    monkeypatch.setattr(letters_module, bound, 10)
    put(*queue, 30)
    seen = 0
    with looking(*queue) as letters:
        for round_ in letters.rounds():
            assert not letters.is_cut
            seen += len(round_)
            if is_taken_out:
                letters.take_out([found.message_id for found in round_])
        assert letters.is_cut
    assert 10 <= seen < 20
    assert visible(*queue) == (30 - seen if is_taken_out else 30)


class FailingOnce:
    """A queue that fails to delete the first entry of the first batch."""

    def __init__(self, sqs: Any) -> None:
        self._sqs = sqs
        self._has_failed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sqs, name)

    def delete_message_batch(self, **arguments: Any) -> Any:
        entries = arguments.pop("Entries")
        refused = [] if self._has_failed else [entries.pop(0)]
        self._has_failed = True
        answer = self._sqs.delete_message_batch(Entries=entries, **arguments)
        failed = [{"Id": entry["Id"], "Code": "InternalError", "SenderFault": False} for entry in refused]
        return {**answer, "Failed": failed}


def test_a_letter_whose_deletion_fails_once_is_deleted(queue: tuple[Any, str]) -> None:
    sqs, url = queue
    put(sqs, url, 3)
    with looking(FailingOnce(sqs), url) as letters:
        letters.take_out([found.message_id for round_ in letters.rounds() for found in round_])
    assert letters.start().visible == 3
    with looking(sqs, url) as letters:
        assert (letters.start().visible, letters.start().hidden) == (0, 0)


def test_a_letter_that_is_taken_out_is_gone(queue: tuple[Any, str]) -> None:
    put(*queue, 12)
    with looking(*queue) as letters:
        first = next(letters.rounds())
        letters.take_out([found.message_id for found in first])
    assert visible(*queue) == 12 - len(first)


def test_a_message_that_is_no_letter_is_found_as_what_it_is(queue: tuple[Any, str]) -> None:
    sqs, url = queue
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    with looking(*queue) as letters:
        ((found,),) = letters.rounds()
    assert (found.letter, found.body, found.reason) == (None, "hello", FOREIGN)


def test_what_cannot_be_given_back_is_told(queue: tuple[Any, str]) -> None:
    sqs, url = queue
    put(sqs, url, 1)
    said: list[str] = []
    with looking(sqs, url, said=said) as letters:
        next(letters.rounds())
        sqs.delete_queue(QueueUrl=url)
    assert len(said) == 1
    assert "1 letters come back by themselves within 60 s" in said[0]


def test_a_queue_that_does_not_exist_ends_it(queue: tuple[Any, str]) -> None:
    sqs, url = queue
    with pytest.raises(WorkFailedError, match="NonExistentQueue"), looking(sqs, url + "-other") as letters:
        next(letters.rounds())


@pytest.mark.parametrize(
    ("selection", "taken"),
    [
        (Selection(), ["a", "b", "c"]),
        (Selection(ids=frozenset({"a", "c"})), ["a", "c"]),
        (Selection(reasons=frozenset({"too_large", FOREIGN})), ["b", "c"]),
        (Selection(stage="decode"), ["a", "b"]),
        (Selection(ids=frozenset({"a", "c"}), stage="decode"), ["a"]),
        (Selection(stage="frame"), []),
    ],
)
def test_letters_are_chosen_by_id_reason_and_stage(selection: Selection, taken: list[str]) -> None:
    found = [
        Found("a", 0, letter(), ""),
        Found("b", 0, letter(reason="too_large"), ""),
        Found("c", 0, None, "hello"),
    ]
    assert [each.message_id for each in found if selection.takes(each)] == taken


def stored(s3: Any, payload: bytes) -> str:
    key = f"dead-letters/{hashlib.sha256(payload).hexdigest()}"
    s3.put_object(Bucket=BUCKET, Key=key, Body=payload)
    return f"s3://{BUCKET}/{key}"


def test_a_payload_is_read_from_wherever_it_is(s3: Any) -> None:
    payloads = Payloads(s3, BUCKET, patience)
    assert payloads.of(letter(b"\xff{")) == b"\xff{"
    large = b"x" * 300_000
    assert payloads.of(letter(large, location=stored(s3, large))) == large


@pytest.mark.parametrize("code", ["AccessDenied", "KMS.DisabledException", "InvalidObjectState"])
def test_a_payload_that_may_not_be_read_is_told_and_is_no_failure(s3: Any, code: str) -> None:
    located = letter(b"right", location=stored(s3, b"right"))
    with Stubber(s3) as stub:
        stub.add_client_error("get_object", code, http_status_code=403)
        with pytest.raises(BadRecordError, match=f"cannot be read from s3://.*{code}"):
            Payloads(s3, BUCKET, patience).of(located)


def test_a_key_service_that_has_too_much_to_do_is_asked_again(s3: Any) -> None:
    located = letter(b"right", location=stored(s3, b"right"))
    with Stubber(s3) as stub:
        stub.add_client_error("get_object", "KMS.ThrottlingException", http_status_code=400)
        stub.add_response("get_object", {"Body": BytesIO(b"right")})
        assert Payloads(s3, BUCKET, patience).of(located) == b"right"


@pytest.mark.parametrize(
    ("location", "told"),
    [
        (f"s3://{BUCKET}/dead-letters/{'0' * 64}", "is gone from"),
        ("s3://somebody-else/dead-letters/x", "is not under"),
        (f"s3://{BUCKET}/purchases/x", "is not under"),
        (None, "no place"),
    ],
)
def test_a_payload_that_is_not_there_is_told(s3: Any, location: str | None, told: str) -> None:
    lost = replace(letter(), payload_base64=None, payload_location=location)
    with pytest.raises(BadRecordError, match=told):
        Payloads(s3, BUCKET, patience).of(lost)


def test_bytes_that_are_not_those_of_the_letter_are_refused(s3: Any) -> None:
    location = stored(s3, b"right")
    s3.put_object(Bucket=BUCKET, Key=location.removeprefix(f"s3://{BUCKET}/"), Body=b"wrong")
    with pytest.raises(BadRecordError, match="is not its payload"):
        Payloads(s3, BUCKET, patience).of(letter(b"right", location=location))


def test_a_payload_that_is_no_base64_is_told(s3: Any) -> None:
    with pytest.raises(BadRecordError, match="base64"):
        Payloads(s3, BUCKET, patience).of(replace(letter(), payload_base64="x"))


def test_a_bucket_that_refuses_is_no_fault_of_the_letter(s3: Any) -> None:
    location = stored(s3, b"right")
    s3.delete_object(Bucket=BUCKET, Key=location.removeprefix(f"s3://{BUCKET}/"))
    s3.delete_bucket(Bucket=BUCKET)
    with pytest.raises(WorkFailedError, match="NoSuchBucket") as raised:
        Payloads(s3, BUCKET, patience).of(letter(b"right", location=location))
    assert isinstance(raised.value.__cause__, ClientError)
