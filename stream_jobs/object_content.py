"""What an object holds, piece by piece: one JSON value a line, or the elements of one array. Pure.

Content comes in blocks of any size and is never held whole: a piece longer than the limit is cut, its length counted.
Gzip and a byte order mark are seen in the first bytes. Judges no piece; says where an object ends before its end.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import chain

import msgspec

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
# Input between two copies of the decompressor, which cost some tens of kilobytes each; and output of one step.
_GZIP_STEP_BYTES = 64 * 1024
_GZIP_OUTPUT_BYTES = 256 * 1024
# What decides where an element ends; a text that is whole and without escapes is passed over as one. Commas matter only
# between elements.
_MARK = re.compile(rb'"[^"\\]*"|["{}\[\],]')
_MARK_INSIDE = re.compile(rb'"[^"\\]*"|["{}\[\]]')
_IN_TEXT = re.compile(rb'["\\]')
_WHITESPACE = b" \t\r\n"
# Source: RFC 8259, section 8.1: a parser may ignore it.
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Source: gzip manual, "Tapes": what pads a gzip to a block of a device.
_PADDING = b"\0"


class Piece(msgspec.Struct, frozen=True, gc=False):
    """A line, or an element of an array.

    Attributes:
        number: its place in the object, from 1; blank lines count.
        data: its bytes; of one longer than the limit only the first.
        length: its whole length in bytes.
        damage: what is wrong with the object, where this is what was left before that place.
    """

    number: int
    data: bytes
    length: int
    damage: str | None = None

    @property
    def is_cut(self) -> bool:
        """Whether there is more of it than is here."""
        return self.length > len(self.data)


class _DamagedError(Exception):
    pass


def pieces(blocks: Iterable[bytes], max_piece_bytes: int, on_block: Callable[[], object]) -> Iterator[Piece]:
    """Yield the pieces of an object; of a damaged one first those before the damage, then one that says so.

    Args:
        blocks: the object's bytes, in order, blocks not empty.
        max_piece_bytes: what is kept of a piece.
        on_block: called for each block, before and after it is unzipped; what it raises ends the reading.
    """
    splitter = _Splitter(max_piece_bytes)
    damage = None
    try:
        for block in _unmarked(_watched(_unzipped(_watched(blocks, on_block)), on_block)):
            yield from splitter.feed(block)
    except _DamagedError as error:
        damage = str(error)
    yield from splitter.end(damage)


def _watched(blocks: Iterable[bytes], on_block: Callable[[], object]) -> Iterator[bytes]:
    for block in blocks:
        on_block()
        yield block


def _unzipped(blocks: Iterable[bytes]) -> Iterator[bytes]:
    iterator = iter(blocks)
    head = b""
    while len(head) < len(_GZIP_MAGIC) and (block := next(iterator, b"")):
        head += block
    content = chain(filter(None, [head]), iterator)
    if not head.startswith(_GZIP_MAGIC):
        yield from content
        return
    member = _Member()
    for block in content:
        rest = block
        while rest:
            if member.is_over:
                rest = rest.lstrip(_PADDING)
                if not rest:
                    break
                member = _Member()
            step, rest = rest[:_GZIP_STEP_BYTES], rest[_GZIP_STEP_BYTES:]
            yield from member.feed(step)
            rest = member.unused + rest
    if not member.is_over:
        raise _DamagedError("the gzip ends before its end")


def _unmarked(blocks: Iterator[bytes]) -> Iterator[bytes]:
    head = b""
    for block in blocks:
        head += block
        if len(head) >= len(_BYTE_ORDER_MARK) or not _BYTE_ORDER_MARK.startswith(head):
            break
    yield from filter(None, [head.removeprefix(_BYTE_ORDER_MARK)])
    yield from blocks


class _Member:
    """One member of a gzip."""

    def __init__(self) -> None:
        self._zip = zlib.decompressobj(_GZIP_WINDOW)

    @property
    def is_over(self) -> bool:
        return self._zip.eof

    @property
    def unused(self) -> bytes:
        """What was fed beyond the member's end."""
        return self._zip.unused_data

    def feed(self, step: bytes) -> Iterator[bytes]:
        """Yield what some input gives; before an error all that can be read."""
        before = self._zip.copy()
        given = 0
        waiting = step
        while True:
            try:
                output = self._zip.decompress(waiting, _GZIP_OUTPUT_BYTES)
            except zlib.error as error:
                # The failing call keeps what it had decompressed to itself; byte by byte there is nothing to lose.
                yield from _bytewise(before, step, given)
                raise _DamagedError(f"the gzip is damaged: {error}") from error
            if output:
                given += len(output)
                yield output
            waiting = self._zip.unconsumed_tail
            if self._zip.eof or (not waiting and len(output) < _GZIP_OUTPUT_BYTES):
                return


def _bytewise(member: zlib._Decompress, step: bytes, skipped: int) -> Iterator[bytes]:
    try:
        for at in range(len(step)):
            output = member.decompress(step[at : at + 1])
            if skipped < len(output):
                yield output[skipped:]
            skipped = max(0, skipped - len(output))
    except zlib.error:
        return


class _Splitter:
    """Cuts content into pieces.

    Args:
        limit: what is kept of a piece.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._number = 0
        self._kept: list[bytes] = []
        self._kept_bytes = 0
        self._length = 0
        self._is_begun = False
        self._depth = 0  # of the brackets that are open; 0 outside of an array
        self._in_text = False
        self._is_escaped = False

    def feed(self, block: bytes) -> Iterator[Piece]:
        """Yield every piece that ends in this block."""
        if not self._is_begun:
            start = len(block) - len(block.lstrip(_WHITESPACE))
            if start == len(block):
                yield from self._lines(block)
                return
            self._is_begun = True
            if block[start : start + 1] == b"[":
                self._depth = 1
                self._forget()
                block = block[start + 1 :]
        if self._depth:
            block = yield from self._elements(block)
        yield from self._lines(block)

    def end(self, damage: str | None) -> Iterator[Piece]:
        """Yield what is left."""
        if damage is None and self._depth:
            damage = "the array ends before its end"
        if self._depth == 1 and self._kept and self._kept[-1].rstrip(_WHITESPACE).endswith(b"}"):
            yield from self._whole(b"")  # it is complete, only what should follow is missing
        if damage is not None:
            yield self._piece(b"", damage)
        elif self._length:
            yield self._piece(b"")

    def _lines(self, block: bytes) -> Iterator[Piece]:
        first, *others = block.split(b"\n")
        if not others:
            self._add(first)
            return
        yield self._piece(first)
        last = others.pop()
        limit = self._limit
        for line in others:
            self._number += 1
            yield Piece(self._number, line if len(line) <= limit else line[:limit], len(line))
        self._add(last)

    def _elements(self, block: bytes) -> Generator[Piece, None, bytes]:
        """Yield the elements that end in this block; return what comes after the array."""
        at = start = 0
        if self._is_escaped:
            at, self._is_escaped = 1, False
        while found := self._next_mark().search(block, at):
            at = found.end()
            mark = found[0]
            if mark == b"\\":
                self._is_escaped = at == len(block)
                at += 1
            elif len(mark) == 1 and self._ends_element(mark):
                yield from self._whole(block[start : at - 1])
                start = at
                if self._depth == 0:
                    return block[at:]
        self._add(block[start:])
        return b""

    def _next_mark(self) -> re.Pattern[bytes]:
        if self._in_text:
            return _IN_TEXT
        return _MARK if self._depth == 1 else _MARK_INSIDE

    def _ends_element(self, mark: bytes) -> bool:
        if mark == b'"':
            self._in_text = not self._in_text
        elif mark in b"{[":
            self._depth += 1
        elif mark == b",":
            return self._depth == 1
        elif self._depth > 1 or mark == b"]":  # a brace that closes nothing is for the codec to judge
            self._depth -= 1
        return self._depth == 0

    def _whole(self, data: bytes) -> Iterator[Piece]:
        """Yield an element; a blank one counts as none."""
        piece = self._piece(data)
        if piece.is_cut or piece.data.strip(_WHITESPACE):
            yield piece
        else:
            self._number -= 1

    def _add(self, data: bytes) -> None:
        room = self._limit - self._kept_bytes
        if data and room > 0:
            self._kept.append(data[:room])
            self._kept_bytes += len(self._kept[-1])
        self._length += len(data)

    def _piece(self, data: bytes, damage: str | None = None) -> Piece:
        self._add(data)
        self._number += 1
        piece = Piece(self._number, b"".join(self._kept), self._length, damage)
        self._forget()
        return piece

    def _forget(self) -> None:
        self._kept, self._kept_bytes, self._length = [], 0, 0
