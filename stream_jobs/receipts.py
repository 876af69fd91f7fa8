"""Receipts: one line in the lake for each alert that the topic acknowledged, in the hour of its publish.

A batch becomes one object for each hour in it. The same batch put twice is the same object; a batch cut differently
after a crash may repeat a receipt, never lose one.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import msgspec

from schemas.alert import PurchaseAlert
from schemas.instants import format_instant_us, parse_instant_us
from schemas.lake import RECEIPTS_PREFIX, hour_folder
from stream_jobs.aws_calls import call_until_answered
from stream_jobs.outbox import Delivery, Entry, Limits
from stream_jobs.patience import Patience


class Receipt(PurchaseAlert, frozen=True, kw_only=True):
    """The alert as it was sent, with the acknowledgement."""

    message_id: str
    published_timestamp: str
    latency_ms: float


_decode = msgspec.json.Decoder(Receipt).decode


def receipt_of(alert: PurchaseAlert, message_id: str, published_us: int) -> Receipt:
    """Return the receipt of an alert; its latency runs from the stream's arrival to the acknowledgement."""
    latency_ms = (published_us - parse_instant_us(alert.arrival_timestamp)) / 1000
    return Receipt(
        **msgspec.structs.asdict(alert),
        message_id=message_id,
        published_timestamp=format_instant_us(published_us),
        latency_ms=latency_ms,
    )


def encode_receipt(receipt: Receipt) -> bytes:
    """Return a receipt's line, without its newline."""
    return msgspec.json.encode(receipt)


def decode_receipt(line: bytes) -> Receipt:
    """Return the receipt in a line.

    Raises:
        msgspec.DecodeError: the line holds none.
    """
    return _decode(line)


def receipt_object(lines: Sequence[bytes]) -> tuple[str, bytes]:
    """Return key and bytes of the object that holds receipts of one hour."""
    published_us = parse_instant_us(_decode(lines[0]).published_timestamp)
    text = b"\n".join(lines) + b"\n"
    name = f"receipts-{published_us}-{hashlib.sha256(text).hexdigest()[:12]}.json.gz"
    return RECEIPTS_PREFIX + hour_folder(published_us) + name, gzip.compress(text, mtime=0)


class ReceiptFiles:
    """The door to the purchases folder.

    Args:
        client: an S3 client.
        bucket: the curated bucket.
        patience: makes the patience for one batch.
    """

    limits = Limits(max_entries=500, max_bytes=4 * 1024 * 1024, linger_ms=1_000, max_waiting=5_000)

    def __init__(self, client: Any, bucket: str, patience: Callable[[], Patience]) -> None:
        self._client = client
        self._bucket = bucket
        self._patience = patience

    def size_bytes(self, body: bytes) -> int:
        """Return the length of a line."""
        return len(body)

    def deliver(self, batch: Sequence[Entry]) -> Delivery:
        """Put a batch of receipts, see `Door`."""
        objects = 0
        for _, lines in groupby(sorted((entry.body for entry in batch), key=_hour), key=_hour):
            key, data = receipt_object(list(lines))
            self._put(key, data)
            objects += 1
        return Delivery(counts={"receipts": len(batch), "receipt_objects": objects})

    def _put(self, key: str, data: bytes) -> None:
        call_until_answered(
            f"put s3://{self._bucket}/{key}",
            lambda: self._client.put_object(Bucket=self._bucket, Key=key, Body=data),
            self._patience(),
        )


def _hour(line: bytes) -> str:
    return _decode(line).published_timestamp[:13]
