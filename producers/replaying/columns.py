"""Columns of Arrow to rows: as a mapping reads them, and, where they are an event's own, as the lines of events.

Pure. Times without a zone are in UTC, as the tables of the lake have them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

_TEXTS = ("user_id", "session_id", "device_type", "page_url", "referrer_url")
_ALIASES = {"event_id": "click_id", "event_type": "action", "event_timestamp": "timestamp"}
_REQUIRED = ("user_id", "session_id", "event_type", "event_timestamp")
_MICROSECONDS = pa.timestamp("us")
_encode = msgspec.json.Encoder().encode


def event_columns(names: list[str]) -> tuple[dict[str, str], list[str]]:
    """Return which column holds which field of an event, and the required fields that none holds.

    What producers count stays behind: it belongs to the sending of then.
    """
    fields = (*_TEXTS[:2], *_ALIASES, *_TEXTS[2:], "metadata")
    found = {field: name for field in fields for name in (_ALIASES.get(field), field) if name in names}
    return found, [field for field in _REQUIRED if field not in found]


def event_lines(batch: pa.RecordBatch, columns: Mapping[str, str]) -> Iterator[bytes]:
    """Yield the line of each row, with the fields that have a value.

    Args:
        batch: the rows.
        columns: field of an event -> its column.
    """
    values = [_values_of(batch.column(name)) for name in columns.values()]
    for row in zip(*values, strict=True):
        event = {field: value for field, value in zip(columns, row, strict=True) if value is not None}
        if metadata := event.pop("metadata", None):
            # A text is JSON already; whether it is an object is for who reads the line. JSON has newlines between its
            # values alone, and a line has none.
            is_text = isinstance(metadata, str)
            event["metadata"] = msgspec.Raw(metadata.replace("\n", " ").encode()) if is_text else metadata
        yield _encode(event)


def mapped_rows(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    """Yield each row by column: texts, numbers, and what JSON has."""
    names = batch.schema.names
    for row in zip(*(_values_of(column) for column in batch.columns), strict=True):
        yield dict(zip(names, row, strict=True))


def _values_of(column: pa.Array) -> list[Any]:
    """Return the values of a column as JSON has them; times as texts in UTC with microseconds."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        # Further digits are cut, as everywhere.
        instants = pc.cast(column, pa.timestamp("us", kind.tz), safe=False).cast(_MICROSECONDS)
        texts = pc.binary_join_element_wise(pc.strftime(instants, format="%Y-%m-%dT%H:%M:%S"), "Z", "")
        values: list[Any] = texts.to_pylist()
        return values
    values = column.to_pylist()
    if pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return values
    return [_plain(value) for value in values]


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        # The entries of a map come as pairs.
        if value and all(isinstance(entry, tuple) for entry in value):
            return {str(key): _plain(inner) for key, inner in value}
        return [_plain(inner) for inner in value]
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
