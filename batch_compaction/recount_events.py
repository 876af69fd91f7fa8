"""What a line says, judged the plain way for the recount: `json` and the Avro contract, no code of the codec.

Pure. The contract names the fields, their order and their types; how a value of each type is read is written here, from
the documents, a second time. Slow, and meant to be.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from schemas import avsc

MAX_LINE_BYTES = 200 * 1024
_MAX_DEPTH = 100
_HOUR = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_MAX_AHEAD = timedelta(days=1)
_MAX_FLOAT_MS = 1e15
_MAX_LONG = 2**63 - 1
_MAX_DIGITS = 4300  # of a whole number
_WHITESPACE = re.compile(r"[ \t\n\r]*")
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL)
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d)?(?:\.(\d{1,9}))?(Z|[+-]\d\d(?::?\d\d)?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the contract: its column in the facts, the keys it may stand under, and the kind of its values."""

    column: str
    keys: tuple[str, ...]
    kind: str
    is_optional: bool


def _fields() -> tuple[Field, ...]:
    fields = []
    for declared in avsc.fields_of(avsc.CLICK_EVENT):
        kind, is_optional = declared["type"], False
        if isinstance(kind, list):
            kind, is_optional = next(branch for branch in kind if branch != "null"), True
        if isinstance(kind, dict):
            kind = kind.get("logicalType", kind["type"])
        name = declared["name"]
        column = "click_id" if name == "event_id" else name
        # An id may be absent: it is then made of the payload.
        fields.append(Field(column, (name, *declared.get("aliases", ())), kind, is_optional or name == "event_id"))
    return tuple(fields)


FIELDS = _fields()
COLUMNS = tuple(field.column for field in FIELDS)
_PAYLOAD = tuple(name for name in COLUMNS if name not in ("click_id", "producer_id", "producer_seq"))
_KNOWN = {key: field for field in FIELDS for key in field.keys}

Event = dict[str, Any]


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


# Pairs, so that a text behind a key that stands twice is looked at too; numbers stay as they are written.
_strict = json.JSONDecoder(object_pairs_hook=list, parse_constant=_refuse, parse_int=str, parse_float=str).decode
_raw_decode = json.JSONDecoder(object_pairs_hook=list, parse_int=str, parse_float=str).raw_decode


class NoEventError(Exception):
    """The line is no event; the message is the reason's name."""


def read_event(line: bytes, arrival_hour_us: int) -> Event | str:
    """Return column -> value of the event that a line holds, its instant in microseconds, or why it is none.

    Args:
        line: not blank; one that is longer than `MAX_LINE_BYTES` may be cut behind that.
        arrival_hour_us: the hour that the raw object's folder names.
    """
    try:
        return _event(_values(line), _EPOCH + timedelta(microseconds=arrival_hour_us))
    except NoEventError as error:
        return str(error)


def are_same_reason(recounted: str, told: str) -> bool:
    """Say whether two verdicts on a line agree; of a line that is broken a reader may tell another fault before."""
    return recounted == told or (recounted == "not_json" and told in ("not_an_object", "wrong_type"))


def payload_of(event: Event) -> list[Any]:
    """Return what makes two lines of one id the same event, as JSON values."""
    return [sorted(event[name].items()) if name == "metadata" else event[name] for name in _PAYLOAD]


def _values(line: bytes) -> dict[str, str]:
    """Return known key -> its value as written; of a key that stands twice the last."""
    if len(line) > MAX_LINE_BYTES:
        raise NoEventError("too_large")
    if _depth(line) > _MAX_DEPTH:
        raise NoEventError("not_json")
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise NoEventError("invalid_utf8") from None
    try:
        whole = _strict(text)
        if "\\u" in text:  # a lone surrogate has no bytes
            json.dumps(whole, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise NoEventError("not_json") from None
    start = _skip(text, 0)
    if text[start] != "{":
        raise NoEventError("not_an_object")
    values = {}
    for key, value in members(text, start):
        if (field := _KNOWN.get(key)) is None:
            continue
        if field.kind != "map" and _is_out_of_range(value):
            raise NoEventError("wrong_type")
        values[key] = value
    return values


def _event(values: dict[str, str], arrival: datetime) -> Event:
    event: Event = {}
    for field in FIELDS:
        written = [value for key in field.keys if (value := values.get(key, "null")) != "null"]
        event[field.column] = _read(field, written[0] if written else None, arrival)
    if event["click_id"] is None:
        payload = json.dumps(payload_of(event), ensure_ascii=False, separators=(",", ":"))
        event["click_id"] = hashlib.sha256(payload.encode()).hexdigest()[:32]
    return event


def _read(field: Field, written: str | None, arrival: datetime) -> Any:
    if field.kind == "map":
        return _metadata(written)
    if field.kind == "timestamp-micros":
        return _instant_us(written, arrival)
    if field.kind == "long":
        return _whole_number(written)
    text = _text(written)
    if not text and not field.is_optional:
        raise NoEventError("missing_field" if written is None else "empty_field")
    return text or None


def _text(written: str | None) -> str | None:
    if written is None:
        return None
    if written.startswith('"'):
        text: str = json.loads(written)
        return text
    if written[0] in "{[tf":
        raise NoEventError("wrong_type")
    return "0" if written == "-0" else written


def _metadata(written: str | None) -> dict[str, str]:
    if written is None:
        return {}
    if not written.startswith("{"):
        raise NoEventError("wrong_type")
    values = dict(members(written, 0))
    return {
        key: json.loads(value) if value.startswith('"') else value for key, value in values.items() if value != "null"
    }


def _whole_number(written: str | None) -> int | None:
    if written is None:
        return None
    digits = written.removeprefix("-")
    if not digits.isdecimal() or len(digits) > len(str(_MAX_LONG)) or not 0 <= int(written) <= _MAX_LONG:
        raise NoEventError("wrong_type")
    return int(written)


def _instant_us(written: str | None, arrival: datetime) -> int:
    if written is None:
        raise NoEventError("missing_field")
    if written[0] in "{[tf":
        raise NoEventError("wrong_type")
    moment = instant_of(json.loads(written)) if written.startswith('"') else _counted(written)
    if not _EARLIEST <= moment < arrival + _HOUR + _MAX_AHEAD:
        raise NoEventError("absurd_timestamp")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _counted(written: str) -> datetime:
    """Return the instant of a number of milliseconds since the epoch."""
    if written.removeprefix("-").isdecimal():
        if len(written) > len(str(_MAX_LONG)):
            raise NoEventError("absurd_timestamp")
        microseconds = int(written) * 1000
    elif abs(float(written)) > _MAX_FLOAT_MS:
        raise NoEventError("absurd_timestamp")
    else:
        microseconds = round(float(written) * 1000)
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        raise NoEventError("absurd_timestamp") from None


def instant_of(text: str) -> datetime:
    """Return the instant of an ISO-8601 text with a zone.

    Raises:
        NoEventError: it is none, or lies outside of the years 1 to 9999.
    """
    if not text:
        raise NoEventError("empty_field")
    found = _INSTANT.fullmatch(text)
    if found is None or (found[4] and not found[3]):
        raise NoEventError("bad_timestamp")
    day, minute, second, fraction, zone = found.groups()
    offset = timedelta()
    if zone != "Z":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:].removeprefix(":") or 0))
        offset = -offset if zone[0] == "-" else offset
    try:
        local = datetime.fromisoformat(f"{day}T{minute}{second or ':00'}+00:00")
        if abs(offset) >= timedelta(days=1):
            raise ValueError("no such zone")
    except ValueError:
        raise NoEventError("bad_timestamp") from None
    try:
        return local + timedelta(microseconds=int((fraction or "0").ljust(6, "0")[:6])) - offset
    except OverflowError:
        raise NoEventError("absurd_timestamp") from None


def members(text: str, start: int) -> Iterator[tuple[str, str]]:
    """Yield key and value, as written, of the object that begins there in a valid JSON text, in its order."""
    at = _skip(text, start + 1)
    while text[at] != "}":
        key, at = _raw_decode(text, at)
        begin = _skip(text, _skip(text, at) + 1)
        _, end = _raw_decode(text, begin)
        yield key, text[begin:end]
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    found = _WHITESPACE.match(text, at)
    assert found is not None  # noqa: S101 - the pattern may be empty
    return found.end()


def _depth(line: bytes) -> int:
    depth = deepest = 0
    for found in _BRACKETS.finditer(line) if line.count(b"{") + line.count(b"[") > _MAX_DEPTH else ():
        mark = found[0]
        depth += (mark in (b"{", b"[")) - (mark in (b"}", b"]"))
        deepest = max(deepest, depth)
    return deepest


def _is_out_of_range(written: str) -> bool:
    digits = written.removeprefix("-")
    if digits.isdecimal():
        return len(digits) > _MAX_DIGITS
    return digits[0].isdecimal() and float(written) in (float("inf"), float("-inf"))
