"""Recordings of lines: the content of a file or an object, plain, gzip or zstd by its first bytes, as lines. Pure.

Without a mapping it is read as the pipeline reads raw objects: JSON lines, or one array whose elements are the lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import cast

from backports import zstd
from zlib_ng import zlib_ng

from producers.lines import Line
from producers.replaying.conversion import RowCounts, lines_as_recorded, lines_by_mapping
from producers.replaying.judging import Judge
from producers.replaying.mapping import Mapping
from producers.replaying.rows import header_of, rows_of
from schemas.blocks import blocks_of
from schemas.compression import DamagedError, Zlib, decompressed
from schemas.errors import WorkFailedError
from schemas.formats import NotUnderstoodError

# The stub of the module says that its `error` is an instance.
_GZIP = cast("Zlib", zlib_ng)
_BLOCK_BYTES = 1 << 20
# What is kept of a line; no record of a stream holds as much, so a longer one cannot be sent in any case.
_MAX_LINE_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class TextRecording:
    """Lines in one file or object.

    Attributes:
        name: what to call it in errors.
        identity: text that is another once the content is.
        chunks: gives the bytes as they are stored, chunks not empty.
        mapping: how a row becomes an event; None for lines that are events already.
        is_within_by_arrival: whether a span has chosen it as a whole, by when it arrived.
        is_streamed: see `blocks_of`.
    """

    name: str
    identity: str
    chunks: Callable[[], Iterator[bytes]]
    mapping: Mapping | None
    is_within_by_arrival: bool = False
    is_streamed: bool = False

    def faults(self) -> list[str]:
        """Return what is wrong with its beginning: it cannot be read, or lacks a column that the mapping needs."""
        try:
            first = next(iter(self._recorded()), b"")
        except WorkFailedError as error:
            return [str(error)]
        if self.mapping is None or self.mapping.format != "csv" or self.mapping.columns:
            return []
        lacking = self.mapping.needed_columns - set(header_of(first))
        return [f"{self.name} has no column {name!r}" for name in sorted(lacking)]

    def lines(self, judge: Judge, counts: RowCounts) -> Iterator[Line]:
        """Yield what is sent of it, in recorded order.

        Raises:
            WorkFailedError: it is damaged, and every line before the damage was yielded; or it holds no lines.
        """
        if self.mapping is None:
            return lines_as_recorded(self._recorded(), judge, counts)
        return lines_by_mapping(rows_of(self._recorded(), self.mapping), self.mapping, counts)

    def _recorded(self) -> Iterable[bytes]:
        content = decompressed(self.chunks(), _GZIP, zstd)
        return self._json_lines(content) if self.mapping is None else self._lines(content)

    def _json_lines(self, content: Iterator[bytes]) -> Iterator[bytes]:
        count = 0
        try:
            for block in blocks_of(content, _BLOCK_BYTES, _MAX_LINE_BYTES, is_streamed=self.is_streamed):
                lines = block.data.split(b"\n")
                last = lines.pop()
                count += len(lines)
                yield from lines
                if block.damage is not None:
                    raise self._damaged(count, block.damage)
                yield last
        except NotUnderstoodError as error:
            raise WorkFailedError(
                f"{self.name} holds no events, one a line: {error.kind}; it needs a mapping"
            ) from error

    def _lines(self, content: Iterator[bytes]) -> Iterator[bytes]:
        count = 0
        rest = b""
        try:
            for chunk in content:
                *lines, rest = (rest + chunk).split(b"\n")
                count += len(lines)
                for line in lines:
                    yield line + b"\n"
        except DamagedError as error:
            raise self._damaged(count, str(error)) from error
        if rest:
            yield rest

    def _damaged(self, count: int, why: str) -> WorkFailedError:
        return WorkFailedError(f"{self.name} is damaged after line {count}: {why}")
