"""Damaged lines: for each reason to refuse one, the ways in which a producer gets there.

Each way takes the canonical bytes of an event, stamped or not, to a line that must be refused for its reason, and stays
on one line. Whether it is refused so is for the pipeline to say, and for a test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from producers.batching import MAX_RECORD_BYTES
from schemas.event import MAX_EVENT_BYTES, RejectReason

Damage = Callable[[bytes], bytes]
# Deeper than the codec follows.
_DEPTH = 120
# How far above a limit a line may be.
_SPREAD_BYTES = 32 * 1024


def with_extra_fields(data: bytes) -> bytes:
    """Return an event's bytes with keys that no version of it has."""
    return _with_tail(b',"app_version":"7.3.1","experiment":{"arm":"b","weights":[1,2.5,null]}')(data)


def without(field: str) -> Damage:
    """Return how to leave a key out."""

    def damage(data: bytes) -> bytes:
        fields = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
        fields.pop(field, None)
        return msgspec.json.encode(fields)

    return damage


def too_large(how: float) -> Damage:
    """Return how to grow beyond what an event may have, to less than what a record may."""
    return _filled(MAX_EVENT_BYTES + 1, how)


def unsendable(how: float) -> Damage:
    """Return how to grow beyond what a record may have."""
    return _filled(MAX_RECORD_BYTES + 1, how)


def damage_of(reason: RejectReason, how: float) -> Damage:
    """Return one of the ways to get refused for a reason, chosen by a number of [0, 1)."""
    ways = DAMAGES[reason]
    return ways[int(how * len(ways))]


def _filled(least_bytes: int, how: float) -> Damage:
    def damage(data: bytes) -> bytes:
        missing = max(0, least_bytes - len(data)) + int(how * _SPREAD_BYTES)
        return _with_tail(b',"filler":"' + b"x" * missing + b'"')(data)

    return damage


def _with(field: str, value: Any) -> Damage:
    written = msgspec.Raw(msgspec.json.encode(value))

    def damage(data: bytes) -> bytes:
        fields = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
        return msgspec.json.encode({**fields, field: written})

    return damage


def _with_tail(tail: bytes) -> Damage:
    return lambda data: data[:-1] + tail + b"}"


def _cut(data: bytes) -> bytes:
    text = data.decode()  # a cut within a character would be another fault
    return text[: len(text) // 2].encode()


def _bad_bytes_in_type(data: bytes) -> bytes:
    return data.replace(b'"event_type":"', b'"event_type":"\xff\xfe', 1)


DAMAGES: dict[RejectReason, tuple[Damage, ...]] = {
    RejectReason.INVALID_UTF8: (_bad_bytes_in_type, _with_tail(b',"note":"caf\xe9"'), _with_tail(b',"note":"\xc3"')),
    RejectReason.NOT_JSON: (
        _cut,
        _with_tail(b","),
        _with_tail(b',"score":NaN'),
        _with_tail(b',"tree":' + b"[" * _DEPTH + b"]" * _DEPTH),
        lambda data: data + b"}",
        lambda data: data + data,
        lambda data: b"event: " + data,
    ),
    RejectReason.NOT_AN_OBJECT: (lambda data: b"[" + data + b"]", lambda data: msgspec.json.encode(data.decode())),
    RejectReason.MISSING_FIELD: (
        *map(without, ("user_id", "session_id", "event_type", "event_timestamp")),
        _with("user_id", None),
    ),
    RejectReason.EMPTY_FIELD: tuple(
        _with(field, "") for field in ("user_id", "session_id", "event_type", "event_timestamp")
    ),
    RejectReason.WRONG_TYPE: (
        _with("user_id", {"id": 1}),
        _with("session_id", ["s"]),
        _with("event_type", True),
        _with("event_timestamp", False),
        _with("page_url", ["https://shop.example/"]),
        _with("metadata", "country=DE"),
    ),
    RejectReason.BAD_TIMESTAMP: (
        _with("event_timestamp", "yesterday at noon"),
        _with("event_timestamp", "2026-02-30T10:00:00Z"),
        _with("event_timestamp", "2026-11-24T10:00:00"),
        _with("event_timestamp", "24/Nov/2026:10:00:00 +0000"),
    ),
    RejectReason.ABSURD_TIMESTAMP: (
        _with("event_timestamp", "1970-01-01T00:00:00Z"),
        _with("event_timestamp", "9999-12-31T23:59:59Z"),
        _with("event_timestamp", 1_764_000_000),
        _with("event_timestamp", 1e18),
    ),
}
