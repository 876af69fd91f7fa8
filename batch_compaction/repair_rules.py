"""The rules file of a repair: which quarantined lines it takes, and what is to be done with them.

Pure. Reads and judges the TOML and tells all of its faults at once; touches no line (see `quarantine_repair`). The
reference for users is docs/quarantine.md.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from schemas import avsc
from schemas.errors import ConfigError
from schemas.event import RejectReason
from schemas.instants import EPOCH
from schemas.lake import parse_hour

METADATA = "metadata."
_EVENT = {field["name"]: field.get("aliases", []) for field in avsc.fields_of(avsc.CLICK_EVENT)}
# Field -> the other names that it has on the wire.
ALIASES: Mapping[str, list[str]] = {name: aliases for name, aliases in _EVENT.items() if aliases}
# Equal on many lines, an id would make one event of them, and a count would attest what nobody sent.
_OF_ONE_LINE = ("event_id", "producer_id", "producer_seq")
_EPOCH_UNITS = ("epoch_s", "epoch_ms", "epoch_us", "epoch_ns")
_TEXTS = str | tuple[str, ...]
_FIELDS = f"there are {', '.join(_EVENT)} and metadata.KEY"


class Instant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a time is written: `iso`, an epoch unit or a strptime format, with the zone of texts that name none."""

    format: str
    zone: str = "UTC"


Coercion = Literal["text", "integer", "object"] | Instant


class Where(msgspec.Struct, frozen=True):
    """Which lines a rule takes: all of what is given must fit; nothing given takes every line.

    Attributes:
        reason: one of these.
        hour: arrived in one of these hours, in microseconds.
        object: the raw object's key begins so.
        detail: the detail of the reason begins so.
    """

    reason: tuple[str, ...] = ()
    hour: tuple[int, ...] = ()
    object: str = ""
    detail: str = ""

    def takes(self, reason: str, detail: str, source_object: str, arrival_hour_us: int) -> bool:
        """Say whether a line is one of these."""
        return (
            (not self.reason or reason in self.reason)
            and (not self.hour or arrival_hour_us in self.hour)
            and source_object.startswith(self.object)
            and detail.startswith(self.detail)
        )


class Rule(msgspec.Struct, frozen=True):
    """What is done with the lines that it takes, in the order of the attributes.

    Attributes:
        drop: fields to leave out.
        rename: field -> the field that gets its value, where that one is absent.
        coerce: field -> what its value becomes, where it can be read so.
        default: field -> its value where it is absent.
        dismiss: why the lines are no event and need none; nothing else is done with them then.
    """

    where: Where = Where()
    drop: tuple[str, ...] = ()
    rename: dict[str, str] = {}
    coerce: dict[str, Coercion] = {}
    default: dict[str, str] = {}
    dismiss: str = ""


@dataclass(frozen=True)
class Rules:
    """The rules of a file, in its order; of a line, the first that takes it decides."""

    rules: tuple[Rule, ...]

    @cached_property
    def digest(self) -> str:
        """16 hex digits that are equal for rules that say the same, comments and layout aside."""
        return hashlib.sha256(msgspec.json.encode(self.rules)).hexdigest()[:16]

    def number_of(self, reason: str, detail: str, source_object: str, arrival_hour_us: int) -> int | None:
        """Return the position of the rule that takes a line, from 0, or None where none does."""
        for number, rule in enumerate(self.rules):
            if rule.where.takes(reason, detail, source_object, arrival_hour_us):
                return number
        return None

    def may_take(self, arrival_hour_us: int) -> bool:
        """Say whether some rule takes lines of an arrival hour."""
        return any(not rule.where.hour or arrival_hour_us in rule.where.hour for rule in self.rules)


def parse_rules(text: str, name: str) -> Rules:
    """Return the rules that a TOML text declares.

    Args:
        text: the TOML.
        name: what to call it in errors.

    Raises:
        ConfigError: with everything that is wrong with it.
    """
    try:
        declared = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"rules {name}: {error}") from error
    faults = [f"unknown key {key!r}: a file of rules has [[rule]]" for key in declared if key != "rule"]
    tables = declared.get("rule", [])
    if not (isinstance(tables, list) and tables and all(isinstance(table, dict) for table in tables)):
        faults.append("there is no [[rule]]")
        tables = []
    rules = []
    for number, table in enumerate(tables, start=1):
        of_rule: list[str] = []
        rules.append(_rule(table, of_rule))
        faults += [f"rule {number}: {fault}" for fault in (*of_rule, *_faults(rules[-1]))]
    if not faults:
        faults += _unreached(rules)
    if faults:
        raise ConfigError([f"rules {name}: {fault}" for fault in faults])
    return Rules(tuple(rules))


def _rule(table: Mapping[str, Any], faults: list[str]) -> Rule:
    kinds: Mapping[str, Callable[[Any], Any]] = {
        "where": lambda value: _where(msgspec.convert(value, dict[str, Any]), faults),
        "drop": lambda value: _listed(msgspec.convert(value, _TEXTS)),
        "rename": lambda value: msgspec.convert(value, dict[str, str]),
        "coerce": lambda value: msgspec.convert(value, dict[str, Coercion]),
        "default": lambda value: msgspec.convert(value, dict[str, str]),
        "dismiss": lambda value: msgspec.convert(value, str),
    }
    return Rule(**_read(table, kinds, "", faults))


def _where(table: Mapping[str, Any], faults: list[str]) -> Where:
    kinds: Mapping[str, Callable[[Any], Any]] = {
        "reason": lambda value: _listed(msgspec.convert(value, _TEXTS)),
        "hour": lambda value: tuple(map(_hour, _listed(msgspec.convert(value, _TEXTS)))),
        "object": lambda value: msgspec.convert(value, str),
        "detail": lambda value: msgspec.convert(value, str),
    }
    return Where(**_read(table, kinds, "where.", faults))


def _read(
    table: Mapping[str, Any], kinds: Mapping[str, Callable[[Any], Any]], path: str, faults: list[str]
) -> dict[str, Any]:
    """Return the values of a table that can be read; add a fault for each other one and for each unknown key."""
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in kinds:
            faults.append(f"unknown key {path}{key}: there are {', '.join(kinds)}")
            continue
        try:
            values[key] = kinds[key](value)
        except (msgspec.ValidationError, ValueError) as error:
            faults.append(f"{path}{key}: {error}")
    return values


def _listed(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def _hour(text: str) -> int:
    try:
        return parse_hour(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an hour like 2026-11-24T10") from None


def _faults(rule: Rule) -> Iterator[str]:
    for reason in rule.where.reason:
        if reason not in tuple(RejectReason):
            yield f"where.reason: no line has the reason {reason!r}: there are {', '.join(RejectReason)}"
    if rule.dismiss and (rule.drop or rule.rename or rule.coerce or rule.default):
        yield "dismiss stands alone: a line is repaired or dismissed"
    for target in rule.rename.values():
        if not _is_event_field(target):
            yield f"rename: an event has no field {target!r}: {_FIELDS}"
    for field, coercion in rule.coerce.items():
        yield from _coercion_faults(field, coercion)
    for field in rule.default:
        if field in _OF_ONE_LINE:
            yield f"default: {field} cannot be the same for all lines"
        elif not _is_event_field(field) or field == "metadata":
            yield f"default: there is no text field {field!r}: {_FIELDS}"


def _is_event_field(path: str) -> bool:
    return path in _EVENT or (path.startswith(METADATA) and path != METADATA)


def _coercion_faults(field: str, coercion: Coercion) -> Iterator[str]:
    if not _is_event_field(field):
        yield f"coerce: an event has no field {field!r}: {_FIELDS}"
    if not isinstance(coercion, Instant):
        return
    if coercion.format not in ("iso", *_EPOCH_UNITS) and not _is_strptime_format(coercion.format):
        known = ", ".join(("iso", *_EPOCH_UNITS))
        yield f"coerce.{field}.format: {coercion.format!r} is none of {known}, and no strptime format"
    try:
        ZoneInfo(coercion.zone)
    except (ValueError, OSError, KeyError):
        yield f"coerce.{field}.zone: {coercion.zone!r} is no time zone"


def _is_strptime_format(text: str) -> bool:
    try:
        datetime.strptime(EPOCH.strftime(text), text)  # noqa: DTZ007
    except ValueError:
        return False
    return "%" in text


def _unreached(rules: list[Rule]) -> Iterator[str]:
    for number, rule in enumerate(rules[:-1], start=1):
        if rule.where == Where():
            yield f"rule {number + 1} is never reached: rule {number} takes every line"
