"""Rows as digests that nobody can make collide: what rows hold, however much, compared as two numbers."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batch_compaction.arrays import Numbers

_TEXT = pa.large_string()
_DIGEST_BYTES = 16
_NOTHING, _COLON = pa.scalar("", _TEXT), pa.scalar(":", _TEXT)


def digests_of(rows: pa.Table) -> Numbers:
    """Return two numbers for each row, equal where the rows are equal in every column.

    Args:
        rows: columns of texts, instants, numbers and maps of texts, each in one chunk.

    Raises:
        ValueError: a column is in several.
    """
    if not len(rows):
        return np.empty((0, 2), np.int64)
    if any(column.num_chunks != 1 for column in rows.columns):
        raise ValueError("columns in several chunks")
    columns = [column.chunk(0) for column in rows.columns]
    written = pc.binary_join_element_wise(*map(_written, columns), _NOTHING).cast(pa.large_binary())
    digests = b"".join([blake2b(row, digest_size=_DIGEST_BYTES).digest() for row in written.to_pylist()])
    numbers: Numbers = np.frombuffer(digests, np.int64).reshape(-1, 2)
    return numbers


def _written(column: pa.Array) -> pa.Array:
    """Return each value behind its length, and a dash for null: whatever follows it, it ends where it ends.

    Source: the netstring, a format for values of any bytes one behind the other.
    """
    texts = _joined_entries(column) if pa.types.is_map(column.type) else column
    if pa.types.is_timestamp(texts.type):
        texts = texts.cast(pa.int64())
    texts = texts.cast(_TEXT)
    lengths = pc.binary_length(texts).cast(_TEXT)
    return pc.binary_join_element_wise(lengths, texts, _COLON, null_handling="replace", null_replacement="-")


def _joined_entries(maps: pa.MapArray) -> pa.Array:
    first, behind = maps.offsets[0].as_py(), maps.offsets[-1].as_py()
    keys, values = (side.slice(first, behind - first) for side in (maps.keys, maps.items))
    entries = pc.binary_join_element_wise(_written(keys), _written(values), _NOTHING)
    return pc.binary_join(pa.ListArray.from_arrays(pc.subtract(maps.offsets, first), entries), _NOTHING)
