r"""The lines of a raw object, read the plain way for the recount; shares no code with the way that compaction reads.

Pure. A body is plain, gzip or zstd by its first bytes. A byte order mark is skipped. Lines end with a newline. Content
whose first character is `[` is an array: its commas and its last bracket end lines, newlines inside of it are white
space. Of a damaged body all that precedes the damage counts, and the line that it ends in is torn.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any

from backports import zstd

WHITESPACE = b" \t\r\n"
_GZIP, _ZSTD = b"\x1f\x8b", re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")
_MARK = b"\xef\xbb\xbf"
_HEAD_BYTES = 4
_GZIP_WBITS = 16 + zlib.MAX_WBITS
_GZIP_STEP_BYTES = 64 * 1024
_ZSTD_STEP_BYTES = 1024  # what a damaged zstd gives hangs on the steps it is read in: this is the documented one
_IN_ARRAY = re.compile(rb'["\\{}\[\],\n]')


class _DamagedError(Exception):
    """The content ends here, before its end."""


@dataclass(frozen=True, slots=True)
class Line:
    """A physical line.

    Attributes:
        number: from 1.
        data: its bytes without the newline; of one that is longer than the limit, one byte more than the limit.
        is_torn: whether the object ends in it, before its end.
    """

    number: int
    data: bytes
    is_torn: bool = False


def lines_of(body: Iterable[bytes], limit: int, *, is_streamed: bool = False) -> Iterator[Line]:
    """Yield the lines of an object, given the chunks of its body; what came through the stream is never an array."""
    number, held = 1, b""
    try:
        content = _content(_with_head(body))
        for chunk in content if is_streamed else _without_array(_with_head(content)):
            first, *others = chunk.split(b"\n")
            held = (held + first)[: limit + 1]
            for other in others:
                yield Line(number, held)
                number, held = number + 1, other[: limit + 1]
    except _DamagedError:
        yield Line(number, held, is_torn=True)
        return
    if held:
        yield Line(number, held)


def _with_head(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes, the first chunk long enough to see what they are; of damaged ones all before the damage."""
    head = b""
    damage = None
    iterator = iter(chunks)
    try:
        while len(head) < _HEAD_BYTES and (chunk := next(iterator, None)) is not None:
            head += chunk
    except _DamagedError as error:
        damage = error
    yield head
    if damage is not None:
        raise damage
    yield from iterator


def _content(body: Iterator[bytes]) -> Iterator[bytes]:
    head = next(body)
    whole = chain([head], body)
    if head.startswith(_GZIP):
        return _gunzipped(_steps(whole, _GZIP_STEP_BYTES))
    if _ZSTD.match(head):
        return _unzstd(_steps(whole, _ZSTD_STEP_BYTES))
    return whole


def _steps(body: Iterable[bytes], length: int) -> Iterator[bytes]:
    held = b""
    for chunk in body:
        held += chunk
        whole = len(held) // length * length
        for at in range(0, whole, length):
            yield held[at : at + length]
        held = held[whole:]
    yield held


def _gunzipped(body: Iterator[bytes]) -> Iterator[bytes]:
    member = zlib.decompressobj(wbits=_GZIP_WBITS)
    for step in body:
        waiting = step
        while waiting:
            if member.eof:
                waiting = waiting.lstrip(b"\0")  # what pads a tape
                member = zlib.decompressobj(wbits=_GZIP_WBITS) if waiting else member
                continue
            before = member.copy()
            try:
                yield member.decompress(waiting)
            except zlib.error as error:
                yield from _up_to_damage(before, waiting)
                raise _DamagedError from error
            waiting = member.unused_data
    if not member.eof:
        raise _DamagedError


def _up_to_damage(member: Any, data: bytes) -> Iterator[bytes]:
    with suppress(zlib.error):  # the call that fails keeps its output; byte by byte there is none
        for at in range(len(data)):
            yield member.decompress(data[at : at + 1])


def _unzstd(body: Iterator[bytes]) -> Iterator[bytes]:
    frame = zstd.ZstdDecompressor()
    for step in body:
        waiting = step
        while waiting:
            if frame.eof:
                waiting = waiting.lstrip(b"\0")
                frame = zstd.ZstdDecompressor() if waiting else frame
                continue
            try:
                yield frame.decompress(waiting)
            except zstd.ZstdError as error:
                raise _DamagedError from error
            waiting = frame.unused_data
    if not frame.eof:
        raise _DamagedError


def _without_array(content: Iterator[bytes]) -> Iterator[bytes]:
    chunk = next(content).removeprefix(_MARK)
    while not chunk.lstrip(WHITESPACE):
        begun = chunk.rfind(b"\n") + 1
        yield chunk[:begun]
        chunk = chunk[begun:]
        try:
            following = next(content, None)
        except _DamagedError:
            yield chunk
            raise
        if following is None:
            yield chunk
            return
        chunk += following
    start = len(chunk) - len(chunk.lstrip(WHITESPACE))
    if chunk[start : start + 1] != b"[":
        yield from chain([chunk], content)
        return
    yield chunk[: chunk.rfind(b"\n", 0, start) + 1]
    yield from _elements(chain([chunk[start + 1 :]], content))


def _elements(content: Iterable[bytes]) -> Iterator[bytes]:
    """Yield an array from behind its first bracket, its elements as lines, and what follows it as it is."""
    array, damage = _Array(), None
    try:
        for chunk in content:
            yield array.as_lines(chunk)
    except _DamagedError as error:
        damage = error
    if array.ends_with_an_object:
        yield b"\n"  # only what should follow the element is missing
    if array.depth or damage is not None:
        raise _DamagedError from damage


class _Array:
    """Where an array's elements end: a walk over its quotes, backslashes, brackets and commas."""

    def __init__(self) -> None:
        self.depth = 1
        self._in_text = False
        self._escaped_at = -1
        self._last = b""

    @property
    def ends_with_an_object(self) -> bool:
        return self.depth == 1 and not self._in_text and self._last == b"}"

    def as_lines(self, chunk: bytes) -> bytes:
        lines = bytearray(chunk)
        for found in _IN_ARRAY.finditer(chunk) if self.depth else ():
            mark, at = found[0], found.start()
            if mark == b"\n":
                lines[at] = ord("\r")
            elif at != self._escaped_at and self._ends_element(mark, at):
                lines[at] = ord("\n")
                if not self.depth:
                    break
        self._escaped_at -= len(chunk)
        self._last = chunk.rstrip(WHITESPACE)[-1:] or self._last
        return bytes(lines)

    def _ends_element(self, mark: bytes, at: int) -> bool:
        if self._in_text:
            self._in_text = mark != b'"'
            self._escaped_at = at + 1 if mark == b"\\" else self._escaped_at
        elif mark == b'"':
            self._in_text = True
        elif mark in b"{[":
            self.depth += 1
        elif self.depth > 1:
            self.depth -= mark in b"}]"
        elif mark in b",]":
            self.depth -= mark == b"]"
            return True
        return False
