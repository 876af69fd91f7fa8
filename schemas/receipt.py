"""The receipt: an alert as it was sent, with the acknowledgement of its topic, as one line in the lake.

Field rules: `avro/receipt.v1.avsc`. Lines of one hour of publishing make one object, and the same lines the same one.
Puts nothing anywhere: that is up to whoever published.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence

import msgspec

from schemas.alert import PurchaseAlert
from schemas.instants import format_instant_us, parse_instant_us
from schemas.lake import RECEIPTS_PREFIX, hour_folder


class Receipt(PurchaseAlert, frozen=True, kw_only=True):
    """The alert as it was sent, with the acknowledgement."""

    message_id: str
    published_timestamp: str
    latency_ms: float


class _Published(msgspec.Struct, gc=False):
    """What alone is looked at where many receipts are put in order."""

    published_timestamp: str


_decode = msgspec.json.Decoder(Receipt).decode
_decode_published = msgspec.json.Decoder(_Published).decode
# The highest level takes five times as long for seven per cent.
_GZIP_LEVEL = 4


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


def hour_of_receipt(line: bytes) -> str:
    """Return the hour of the publish, such as `2026-11-24T10`, of the receipt in a line.

    Raises:
        msgspec.DecodeError: the line holds none.
    """
    return _decode_published(line).published_timestamp[:13]


def receipt_object(lines: Sequence[bytes]) -> tuple[str, bytes]:
    """Return key and bytes of the object that holds receipts of one hour."""
    published_us = parse_instant_us(_decode(lines[0]).published_timestamp)
    text = b"\n".join(lines) + b"\n"
    name = f"receipts-{published_us}-{hashlib.sha256(text).hexdigest()[:12]}.json.gz"
    return RECEIPTS_PREFIX + hour_folder(published_us) + name, gzip.compress(text, _GZIP_LEVEL, mtime=0)
