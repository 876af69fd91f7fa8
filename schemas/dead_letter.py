"""The dead letter: what the alert job could not use, with its bytes.

Field rules: `avro/dead_letter.v1.avsc`.
"""

from __future__ import annotations

import base64
from typing import Literal

import msgspec

from schemas.instants import format_instant_us

SCHEMA_VERSION = "dead_letter.v1"
# A queue message holds 256 KiB; base64 makes four bytes of three, and the envelope needs room.
MAX_INLINE_PAYLOAD_BYTES = 180 * 1024

Stage = Literal["frame", "decode", "publish"]
BROKEN_FRAME = "broken_frame"
PUBLISH_REJECTED = "publish_rejected"


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """One dead letter, as it stands in the queue."""

    schema_version: str = SCHEMA_VERSION
    reason: str
    detail: str
    stage: Stage
    attempts: int
    arrival_timestamp: str
    event_id: str | None = None
    payload_bytes: int
    payload_base64: str | None = None
    payload_location: str | None = None

    def payload(self) -> bytes | None:
        """Return the original bytes, or None where they lie at `payload_location`."""
        return None if self.payload_base64 is None else base64.b64decode(self.payload_base64)


_decode = msgspec.json.Decoder(DeadLetter).decode


def dead_letter_of(
    payload: bytes,
    *,
    reason: str,
    detail: str,
    stage: Stage,
    arrival_us: int,
    attempts: int = 1,
    event_id: str | None = None,
) -> DeadLetter:
    """Return the dead letter of some bytes, which are kept inside of it."""
    return DeadLetter(
        reason=reason,
        detail=detail,
        stage=stage,
        attempts=attempts,
        arrival_timestamp=format_instant_us(arrival_us),
        event_id=event_id,
        payload_bytes=len(payload),
        payload_base64=base64.b64encode(payload).decode(),
    )


def encode_dead_letter(letter: DeadLetter) -> bytes:
    """Return the queue message of a dead letter: one JSON object."""
    return msgspec.json.encode(letter)


def decode_dead_letter(body: bytes | str) -> DeadLetter:
    """Return the dead letter in a queue message.

    Raises:
        msgspec.DecodeError: the body is none.
    """
    return _decode(body)
