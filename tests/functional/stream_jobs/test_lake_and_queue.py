"""Receipts and dead letters against emulated S3 and SQS."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from schemas.alert import PurchaseAlert
from schemas.dead_letter import DeadLetter, Stage, dead_letter_of, decode_dead_letter, encode_dead_letter
from schemas.instants import SECOND_US, parse_instant_us
from schemas.receipt import decode_receipt, encode_receipt, receipt_of
from stream_jobs.dead_letters import DeadLetterQueue
from stream_jobs.outbox import Address, Entry
from stream_jobs.patience import Patience
from stream_jobs.receipts import ReceiptFiles

BUCKET = "clickstream-curated"
NOON_US = parse_instant_us("2026-11-24T12:00:00Z")


@pytest.fixture
def aws() -> Iterator[None]:
    with mock_aws():
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=BUCKET)
        yield


def patience() -> Patience:
    seconds = iter(range(1_000))
    return Patience(60, lambda: next(seconds), lambda _: False, lambda: 0.5)


def stored(prefix: str) -> dict[str, bytes]:
    s3 = boto3.client("s3", region_name="us-east-1")
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]
    return {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


def receipt(event_id: str, published_us: int) -> Entry:
    alert = PurchaseAlert(
        event_id=event_id,
        event_type="purchase",
        user_id="u",
        session_id="s",
        event_timestamp="2026-11-24T11:00:00.000000Z",
        arrival_timestamp="2026-11-24T11:59:59.000000Z",
    )
    return Entry(event_id, encode_receipt(receipt_of(alert, f"m-{event_id}", published_us)), Address(), False, 0)


class FailingOnce:
    """A client whose first call of a kind fails."""

    def __init__(self, client: Any, method: str) -> None:
        self._client = client
        self._method: str | None = method

    def __getattr__(self, name: str) -> Any:
        if name == self._method:
            self._method = None
            response: Any = {"Error": {"Code": "SlowDown"}, "ResponseMetadata": {"HTTPStatusCode": 503}}

            def failing(**_: Any) -> None:
                raise ClientError(response, name)

            return failing
        return getattr(self._client, name)


def test_receipts_lie_in_the_hour_of_their_publish(aws: None) -> None:
    door = ReceiptFiles(boto3.client("s3", region_name="us-east-1"), BUCKET, patience)
    delivery = door.deliver(
        [receipt("a", NOON_US - 1), receipt("b", NOON_US), receipt("c", NOON_US + SECOND_US)],
    )
    found = {
        key.rpartition("/")[0]: [decode_receipt(line).event_id for line in gzip.decompress(data).splitlines()]
        for key, data in stored("purchases/").items()
    }
    assert found == {
        "purchases/year=2026/month=11/day=24/hour=11": ["a"],
        "purchases/year=2026/month=11/day=24/hour=12": ["b", "c"],
    }
    assert delivery.counts == {"receipts": 3, "receipt_objects": 2}


def test_a_batch_of_receipts_put_again_is_the_same_object(aws: None) -> None:
    s3 = FailingOnce(boto3.client("s3", region_name="us-east-1"), "put_object")
    door = ReceiptFiles(s3, BUCKET, patience)
    door.deliver([receipt("a", NOON_US)])
    door.deliver([receipt("a", NOON_US)])
    assert len(stored("purchases/")) == 1


def letter(payload: bytes, **fields: Any) -> Entry:
    stage: Stage = "decode"
    text = dead_letter_of(payload, reason="not_json", detail="why", stage=stage, arrival_us=NOON_US, **fields)
    return Entry(str(len(payload)), encode_dead_letter(text), Address(), False, 0)


def queue() -> tuple[Any, str]:
    sqs = boto3.client("sqs", region_name="us-east-1")
    return sqs, sqs.create_queue(QueueName="clickstream-dead-letters")["QueueUrl"]


def received(sqs: Any, queue_url: str) -> list[DeadLetter]:
    letters: list[DeadLetter] = []
    while messages := sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages", []):
        letters += [decode_dead_letter(message["Body"]) for message in messages]
    return letters


def test_a_letter_brings_its_payload_along(aws: None) -> None:
    sqs, url = queue()
    door = DeadLetterQueue(sqs, boto3.client("s3", region_name="us-east-1"), url, BUCKET, patience)
    door.deliver([letter(b"\xff{"), letter("\ufffe{".encode(), event_id="\ufffe")])
    assert sorted(found.payload() or b"" for found in received(sqs, url)) == ["\ufffe{".encode(), b"\xff{"]


def test_a_payload_too_large_for_the_queue_lies_in_the_lake(aws: None) -> None:
    sqs, url = queue()
    payload = b"x" * 300 * 1024
    door = DeadLetterQueue(sqs, boto3.client("s3", region_name="us-east-1"), url, BUCKET, patience)
    door.deliver([letter(payload)])
    (found,) = received(sqs, url)
    ((key, data),) = stored("dead-letters/").items()
    assert (found.payload_location, found.payload_bytes) == (f"s3://{BUCKET}/{key}", len(payload))
    assert data == payload


def test_the_largest_letters_fill_no_more_than_a_batch_holds(aws: None) -> None:
    sqs, url = queue()
    door = DeadLetterQueue(sqs, boto3.client("s3", region_name="us-east-1"), url, BUCKET, patience)
    largest = letter(b"x" * 180 * 1024, event_id="i" * 100_000)
    assert door.address(largest.body).size_bytes <= door.limits.max_bytes
    door.deliver([largest])
    assert len(received(sqs, url)) == 1


def test_a_failing_queue_is_tried_again(aws: None) -> None:
    sqs, url = queue()
    flaky = FailingOnce(sqs, "send_message_batch")
    door = DeadLetterQueue(flaky, boto3.client("s3", region_name="us-east-1"), url, BUCKET, patience)
    assert door.deliver([letter(b"a")]).counts == {"dead_letters_sent": 1}
    assert len(received(sqs, url)) == 1
