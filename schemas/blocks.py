"""What an object holds, in blocks of whole lines: one JSON value a line, or the elements of one array as lines. Pure.

Both ways read files by this code, so that they agree on what is a record and under which number. Content comes in
chunks of any size and is never held whole: a line longer than the limit is cut, its length counted. Judges no line;
says where an object ends before its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.array_elements import ArrayElements
from schemas.compression import DamagedError
from schemas.formats import HEAD_BYTES, require_understood

WHITESPACE = b" \t\r\n"
# Source: RFC 8259, section 8.1: a parser may ignore it.
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Block:
    """Some lines that follow each other; blank ones count, and each element of an array is a line.

    Attributes:
        data: the lines, each ended by a newline but for an object's last one where it has none.
        first_offset: where it begins in the decompressed object, byte order mark included.
        cut_bytes: how much of the last line is not in `data`, since it is longer than the limit; 0 where it is whole.
        damage: on the last block alone, why the object ends before its end. What follows the last newline in `data`,
            maybe nothing, is then the line that could not be read whole.
    """

    data: bytes
    first_offset: int
    cut_bytes: int = 0
    damage: str | None = None


def blocks_of(
    content: Iterator[bytes], block_bytes: int, max_line_bytes: int, *, is_streamed: bool = False
) -> Iterator[Block]:
    r"""Yield the lines of an object.

    Elements of an array are separated by newlines in place of commas, and have `\r` in place of any newline of theirs,
    so that every byte keeps its offset and none its meaning. What stands between two commas is a line, be it blank; so
    is each line behind the array's end.

    Args:
        content: the object's content, chunks not empty.
        block_bytes: how large a block should be, at least, but for the last one and one that ends with a line that was
            cut. It is larger by no more than a line and a chunk, of which the first is 64 KiB at least.
        max_line_bytes: what is kept of a line.
        is_streamed: it came through the stream, so it holds lines whatever its first one begins with.

    Raises:
        NotUnderstoodError: before any block: the object holds no lines.
    """
    splitter = _Splitter(block_bytes, max_line_bytes, may_be_array=not is_streamed)
    head, damage = _head_of(content)
    text = head
    if not is_streamed:
        text = head.removeprefix(_BYTE_ORDER_MARK)
        require_understood(text)
    splitter.skip(len(head) - len(text))
    yield from splitter.feed(text)
    try:
        for chunk in content if damage is None else ():
            yield from splitter.feed(chunk)
    except DamagedError as error:
        damage = str(error)
    yield from splitter.end(damage)


def _head_of(content: Iterator[bytes]) -> tuple[bytes, str | None]:
    """Return the beginning, enough to be judged by, and what is wrong where the object ends before that."""
    head = bytearray()
    try:
        for chunk in content:
            head += chunk
            if len(head) > HEAD_BYTES + len(_BYTE_ORDER_MARK):
                break
    except DamagedError as error:
        return bytes(head), str(error)
    return bytes(head), None


class _Splitter:
    """Cuts content into blocks.

    Args:
        block_bytes: when a block is full.
        limit: what is kept of a line.
        may_be_array: a bracket before all else begins an array.
    """

    def __init__(self, block_bytes: int, limit: int, *, may_be_array: bool) -> None:
        self._block_bytes = block_bytes
        self._limit = limit
        self._offset = 0  # of the next block
        self._whole: list[bytes] = []  # lines that ended since the last block
        self._whole_bytes = 0
        self._begun: list[bytes] = []  # what is kept of the line that has not
        self._begun_bytes = 0
        self._cut_bytes = 0  # what is not
        self._may_be_array = may_be_array  # nothing but white space came so far
        self._array: ArrayElements | None = None

    def feed(self, chunk: bytes) -> Iterator[Block]:
        """Yield what is full."""
        for at in range(0, len(chunk), self._limit):
            yield from self._feed(chunk[at : at + self._limit])

    def end(self, damage: str | None) -> Iterator[Block]:
        """Yield what is left."""
        if self._array is not None and not self._array.is_over:
            if self._is_whole_object():
                yield from self._lines(b"\n")  # only what should follow is missing
            damage = damage or "the array ends before its end"
        if self._whole or self._begun_bytes or damage is not None:
            data = b"".join([*self._whole, *self._begun])
            yield Block(data, self._offset, self._cut_bytes, damage)

    def skip(self, length: int) -> None:
        """Leave out bytes that are no part of any line; nothing that came before is left."""
        self._offset += length

    def _feed(self, chunk: bytes) -> Iterator[Block]:
        if self._may_be_array:
            start = len(chunk) - len(chunk.lstrip(WHITESPACE))
            self._may_be_array = start == len(chunk)
            if chunk[start : start + 1] == b"[":
                yield from self._open_array(chunk[:start])
                chunk = chunk[start + 1 :]
        if self._array is not None and not self._array.is_over:
            chunk = self._array.as_lines(chunk)
        yield from self._lines(chunk)

    def _is_whole_object(self) -> bool:
        is_open = self._array is None or self._array.is_within or self._cut_bytes
        return not is_open and b"".join(self._begun).rstrip(WHITESPACE).endswith(b"}")

    def _open_array(self, before: bytes) -> Iterator[Block]:
        """Go on behind the bracket; what stands before it on its line belongs to no line."""
        yield from self._lines(before)
        if self._whole:
            yield self._block()
        self.skip(self._begun_bytes + self._cut_bytes + 1)
        self._begun, self._begun_bytes, self._cut_bytes = [], 0, 0
        self._array = ArrayElements()

    def _lines(self, chunk: bytes) -> Iterator[Block]:
        if self._begun_bytes and (end := chunk.find(b"\n") + 1):
            self._begin(chunk[: end - 1])
            chunk = chunk[end:]
            self._whole += [*self._begun, b"\n"]
            self._whole_bytes += self._begun_bytes + 1
            self._begun, self._begun_bytes = [], 0
            if self._cut_bytes:
                yield self._block(self._cut_bytes)
                self._cut_bytes = 0
        end = chunk.rfind(b"\n") + 1
        if end:
            self._whole.append(chunk[:end])
            self._whole_bytes += end
        self._begin(chunk[end:])
        if self._whole_bytes >= self._block_bytes:
            yield self._block()

    def _begin(self, data: bytes) -> None:
        kept = data[: self._limit - self._begun_bytes]
        if kept:
            self._begun.append(kept)
            self._begun_bytes += len(kept)
        self._cut_bytes += len(data) - len(kept)

    def _block(self, cut_bytes: int = 0) -> Block:
        """Return the lines that ended, and begin the next block."""
        block = Block(b"".join(self._whole), self._offset, cut_bytes)
        self._whole, self._whole_bytes = [], 0
        self._offset += len(block.data) + cut_bytes
        return block
