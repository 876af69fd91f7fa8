"""Texts as 64-bit hashes, compiled: enough to tell which of millions stand more than once."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from batch_compaction.arrays import Hashes, Octets, Places
from batch_compaction.compiled import compiled

# Source: the FNV-1a hash, its parameters for 64 bits.
_BASIS = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)


def hashes_of(texts: pa.ChunkedArray) -> Hashes:
    """Return a hash for each text of a column without nulls; equal texts have equal ones."""
    hashes = np.empty(len(texts), np.uint64)
    at = 0
    for chunk in texts.chunks:
        _, offsets, octets = chunk.buffers()
        if len(chunk):
            bounds = np.frombuffer(offsets, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
            _hash(bounds, np.frombuffer(octets, np.uint8), hashes[at : at + len(chunk)])
        at += len(chunk)
    return hashes


def repeated(hashes: Iterable[Hashes]) -> Hashes:
    """Return the hashes that stand more than once, sorted."""
    every = np.concatenate([np.zeros(0, np.uint64), *hashes])
    every.sort()
    found: Hashes = np.unique(every[1:][every[1:] == every[:-1]])
    return found


@compiled
def _hash(bounds: Places, octets: Octets, hashes: Hashes) -> None:
    """Fill in the hash of each text, given where each begins, one bound more than there are, and their bytes."""
    for row in range(len(hashes)):
        code = _BASIS
        for at in range(bounds[row], bounds[row + 1]):
            code = (code ^ octets[at]) * _PRIME
        hashes[row] = code
