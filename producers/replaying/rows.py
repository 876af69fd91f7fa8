"""The rows in a recording's lines.

Pure. It reads in recorded order, holds one row at a time, and gives the bytes of a row that it cannot read instead of
skipping it. What a row means is not its business.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from producers.replaying.mapping import Mapping

_BYTE_ORDER_MARK = "\ufeff"


class RecordedRow(NamedTuple):
    """A row by column, None where it cannot be read, and the lines that it took, without their newlines."""

    columns: dict[str, Any] | None
    lines: tuple[bytes, ...]


def rows_of(lines: Iterable[bytes], mapping: Mapping) -> Iterator[RecordedRow]:
    """Return the rows in a file's lines, blank lines left out."""
    if mapping.format == "csv":
        return _csv_rows(lines, mapping.columns)
    filled = (stripped for line in lines if (stripped := line.rstrip(b"\r\n")).strip())
    if mapping.pattern is not None:
        match = mapping.pattern.fullmatch
        return (_row(line, lambda text: _groups(match(text))) for line in filled)
    return (_row(line, _json_object) for line in filled)


def header_of(first_line: bytes) -> list[str]:
    """Return the names of the columns in the first line of a CSV file."""
    return next(csv.reader([_decoded(first_line).removeprefix(_BYTE_ORDER_MARK)]), [])


def _csv_rows(lines: Iterable[bytes], columns: Sequence[str]) -> Iterator[RecordedRow]:
    taken: list[bytes] = []

    def texts() -> Iterator[str]:
        for number, line in enumerate(lines):
            taken.append(line)
            text = _decoded(line)
            yield text if number else text.removeprefix(_BYTE_ORDER_MARK)

    reader = csv.reader(texts(), strict=True)
    while True:
        taken.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            cells = None
        own_lines = tuple(stripped for line in taken if (stripped := line.rstrip(b"\r\n")).strip())
        if not own_lines:
            continue
        if not columns and cells:
            columns = cells
        elif cells is None or len(cells) != len(columns):
            yield RecordedRow(None, own_lines)
        else:
            yield RecordedRow(dict(zip(columns, cells, strict=True)), own_lines)


def _row(line: bytes, read: Callable[[str], dict[str, Any] | None]) -> RecordedRow:
    return RecordedRow(read(_decoded(line)), (line,))


def _groups(match: Any) -> dict[str, Any] | None:
    return None if match is None else match.groupdict()


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None


def _decoded(line: bytes) -> str:
    # Bytes that are no text survive the way, and writing them as JSON fails where the row is judged.
    return line.decode("utf-8", "surrogateescape")
