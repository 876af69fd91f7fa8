"""Recordings on disk: files of lines, gzip or not, and the rows in them.

It reads in recorded order, holds one row at a time, and gives the bytes of a row that it cannot read instead of
skipping it. What a row means is not its business.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from producers.mapping import Mapping
from schemas.errors import ConfigError, WorkFailedError

_GZIP_MAGIC = b"\x1f\x8b"
_BYTE_ORDER_MARK = "\ufeff"


class RecordedRow(NamedTuple):
    """A row by column, None where it cannot be read, and the lines that it took, without their newlines."""

    columns: dict[str, Any] | None
    lines: tuple[bytes, ...]


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file, each with its newline.

    Raises:
        WorkFailedError: the file is damaged; every line before the damage was yielded.
    """
    count = 0
    try:
        with path.open("rb") as plain:
            is_gzip = plain.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
            plain.seek(0)
            for line in gzip.GzipFile(fileobj=plain) if is_gzip else plain:
                count += 1
                yield line
    except (OSError, EOFError, zlib.error) as error:
        raise WorkFailedError(f"{path} is damaged after line {count}: {error}") from error


def rows_of(lines: Iterable[bytes], mapping: Mapping) -> Iterator[RecordedRow]:
    """Return the rows in a file's lines, blank lines left out."""
    if mapping.format == "csv":
        return _csv_rows(lines, mapping.columns)
    filled = (stripped for line in lines if (stripped := line.rstrip(b"\r\n")).strip())
    if mapping.pattern is not None:
        match = mapping.pattern.fullmatch
        return (_row(line, lambda text: _groups(match(text))) for line in filled)
    return (_row(line, _json_object) for line in filled)


def check_recordings(paths: Sequence[Path], mapping: Mapping | None) -> None:
    """Look at the beginning of each file, so that a run does not stop half-way for what could be known before.

    Raises:
        ConfigError: with every file that is not there, cannot be read, or lacks a column that the mapping needs.
    """
    faults = []
    for path in paths:
        try:
            if not path.is_file():
                faults.append(f"{path} is not a file")
                continue
            first = next(read_lines(path), b"")
        except (OSError, WorkFailedError) as error:
            faults.append(str(error))
            continue
        if mapping is not None and mapping.format == "csv" and not mapping.columns:
            header = next(csv.reader([_decoded(first).removeprefix(_BYTE_ORDER_MARK)]), [])
            faults += [f"{path} has no column {name!r}" for name in sorted(mapping.needed_columns - set(header))]
    if faults:
        raise ConfigError(faults)


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
