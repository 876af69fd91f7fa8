"""Answers that come as texts or Python values, with the type that the engine names, as columns of Arrow."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

_INTEGERS = {
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "int": pa.int32(),
    "bigint": pa.int64(),
}
_FLOATS = {"double": pa.float64(), "real": pa.float32(), "float": pa.float32()}
_DECIMAL = re.compile(r"decimal(?:\((\d+), ?(\d+)\))?")
_TIMESTAMP = re.compile(r"timestamp(?:\(\d+\))?")


def arrow_type(name: str) -> pa.DataType | None:
    """Return the Arrow type of an engine's type; None where Arrow may see for itself, or a text stays one."""
    name = name.lower()
    if name in _INTEGERS or name in _FLOATS:
        return _INTEGERS.get(name) or _FLOATS[name]
    if found := _DECIMAL.fullmatch(name):
        return pa.decimal128(int(found[1] or 38), int(found[2] or 0))
    if _TIMESTAMP.fullmatch(name):
        return pa.timestamp("us")
    return {"boolean": pa.bool_(), "date": pa.date32(), "varbinary": pa.binary()}.get(name)


def read_text(text: str | None, kind: pa.DataType | None) -> Any:
    """Return the value that a text of Athena's results is; what is no plain type stays a text."""
    if text is None or kind is None:
        return text
    for is_of, read in _READERS:
        if is_of(kind):
            return read(text)
    return text


def table_of(names: Sequence[str], types: Sequence[str], rows: Sequence[Sequence[Any]]) -> pa.Table:
    """Return rows of Python values as a table; columns of one name are told apart by a number."""
    columns = []
    for place, kind in enumerate(map(arrow_type, types)):
        values = [row[place] for row in rows]
        columns.append(pa.array(values, type=kind) if kind is not None else _seen(values))
    return pa.table(columns, names=distinct(names))


def distinct(names: Sequence[str]) -> list[str]:
    """Return names, each with the number of its repetition where it is one: `a`, `a:1`."""
    found: list[str] = []
    for name in names:
        repeats = sum(1 for used in found if used == name or used.rpartition(":")[0] == name)
        found.append(f"{name}:{repeats}" if repeats else name)
    return found


def _seen(values: list[Any]) -> pa.Array:
    if any(isinstance(value, dict) for value in values):
        values = [list(value.items()) if isinstance(value, dict) else value for value in values]
        pair = next((value[0] for value in values if value), ("", ""))
        kinds = [pa.scalar(part).type if part is not None else pa.string() for part in pair]
        return pa.array(values, type=pa.map_(*kinds))
    if all(value is None for value in values):
        return pa.array(values, type=pa.string())
    return pa.array(values)


_READERS: list[tuple[Callable[[pa.DataType], bool], Callable[[str], Any]]] = [
    (pa.types.is_boolean, lambda text: text == "true"),
    (pa.types.is_integer, int),
    (pa.types.is_floating, float),
    (pa.types.is_decimal, Decimal),
    (pa.types.is_date, date.fromisoformat),
    (pa.types.is_timestamp, datetime.fromisoformat),
    (pa.types.is_binary, lambda text: bytes.fromhex(text.replace(" ", ""))),
]
