"""Dead letters for those who read them: as lines for a person, and as objects for a program."""

from __future__ import annotations

import base64

import msgspec

from schemas.instants import format_instant_us
from schemas.terminal import printable
from stream_jobs.found_letters import Found

_FOREIGN_DETAIL = "the message is no dead letter of the job"
HEADING = f"{'message id':<36}  {'sent':<19}  {'stage':<7}  {'reason':<18}  {'bytes':>8}  detail"


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One letter as listed; of `payload` and `payload_base64` one is there at most."""

    message_id: str
    sent_timestamp: str
    reason: str
    stage: str | None = None
    detail: str = _FOREIGN_DETAIL
    attempts: int | None = None
    arrival_timestamp: str | None = None
    event_id: str | None = None
    payload_bytes: int
    payload: str | None = None
    payload_base64: str | None = None
    payload_location: str | None = None
    payload_fault: str | None = None


def listed(found: Found, payload: bytes | None, fault: str | None = None) -> Listed:
    """Return a letter as listed.

    Args:
        found: the letter.
        payload: its bytes where they are to be shown.
        fault: why they cannot be.
    """
    text, encoded = _as_text(payload)
    sent, letter = format_instant_us(found.sent_us), found.letter
    if letter is None:
        body_bytes = len(found.body.encode())
        return Listed(
            message_id=found.message_id,
            sent_timestamp=sent,
            reason=found.reason,
            payload_bytes=body_bytes,
            payload=text,
            payload_base64=encoded,
        )
    return Listed(
        message_id=found.message_id,
        sent_timestamp=sent,
        reason=letter.reason,
        stage=letter.stage,
        detail=letter.detail,
        attempts=letter.attempts,
        arrival_timestamp=letter.arrival_timestamp,
        event_id=letter.event_id,
        payload_bytes=letter.payload_bytes,
        payload=text,
        payload_base64=encoded,
        payload_location=letter.payload_location,
        payload_fault=fault,
    )


def line_of(letter: Listed) -> str:
    """Return a letter as one line under `HEADING`."""
    sent = letter.sent_timestamp[:19].replace("T", " ")
    detail = f"{letter.event_id}: {letter.detail}" if letter.event_id else letter.detail
    return printable(
        f"{letter.message_id:<36}  {sent:<19}  {letter.stage or '-':<7}  {letter.reason:<18}  "
        f"{letter.payload_bytes:>8}  {detail}"
    )


def payload_line_of(letter: Listed) -> str:
    """Return the bytes of a letter as one line: text as it is, everything else escaped."""
    if letter.payload_fault is not None:
        return f"    {printable(letter.payload_fault)}"
    if letter.payload is not None:
        return f"    {printable(letter.payload)}"
    return f"    {base64.b64decode(letter.payload_base64 or '')!r}"


def _as_text(payload: bytes | None) -> tuple[str | None, str | None]:
    if payload is None:
        return None, None
    try:
        return payload.decode(), None
    except UnicodeDecodeError:
        return None, base64.b64encode(payload).decode()
