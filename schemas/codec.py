"""Bytes to event and back: the one place where the wire format is decided.

Any bytes give an event or a typed rejection, never an exception. What is accepted beyond the canonical form: the
aliases `action` and `timestamp`, numbers where a text is expected, epoch milliseconds, an absent event id. Of a key
that stands twice in an object the last counts, and an alias counts only where its field is absent.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec

from schemas.event import MAX_EVENT_BYTES, ClickEvent, Rejection, RejectReason
from schemas.instants import DAY_US, HOUR_US, format_instant_us, hour_floor_us, parse_instant_us

# No event of the web is older than this; a timestamp that is comes from a dead clock battery or a wrong unit.
EARLIEST_EVENT_US = parse_instant_us("2000-01-01T00:00:00Z")
# How far a device's clock may run ahead of the hour in which we heard from it.
MAX_AHEAD_US = DAY_US
_FAR_MS = 1e15
MAX_SEQ = 2**63 - 1
# The parser's own limit is the interpreter's stack, which would make the verdict depend on who asks.
MAX_DEPTH = 100
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_ABSENT = msgspec.Raw(b"{}")


class _Wire(msgspec.Struct, gc=False):
    """The keys of an event on the wire, types not yet judged."""

    event_id: Any = None
    user_id: Any = None
    session_id: Any = None
    event_type: Any = None
    action: Any = None
    event_timestamp: Any = None
    timestamp: Any = None
    device_type: Any = None
    page_url: Any = None
    referrer_url: Any = None
    metadata: msgspec.Raw = _ABSENT
    producer_id: Any = None
    producer_seq: Any = None


class _Canonical(msgspec.Struct, omit_defaults=True, gc=False):
    """The form that we write; only what differs from absent."""

    event_id: str
    user_id: str
    session_id: str
    event_type: str
    event_timestamp: str
    device_type: str | None = None
    page_url: str | None = None
    referrer_url: str | None = None
    metadata: dict[str, str] = {}
    producer_id: str | None = None
    producer_seq: int | None = None


_decode_wire = msgspec.json.Decoder(_Wire).decode
_decode_texts = msgspec.json.Decoder(dict[str, str]).decode
_decode_text = msgspec.json.Decoder(str).decode
_decode_raw_values = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode_json = msgspec.json.Encoder().encode


class _RejectedError(Exception):
    def __init__(self, reason: RejectReason, detail: str) -> None:
        self.rejection = Rejection(reason, detail)


def decode(line: bytes, arrival_us: int) -> ClickEvent | Rejection:
    """Return the event that one line holds, or why it holds none.

    Args:
        line: one record's bytes, without its newline.
        arrival_us: when it was received; only its hour is used, to judge absurd timestamps, since the lake knows no
            more: a raw object's folder is the hour of its oldest record. For a record that arrived in the next hour
            the lake's limit is an hour stricter than the stream's.
    """
    if len(line) > MAX_EVENT_BYTES:
        return Rejection(RejectReason.TOO_LARGE, f"{len(line)} bytes, limit {MAX_EVENT_BYTES}")
    if line.count(b"{") + line.count(b"[") > MAX_DEPTH and _depth(line) > MAX_DEPTH:
        return Rejection(RejectReason.NOT_JSON, f"nested deeper than {MAX_DEPTH}")
    try:
        if not line.isascii():
            line.decode()  # the parser does not look into the texts that it skips
        wire = _decode_wire(line)
    except UnicodeDecodeError as bad:
        return Rejection(RejectReason.INVALID_UTF8, f"at byte {bad.start}")
    except msgspec.ValidationError as error:
        inside = " - at `$" in str(error)
        return Rejection(RejectReason.WRONG_TYPE if inside else RejectReason.NOT_AN_OBJECT, str(error))
    except (msgspec.DecodeError, RecursionError) as error:
        return Rejection(RejectReason.NOT_JSON, str(error))
    try:
        return _judge(wire, line, arrival_us)
    except _RejectedError as rejected:
        return rejected.rejection


def encode(event: ClickEvent) -> bytes:
    """Return the canonical bytes of an event; `decode` gives the same event back.

    They may be longer than what the event was read from (escapes, an id that was absent), so an event read from a line
    just below the size limit may have canonical bytes above it.
    """
    return _encode_json(
        _Canonical(
            event.event_id,
            event.user_id,
            event.session_id,
            event.event_type,
            format_instant_us(event.event_timestamp_us),
            event.device_type,
            event.page_url,
            event.referrer_url,
            event.metadata,
            event.producer_id,
            event.producer_seq,
        )
    )


def payload_digest(event: ClickEvent) -> str:
    """Return 32 hex digits that are equal for equal payloads: all fields but the id and the producer's own count."""
    payload = (
        event.user_id,
        event.session_id,
        event.event_type,
        event.event_timestamp_us,
        event.device_type,
        event.page_url,
        event.referrer_url,
        sorted(event.metadata.items()),
    )
    return hashlib.sha256(_encode_json(payload)).hexdigest()[:32]


def _judge(wire: _Wire, line: bytes, arrival_us: int) -> ClickEvent:
    event_type = wire.event_type if wire.event_type is not None else wire.action
    timestamp = wire.event_timestamp if wire.event_timestamp is not None else wire.timestamp
    event = ClickEvent(
        event_id=_optional_text("event_id", wire.event_id, line) or "",
        user_id=_required_text("user_id", wire.user_id, line),
        session_id=_required_text("session_id", wire.session_id, line),
        event_type=_required_text("event_type", event_type, line),
        event_timestamp_us=_instant_us(timestamp, arrival_us),
        device_type=_optional_text("device_type", wire.device_type, line),
        page_url=_optional_text("page_url", wire.page_url, line),
        referrer_url=_optional_text("referrer_url", wire.referrer_url, line),
        metadata=_metadata(wire.metadata),
        producer_id=_optional_text("producer_id", wire.producer_id, line),
        producer_seq=_producer_seq(wire.producer_seq),
    )
    if event.event_id:
        return event
    return msgspec.structs.replace(event, event_id=payload_digest(event))


def _required_text(name: str, value: Any, line: bytes) -> str:
    if value is None:
        raise _RejectedError(RejectReason.MISSING_FIELD, name)
    text = value if type(value) is str else _text_of(name, value, line)
    if not text:
        raise _RejectedError(RejectReason.EMPTY_FIELD, name)
    return text


def _optional_text(name: str, value: Any, line: bytes) -> str | None:
    if value is None:
        return None
    return (value if type(value) is str else _text_of(name, value, line)) or None


def _text_of(name: str, value: Any, line: bytes) -> str:
    if type(value) is int:
        return str(value)
    if type(value) is float:
        return _written(name, line)
    raise _RejectedError(RejectReason.WRONG_TYPE, f"{name} is {_json_type(value)}, not text")


def _written(name: str, line: bytes) -> str:
    """Return a number as it was written: 1.50 is not 1.5 to whoever chose it as an id."""
    values = _decode_raw_values(line)
    if name == "event_type" and bytes(values.get(name, b"null")) == b"null":
        name = "action"
    return bytes(values[name]).decode().strip()


def _metadata(written: msgspec.Raw) -> dict[str, str]:
    try:
        texts = _decode_texts(written)
    except msgspec.ValidationError:
        texts = _json_texts(written)
    return dict(sorted(texts.items())) if len(texts) > 1 else texts


def _json_texts(written: msgspec.Raw) -> dict[str, str]:
    if bytes(written) == b"null":
        return {}
    try:
        values = _decode_raw_values(written)
    except msgspec.ValidationError:
        raise _RejectedError(RejectReason.WRONG_TYPE, "metadata is not an object") from None
    raws = ((key, bytes(value).strip()) for key, value in values.items())
    return {key: _decode_text(raw) if raw.startswith(b'"') else raw.decode() for key, raw in raws if raw != b"null"}


def _producer_seq(value: Any) -> int | None:
    if value is None:
        return None
    if type(value) is not int:
        raise _RejectedError(RejectReason.WRONG_TYPE, f"producer_seq is {_json_type(value)}, not an integer")
    if not 0 <= value <= MAX_SEQ:
        raise _RejectedError(RejectReason.WRONG_TYPE, "producer_seq is out of range")
    return value


def _instant_us(value: Any, arrival_us: int) -> int:
    if value is None:
        raise _RejectedError(RejectReason.MISSING_FIELD, "event_timestamp")
    if type(value) is str:
        if not value:
            raise _RejectedError(RejectReason.EMPTY_FIELD, "event_timestamp")
        try:
            instant_us = parse_instant_us(value)
        except (ValueError, OverflowError):
            raise _RejectedError(RejectReason.BAD_TIMESTAMP, "not an ISO-8601 instant with a zone") from None
    elif type(value) is int:
        instant_us = value * 1000
    elif type(value) is float:
        if abs(value) > _FAR_MS:
            raise _RejectedError(RejectReason.ABSURD_TIMESTAMP, "outside of the calendar")
        instant_us = round(value * 1000)
    else:
        raise _RejectedError(RejectReason.WRONG_TYPE, f"event_timestamp is {_json_type(value)}")
    if instant_us < EARLIEST_EVENT_US:
        raise _RejectedError(RejectReason.ABSURD_TIMESTAMP, "before the year 2000")
    if instant_us >= hour_floor_us(arrival_us) + HOUR_US + MAX_AHEAD_US:
        raise _RejectedError(RejectReason.ABSURD_TIMESTAMP, "more than a day after the hour of its arrival")
    return instant_us


def _depth(line: bytes) -> int:
    """Return how deep brackets nest outside of texts."""
    depth = deepest = 0
    for byte in _TEXT.sub(b"", line):
        if byte in b"{[":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"}]":
            depth -= 1
    return deepest


def _json_type(value: Any) -> str:
    names = {bool: "a boolean", dict: "an object", list: "an array", str: "a text", int: "a number", float: "a number"}
    return names[type(value)]
