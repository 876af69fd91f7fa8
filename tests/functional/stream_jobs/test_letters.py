"""Looking through the dead-letter queue, with emulated SQS and S3."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import boto3
import msgspec
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from schemas.dead_letter import DeadLetter, dead_letter_of, encode_dead_letter
from schemas.errors import BadRecordError, WorkFailedError
from stream_jobs.letters import FOREIGN, Found, LetterQueue, Selection
from stream_jobs.patience import Patience
from stream_jobs.payloads import Payloads

BUCKET = "clickstream-curated"


def patience() -> Patience:
    seconds = iter(range(1_000))
    return Patience(5, lambda: next(seconds), lambda _: False, lambda: 0.5)


@pytest.fixture
def queue() -> Iterator[tuple[Any, str]]:
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
    return dead_letter_of(payload, reason=reason, detail="why", stage="decode", arrival_us=0, location=location)


def put(sqs: Any, url: str, count: int) -> None:
    for number in range(count):
        sqs.send_message(QueueUrl=url, MessageBody=encode_dead_letter(letter(str(number).encode())).decode())


def looking(
    sqs: Any, url: str, hidden_s: int = 60, said: list[str] | None = None, began_us: int = 1 << 62
) -> LetterQueue:
    told: list[str] = [] if said is None else said
    return LetterQueue(sqs, url, hidden_s, began_us, patience, told.append)


def texts(rounds: Iterator[list[Found]]) -> list[str]:
    return sorted((found.letter.payload() or b"").decode() for round_ in rounds for found in round_ if found.letter)


def visible(sqs: Any, url: str) -> int:
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"])


def test_every_letter_is_seen_once_and_all_are_there_afterwards(queue: tuple[Any, str]) -> None:
    put(*queue, 23)
    with looking(*queue) as letters:
        assert letters.how_many() == 23
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
    put(sqs, url, 20)
    seen = 0
    with looking(sqs, url, began_us=0) as letters:
        for round_ in letters.rounds():
            assert all(map(letters.is_later, round_))
            seen += len(round_)
            put(sqs, url, len(round_))
    assert seen == 200


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
    lost = msgspec.structs.replace(letter(), payload_base64=None, payload_location=location)
    with pytest.raises(BadRecordError, match=told):
        Payloads(s3, BUCKET, patience).of(lost)


def test_bytes_that_are_not_those_of_the_letter_are_refused(s3: Any) -> None:
    location = stored(s3, b"right")
    s3.put_object(Bucket=BUCKET, Key=location.removeprefix(f"s3://{BUCKET}/"), Body=b"wrong")
    with pytest.raises(BadRecordError, match="is not its payload"):
        Payloads(s3, BUCKET, patience).of(letter(b"right", location=location))


def test_a_payload_that_is_no_base64_is_told(s3: Any) -> None:
    with pytest.raises(BadRecordError, match="base64"):
        Payloads(s3, BUCKET, patience).of(msgspec.structs.replace(letter(), payload_base64="x"))


def test_a_bucket_that_refuses_is_no_fault_of_the_letter(s3: Any) -> None:
    location = stored(s3, b"right")
    s3.delete_object(Bucket=BUCKET, Key=location.removeprefix(f"s3://{BUCKET}/"))
    s3.delete_bucket(Bucket=BUCKET)
    with pytest.raises(WorkFailedError, match="NoSuchBucket") as raised:
        Payloads(s3, BUCKET, patience).of(letter(b"right", location=location))
    assert isinstance(raised.value.__cause__, ClientError)
