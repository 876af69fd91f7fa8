"""The attestation: how many events a producer says that it sent in an hour, and a digest of their bytes.

Field rules: `avro/attestation.v1.avsc`. It travels with the events, is kept with them, and is never one. A sum of
digests does not depend on the order, so that parts attested one after another, or found in any order, add up.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from schemas.codec import MAX_SEQ, decode
from schemas.event import Rejection, RejectReason
from schemas.instants import HOUR_US, parse_instant_us, us_to_datetime

SCHEMA_VERSION = "attestation.v1"
DIGEST_BYTES = 16
DIGEST_MODULUS = 1 << 8 * DIGEST_BYTES
# No event of these years happened after it arrived.
_LATER_US = 1 << 52
_MARK = SCHEMA_VERSION.encode()


_Number = Annotated[int, Meta(ge=0, le=MAX_SEQ)]


class Attestation(msgspec.Struct, frozen=True, kw_only=True):
    """One attestation, as it stands on the stream."""

    schema_version: str = SCHEMA_VERSION
    producer_id: Annotated[str, Meta(min_length=1)]
    send_hour: str
    first_seq: _Number
    last_seq: Annotated[int, Meta(ge=-1, le=MAX_SEQ)]
    count: _Number
    digest: Annotated[str, Meta(pattern=rf"^[0-9a-f]{{{2 * DIGEST_BYTES}}}\Z")]
    closed_timestamp: str
    is_last: bool


class _Wire(Attestation, frozen=True, kw_only=True):
    """The same with a version that has to be there."""

    schema_version: Literal["attestation.v1"]


_decode = msgspec.json.Decoder(_Wire, strict=True).decode


def encode_attestation(attestation: Attestation) -> bytes:
    """Return the line of an attestation, without its newline."""
    return msgspec.json.encode(attestation)


def read_attestation(line: bytes) -> Attestation | None:
    """Return the attestation in a line; None where it holds none, or one that contradicts itself."""
    if _MARK not in line:
        return None
    try:
        read = Attestation(**msgspec.structs.asdict(_decode(line)))
        send_hour_us = parse_instant_us(read.send_hour)
        for instant_us in (send_hour_us, parse_instant_us(read.closed_timestamp)):
            us_to_datetime(instant_us)
    except (msgspec.DecodeError, RecursionError, ValueError, OverflowError):
        return None
    return read if read.count == read.last_seq - read.first_seq + 1 and not send_hour_us % HOUR_US else None


def attestation_of(line: bytes, refused: Rejection) -> Attestation | None:
    """Return the attestation in a line that is no event; None where it holds none, and is refused as an event.

    The codec comes first: what it accepts is an event whatever else it says, and of what it refuses only a line that
    lacks an event's field can be an attestation.
    """
    return read_attestation(line) if refused.reason is RejectReason.MISSING_FIELD else None


def is_attestation(line: bytes) -> bool:
    """Say the same of a line of which nobody knows yet whether it is an event, whenever it arrived."""
    if read_attestation(line) is None:
        return False
    read = decode(line, _LATER_US)
    return isinstance(read, Rejection) and attestation_of(line, read) is not None


def line_digest(line: bytes) -> int:
    """Return what one event's bytes add to a digest."""
    return int.from_bytes(hashlib.blake2b(line, digest_size=DIGEST_BYTES).digest(), "big")


def digest_text(total: int) -> str:
    """Return a sum of `line_digest` values as it is written."""
    return f"{total % DIGEST_MODULUS:032x}"
