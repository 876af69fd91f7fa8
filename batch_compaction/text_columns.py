"""Texts that stand somewhere in a block of lines as columns of their own, copied by compiled code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from batch_compaction.arrays import Octets, Places
from batch_compaction.compiled import compiled

_STEP = 8
_1, _2, _3, _4, _5, _6, _7 = (np.uint64(place) for place in range(1, _STEP))


def texts_at(data: bytes, places: Places) -> pa.Array:
    """Return the texts at some places of a block, given where each begins and ends."""
    offsets, texts = _gathered(data, places)
    return pa.StringArray.from_buffers(len(places), pa.py_buffer(offsets), pa.py_buffer(texts))


def filled_texts_at(data: bytes, places: Places) -> pa.Array:
    """Return the texts at some places of a block, null for what is absent or empty."""
    offsets, texts = _gathered(data, places)
    is_filled = np.packbits(offsets[1:] > offsets[:-1], bitorder="little")
    return pa.StringArray.from_buffers(len(places), *map(pa.py_buffer, (offsets, texts, is_filled)))


def _gathered(data: bytes, places: Places) -> tuple[Places, Octets]:
    """Return texts one behind the other: (where each begins, and where the last one ends; their bytes)."""
    starts = places[:, 0]
    offsets = _of_arrow(len(starts) + 1, np.int32)
    offsets[0] = 0
    np.cumsum(places[:, 1] - starts, out=offsets[1:])
    texts = _of_arrow(int(offsets[-1]), np.uint8)
    _gather(np.frombuffer(data, np.uint8), starts, offsets, texts)
    return offsets, texts


def _of_arrow(count: int, kind: type[Any]) -> Any:
    """Return an array in memory of Arrow's, which takes better care of what stays long beside what does not."""
    return np.frombuffer(pa.allocate_buffer(count * np.dtype(kind).itemsize), kind)


@compiled
def _gather(octets: Octets, starts: Places, offsets: Places, texts: Octets) -> None:
    """Copy texts one behind the other, in order.

    Args:
        octets: where they are.
        starts: where each begins there; anything for an empty one.
        offsets: where each belongs, and where the last one ends; from 0.
        texts: room for just them.
    """
    last = min(len(octets), len(texts)) - _STEP
    for row in range(len(starts)):
        start, offset = starts[row], offsets[row]
        length, place = offsets[row + 1] - offset, 0
        # A step beyond the end of a text is written over by the next one.
        while place < length and start + place <= last and offset + place <= last:
            # Without a sign, since a negative index counts from the end, and to look for one costs more than to copy.
            at, to = np.uint64(start + place), np.uint64(offset + place)
            # All are read before any is written, which makes two of sixteen moves.
            a, b, c, d = octets[at], octets[at + _1], octets[at + _2], octets[at + _3]
            e, f, g, h = octets[at + _4], octets[at + _5], octets[at + _6], octets[at + _7]
            texts[to], texts[to + _1], texts[to + _2], texts[to + _3] = a, b, c, d
            texts[to + _4], texts[to + _5], texts[to + _6], texts[to + _7] = e, f, g, h
            place += _STEP
        for rest in range(place, length):
            texts[np.uint64(offset + rest)] = octets[np.uint64(start + rest)]
