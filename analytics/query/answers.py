"""The rows of an answer in the form that was asked for: a table for the eye, CSV, JSON, Parquet."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table
from rich.text import Text

# What a column takes at least for its values to be read, with the lines around it.
_NARROWEST = 12
_WIDEST = 1_000_000
_JSON_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_APPEND_NEWLINE


class Format(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def as_table(rows: pa.Table) -> Table:
    """Return rows for a terminal; numbers stand on the right."""
    table = Table()
    for field in rows.schema:
        # Text, since brackets in the data are no markup.
        table.add_column(Text(field.name), justify="right" if _is_number(field.type) else "left", overflow="fold")
    for row in rows.to_pylist(maps_as_pydicts="lossy"):
        table.add_row(*(Text("" if value is None else _text(value)) for value in row.values()))
    return table


def print_answer(rows: pa.Table, console: Console) -> None:
    """Print rows for a person: a line each where they are piped on; one value a line where columns are too many."""
    if not console.is_terminal:
        print_whole(as_table(rows), console)
    elif rows.num_columns * _NARROWEST > console.width:
        console.print(_one_below_another(rows))
    else:
        console.print(as_table(rows))


def print_whole(table: Table, console: Console) -> None:
    """Print a table where nothing limits its width."""
    console.width = max(
        console.width, console.measure(table, options=console.options.update(max_width=_WIDEST)).maximum
    )
    console.print(table)


def _one_below_another(rows: pa.Table) -> Table:
    table = Table(show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in rows.to_pylist(maps_as_pydicts="lossy"):
        for name, value in row.items():
            table.add_row(Text(name), Text("" if value is None else _text(value)))
        table.add_section()
    return table


def as_bytes(rows: pa.Table, form: Format) -> bytes:
    """Return rows as CSV with a header, as one JSON array of objects, or as a Parquet file."""
    if form is Format.PARQUET:
        sink = pa.BufferOutputStream()
        pq.write_table(rows, sink, compression="snappy")
        body: bytes = sink.getvalue().to_pybytes()
        return body
    listed = rows.to_pylist(maps_as_pydicts="lossy")
    if form is Format.JSON:
        return orjson.dumps(listed, default=_json_value, option=_JSON_OPTIONS)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows.schema.names)
    writer.writerows(["" if value is None else _text(value) for value in row.values()] for row in listed)
    return text.getvalue().encode()


def _json_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        # As it is, with all its digits, which neither a float nor 64 bits hold.
        return orjson.Fragment(format(value, "f"))
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, dict | list):
        return orjson.dumps(value, default=_json_value, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
