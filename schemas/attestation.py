"""The attestation: how many events a producer says that it sent in an hour, and a digest of their bytes.

Field rules: `avro/attestation.v1.avsc`. It travels with the events, is kept with them, and is never one. A sum of
digests does not depend on the order, so that parts attested one after another, or found in any order, add up.
"""

from __future__ import annotations

import hashlib

import msgspec

SCHEMA_VERSION = "attestation.v1"
DIGEST_BYTES = 16
DIGEST_MODULUS = 1 << 8 * DIGEST_BYTES
_MARK = SCHEMA_VERSION.encode()


class Attestation(msgspec.Struct, frozen=True, kw_only=True):
    """One attestation, as it stands on the stream."""

    schema_version: str = SCHEMA_VERSION
    producer_id: str
    send_hour: str
    first_seq: int
    last_seq: int
    count: int
    digest: str
    closed_timestamp: str
    is_last: bool


_decode = msgspec.json.Decoder(Attestation, strict=True).decode


def encode_attestation(attestation: Attestation) -> bytes:
    """Return the line of an attestation, without its newline."""
    return msgspec.json.encode(attestation)


def read_attestation(line: bytes) -> Attestation | None:
    """Return the attestation in a line, None where it holds none: then it is an event, or refused as one."""
    if _MARK not in line:
        return None
    try:
        read = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return read if read.schema_version == SCHEMA_VERSION else None


def line_digest(line: bytes) -> int:
    """Return what one event's bytes add to a digest."""
    return int.from_bytes(hashlib.blake2b(line, digest_size=DIGEST_BYTES).digest(), "big")


def digest_text(total: int) -> str:
    """Return a sum of `line_digest` values as it is written."""
    return f"{total % DIGEST_MODULUS:032x}"
