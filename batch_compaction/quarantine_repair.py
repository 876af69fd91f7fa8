"""What the rules of a repair make of one quarantined line.

Pure. A repair changes only the values that a rule names; whether the result is an event is the codec's verdict alone,
by the hour in which the line first arrived. What cannot be changed as a rule says stays, so that this verdict names it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from batch_compaction.repair_rules import ALIASES, METADATA, Coercion, Instant, Rule, Rules
from schemas.codec import decode
from schemas.event import Rejection, RejectReason
from schemas.instants import datetime_to_us, format_instant_us

# The key under which a repaired line says where it comes from; the codec passes over keys that it does not know.
ORIGIN = "repaired_from"
# How many microseconds a unit is, as a power of ten.
_EPOCH_SHIFT = {"epoch_s": 6, "epoch_ms": 3, "epoch_us": 0, "epoch_ns": -3}
# More than nanoseconds to the year 9999 need; what a larger exponent stands for would not fit into memory.
_MOST_DIGITS = 21
_ABSENT = {b"", b"null", b'""'}
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder().encode


class Fate(StrEnum):
    """What becomes of a line: it passes the codec, fails it, is dismissed, or no rule takes it."""

    PASSES = "passes"
    FAILS = "fails"
    DISMISSED = "dismissed"
    UNTAKEN = "untaken"


class Origin(msgspec.Struct, frozen=True):
    """Where a repaired line comes from: the key of its raw object, and its physical line there."""

    object: str
    line: int


@dataclass(frozen=True, slots=True)
class QuarantinedLine:
    """A row of the quarantine, as far as lists and rules are concerned with it."""

    origin: Origin
    reason: str
    detail: str
    data: bytes
    arrival_hour_us: int
    first_seen_run: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of a line.

    Attributes:
        rule: the position of the rule that took it, from 0; None where none did.
        data: where it passes, the line as it is to be read.
        rejection: where it fails, why.
    """

    fate: Fate
    rule: int | None = None
    data: bytes = b""
    rejection: Rejection | None = None


def judge(rules: Rules, line: QuarantinedLine) -> Judgement:
    """Return what the rules make of a line."""
    number = rules.number_of(line.reason, line.detail, line.origin.object, line.arrival_hour_us)
    if number is None:
        return Judgement(Fate.UNTAKEN)
    rule = rules.rules[number]
    if rule.dismiss:
        return Judgement(Fate.DISMISSED, number)
    if line.reason == RejectReason.DAMAGED_OBJECT:
        return Judgement(Fate.FAILS, number, rejection=Rejection(RejectReason.DAMAGED_OBJECT, "only a part is here"))
    data = repaired(line.data, rule, line.origin)
    verdict = decode(line.data if data is None else data, line.arrival_hour_us)
    if data is None or isinstance(verdict, Rejection):
        why = verdict if isinstance(verdict, Rejection) else Rejection(RejectReason.NOT_JSON, "no JSON object")
        return Judgement(Fate.FAILS, number, rejection=why)
    return Judgement(Fate.PASSES, number, data)


def repaired(data: bytes, rule: Rule, origin: Origin) -> bytes | None:
    """Return a line as a rule makes it, with its origin in it; None where it is no JSON object."""
    try:
        fields = _decode_object(data)
    except (msgspec.DecodeError, RecursionError):
        return None
    line = _Fields(fields)
    for path in rule.drop:
        line.take(path)
    for source, target in rule.rename.items():
        line.move(source, target)
    for field, names in ALIASES.items():
        for name in names:
            line.move(name, field)
    for field, coercion in rule.coerce.items():
        line.change(field, coercion)
    for field, value in rule.default.items():
        if line.lacks(field):
            line.set(field, _encode(value))
    line.set(ORIGIN, _encode(origin))
    return line.encoded()


class _Fields:
    """The fields of a line by path; values stay as they were written unless they are set."""

    def __init__(self, fields: dict[str, msgspec.Raw]) -> None:
        self._fields = fields

    def lacks(self, path: str) -> bool:
        """Say whether a value could be put at a path where nothing is yet: no key, null or an empty text."""
        table, key = self._place(path)
        return table is not None and _is_absent(table.get(key))

    def take(self, path: str) -> msgspec.Raw | None:
        """Remove what is at a path and return it."""
        table, key = self._place(path)
        if table is None or key not in table:
            return None
        value = table.pop(key)
        self._keep(path, table)
        return value

    def set(self, path: str, value: bytes) -> None:
        """Put a value of JSON at a path; nothing happens below a metadata that is no object."""
        table, key = self._place(path)
        if table is not None:
            table[key] = msgspec.Raw(value)
            self._keep(path, table)

    def move(self, source: str, target: str) -> None:
        """Move a value to where nothing is."""
        if self.lacks(target) and not self.lacks(source) and (value := self.take(source)) is not None:
            self.set(target, value)

    def change(self, path: str, coercion: Coercion) -> None:
        """Change the form of what is at a path."""
        table, key = self._place(path)
        if table is not None and not _is_absent(value := table.get(key)):
            self.set(path, _coerced(bytes(value or b"").strip(), coercion))

    def encoded(self) -> bytes:
        """Return the line."""
        return _encode(self._fields)

    def _place(self, path: str) -> tuple[dict[str, msgspec.Raw] | None, str]:
        """Return the table that holds a path, and its key there; no table where the metadata is no object."""
        if not path.startswith(METADATA):
            return self._fields, path
        metadata = self._fields.get("metadata")
        if metadata is None or _is_absent(metadata):
            return {}, path.removeprefix(METADATA)
        try:
            return _decode_object(metadata), path.removeprefix(METADATA)
        except (msgspec.DecodeError, RecursionError):
            return None, path

    def _keep(self, path: str, table: dict[str, msgspec.Raw]) -> None:
        if path.startswith(METADATA):
            self._fields["metadata"] = msgspec.Raw(_encode(table))


def _is_absent(value: msgspec.Raw | None) -> bool:
    return value is None or bytes(value).strip() in _ABSENT


def _coerced(value: bytes, coercion: Coercion) -> bytes:
    """Return a value of JSON in another form, or as it is where it cannot be read so."""
    try:
        text = _decode_text(value) if value.startswith(b'"') else value.decode()
        if isinstance(coercion, Instant):
            return _encode(format_instant_us(_instant_us(text.strip(), coercion)))
        if coercion == "text":
            return _encode(text)
        if coercion == "integer":
            return b"%d" % _whole(Decimal(text.strip()))
        _decode_object(text)
        # On one line, whatever the text looked like.
        return msgspec.json.format(text.encode(), indent=-1)
    except (ValueError, OverflowError, InvalidOperation, msgspec.DecodeError, RecursionError):
        return value


def _instant_us(text: str, written: Instant) -> int:
    if written.format in _EPOCH_SHIFT:
        number = Decimal(text)
        if number.is_finite() and number.adjusted() < _MOST_DIGITS:
            return int(number.scaleb(_EPOCH_SHIFT[written.format]))
        raise ValueError("no instant")
    is_iso = written.format == "iso"
    moment = datetime.fromisoformat(text) if is_iso else datetime.strptime(text, written.format)  # noqa: DTZ007
    # A zone in the text counts more than the declared one.
    return datetime_to_us(moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(written.zone)))


def _whole(number: Decimal) -> int:
    if not number.is_finite() or number.adjusted() >= _MOST_DIGITS or number != number.to_integral_value():
        raise ValueError("no whole number")
    return int(number)
