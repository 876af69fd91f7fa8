"""The door to the receipts: one line in the lake for each acknowledged alert, in the hour of its publish.

A body is the lines of one publish call. A batch becomes one object for each hour in it. The same batch put twice is the
same object; a batch cut differently after a crash may repeat a receipt, never lose one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from schemas.receipt import hour_of_receipt, receipt_object
from stream_jobs.aws_calls import call_until_answered
from stream_jobs.outbox import Address, Delivery, Entry, Limits
from stream_jobs.patience import Patience

_MAX_BODIES = 2_000
_MAX_BYTES = 4 * 1024 * 1024
_MAX_WAITING = 10_000
_LINGER_MS = 1_000


class ReceiptFiles:
    """The door to the purchases folder.

    Args:
        client: an S3 client.
        bucket: the curated bucket.
        patience: makes the patience for one batch.
        linger_ms: how long receipts are collected for one object.
    """

    def __init__(self, client: Any, bucket: str, patience: Callable[[], Patience], linger_ms: int = _LINGER_MS) -> None:
        self.limits = Limits(_MAX_BODIES, _MAX_BYTES, linger_ms, max_waiting=_MAX_WAITING)
        self._client = client
        self._bucket = bucket
        self._patience = patience

    def address(self, body: bytes) -> Address:
        """Return the bucket, with the length of the lines."""
        return Address(size_bytes=len(body))

    def deliver(self, batch: Sequence[Entry]) -> Delivery:
        """Put a batch of receipts, see `Door`."""
        lines = sorted((line for entry in batch for line in entry.body.split(b"\n")), key=hour_of_receipt)
        objects = 0
        for _, of_one_hour in groupby(lines, key=hour_of_receipt):
            key, data = receipt_object(list(of_one_hour))
            self._put(key, data)
            objects += 1
        return Delivery(counts={"receipts": len(lines), "receipt_objects": objects})

    def _put(self, key: str, data: bytes) -> None:
        call_until_answered(
            f"put s3://{self._bucket}/{key}",
            lambda: self._client.put_object(Bucket=self._bucket, Key=key, Body=data),
            self._patience(),
            "ETag",
        )
