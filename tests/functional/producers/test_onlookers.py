"""What is seen of a load from beside it: its alerts by their receipts, whatever else lies beside these."""

from __future__ import annotations

import gzip

import boto3
import msgspec
import pytest
from moto import mock_aws

from producers.load.onlookers import Receipts
from schemas.instants import format_instant_us, parse_instant_us
from schemas.lake import RECEIPTS_PREFIX, hour_folder
from schemas.receipt import Receipt, encode_receipt, receipt_object

NOON_US = parse_instant_us("2026-11-24T12:00:00Z")
RECEIPT = Receipt(
    event_id="e1",
    event_type="purchase",
    user_id="u",
    session_id="s",
    event_timestamp=format_instant_us(NOON_US),
    arrival_timestamp=format_instant_us(NOON_US + 100_000),
    message_id="m",
    published_timestamp=format_instant_us(NOON_US + 350_000),
    latency_ms=250.0,
)
GOOD = gzip.compress(encode_receipt(RECEIPT))


def with_time(name: str) -> bytes:
    return gzip.compress(encode_receipt(msgspec.structs.replace(RECEIPT, **{name: "noon"})))


@pytest.mark.parametrize(
    "body",
    [
        b"no gzip",
        GOOD[:-20],
        GOOD[:12] + bytes(8) + GOOD[20:],
        gzip.compress(b"no receipt", mtime=0),
        with_time("event_timestamp"),
        with_time("published_timestamp"),
    ],
)
def test_an_object_that_holds_no_receipts_is_told_and_the_others_are_read(
    monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    for name, value in (("DEFAULT_REGION", "us-east-1"), ("ACCESS_KEY_ID", "t"), ("SECRET_ACCESS_KEY", "t")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="curated")
        damaged = f"{RECEIPTS_PREFIX}{hour_folder(NOON_US)}receipts-{NOON_US}-0.json.gz"
        key, good = receipt_object([encode_receipt(RECEIPT)])
        for name, content in ((damaged, body), (key, good)):
            s3.put_object(Bucket="curated", Key=name, Body=content)
        receipts = Receipts(s3, "curated", NOON_US)
        assert receipts.read(NOON_US + 1_000_000) == [(NOON_US, NOON_US + 350_000, 250.0)]
        assert receipts.trouble.startswith(f"{damaged} holds no receipts: ")
        assert receipts.read(NOON_US + 2_000_000) == []
