"""Rows to events, by a mapping.

Pure. No row is dropped here: one whose required field is empty becomes an event without it, and a time that cannot be
read stays as its text, so that whoever reads the stream refuses both with the right reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from producers.lines import Line, partition_key_of
from producers.replaying.mapping import Mapping as RowMapping
from producers.replaying.mapping import Source, TimeSource
from producers.replaying.paths import path_steps, value_at
from schemas.instants import datetime_to_us, format_instant_us

Row = Mapping[str, Any]
_REQUIRED = {"user_id", "session_id", "event_type", "event_timestamp"}
_CACHED = 4096
# What readers take for a whole number; see `schemas.alert`.
_MOST_DIGITS = 18


class Translated(NamedTuple):
    """The line of a row, and whether it lacks a required field or a readable time."""

    line: Line
    is_incomplete: bool


class Translator:
    """Applies one mapping. Not safe for use from several threads."""

    def __init__(self, mapping: RowMapping) -> None:
        self._constants = mapping.constants
        self._fields = [
            (name, _getter(source), mapping.values.get(name, {}).get) for name, source in mapping.fields.items()
        ]
        self._metadata = [(name, frozenset(source.only), _getter(source)) for name, source in mapping.metadata.items()]
        self._time = _getter(Source(first=(mapping.timestamp.source,)))
        # Recorded times repeat a lot, by the second and by the session.
        self._instant = lru_cache(_CACHED)(_time_reader(mapping.timestamp))

    def translate(self, row: Row) -> Translated:
        """Return the event of a row.

        Raises:
            UnicodeEncodeError: the row holds bytes that are no text.
        """
        event: dict[str, Any] = dict(self._constants)
        for name, get, exchanged in self._fields:
            value = get(row)
            if value := exchanged(value, value):
                event[name] = value
        event_us = None
        if written := self._time(row):
            event["event_timestamp"], event_us = self._instant(written)
        metadata = {
            name: value
            for name, only, get in self._metadata
            if (not only or event.get("event_type") in only) and (value := get(row))
        }
        if metadata:
            event["metadata"] = metadata
        data = msgspec.json.encode(event)
        is_incomplete = event_us is None or not event.keys() >= _REQUIRED
        return Translated(Line(partition_key_of(event.get("user_id"), data), data, event_us), is_incomplete)


def _getter(source: Source) -> Callable[[Row], str]:
    """Return the function that reads a source; it gives an empty text where the row holds nothing."""
    paths = [path_steps(path) for path in source.first or source.join]
    if source.join:
        read = _joined(paths)
    elif len(paths) == 1 and len(paths[0]) == 1:
        read = _column(paths[0][0])
    else:
        read = _first(paths)
    if source.hash is None and source.decimals is None:
        return read

    # Users, sessions and prices repeat.
    @lru_cache(_CACHED)
    def changed(text: str) -> str:
        if text and source.decimals is not None:
            text = _shifted(text, source.decimals)
        if text and source.hash is not None:
            text = hashlib.sha256(text.encode()).hexdigest()[: source.hash]
        return text

    return lambda row: changed(read(row))


def _column(name: str) -> Callable[[Row], str]:
    def column(row: Row) -> str:
        value = row.get(name)
        return value if type(value) is str else _text(value)

    return column


def _first(paths: list[list[str]]) -> Callable[[Row], str]:
    def first(row: Row) -> str:
        for steps in paths:
            if text := _text(value_at(row, steps)):
                return text
        return ""

    return first


def _joined(paths: list[list[str]]) -> Callable[[Row], str]:
    def joined(row: Row) -> str:
        texts = [_text(value_at(row, steps)) for steps in paths]
        return "|".join(texts) if any(texts) else ""

    return joined


def _text(value: Any) -> str:
    """Return a value as text: JSON's own texts as they are, anything else as its JSON, null as nothing."""
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode()


def _shifted(text: str, decimals: int) -> str:
    """Return a decimal number as a whole number of its small units; a text that is none stays as it is."""
    try:
        number = Decimal(text)
        if not number.is_finite() or number.adjusted() + decimals >= _MOST_DIGITS:
            return text
        return str(int(number.scaleb(decimals).to_integral_value()))
    except InvalidOperation:
        return text


def _time_reader(time: TimeSource) -> Callable[[str], tuple[str, int | None]]:
    """Return the function that reads a time; it gives the canonical text, or where it cannot the text as it is."""
    zone = ZoneInfo(time.zone)

    def read(text: str) -> tuple[str, int | None]:
        try:
            instant_us = _read_instant_us(text, time.format, zone)
            return format_instant_us(instant_us), instant_us
        except (ValueError, OverflowError):
            return text, None

    return read


def _read_instant_us(text: str, written_as: str, zone: ZoneInfo) -> int:
    if written_as == "epoch_ms":
        return int(text) * 1000
    moment = datetime.fromisoformat(text) if written_as == "iso" else datetime.strptime(text, written_as)  # noqa: DTZ007
    # A zone in the text counts more than the declared one.
    return datetime_to_us(moment if moment.tzinfo else moment.replace(tzinfo=zone))
