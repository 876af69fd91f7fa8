"""What an object holds, piece by piece: one JSON value a line, or the elements of one array. Pure.

Read as the lake reads it, and never held whole: a piece longer than the limit is cut, its length counted. Judges no
piece; says where an object ends before its end, or is nothing that can be read.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator

import msgspec
from backports import zstd

from schemas.blocks import Block, blocks_of
from schemas.compression import decompressed
from schemas.formats import NotUnderstoodError

# Pieces are given as soon as they have come.
_BLOCK_BYTES = 1


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


def pieces(chunks: Iterable[bytes], max_piece_bytes: int, on_block: Callable[[], object]) -> Iterator[Piece]:
    """Yield the pieces of an object; of a damaged one first those before the damage, then one that says so.

    Args:
        chunks: the object's bytes, in order, chunks not empty.
        max_piece_bytes: what is kept of a piece.
        on_block: called for each chunk, before and after it is unpacked; what it raises ends the reading.
    """
    content = _watched(decompressed(_watched(chunks, on_block), zlib, zstd), on_block)
    number = 1
    try:
        for block in blocks_of(content, _BLOCK_BYTES, max_piece_bytes):
            for piece in _pieces_of(block, number):
                yield piece
                number += 1
    except NotUnderstoodError as error:
        yield Piece(1, error.head[:max_piece_bytes], len(error.head), str(error))


def _watched(chunks: Iterable[bytes], on_block: Callable[[], object]) -> Iterator[bytes]:
    for chunk in chunks:
        on_block()
        yield chunk


def _pieces_of(block: Block, first_number: int) -> Iterator[Piece]:
    *lines, last = block.data.split(b"\n")
    if not last and block.damage is None:
        last = lines.pop()
    for number, line in enumerate(lines, first_number):
        yield Piece(number, line, len(line))
    yield Piece(first_number + len(lines), last, len(last) + block.cut_bytes, block.damage)
