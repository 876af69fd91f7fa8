"""Texts of a column as sorted 64-bit hashes: eight bytes a row, enough to find what repeats and what is missing.

That two texts are equal is confirmed on the texts wherever their hashes meet. The hash is DuckDB's, not that of
`text_hashes` by which the merge tells ids apart: a fault of the one does not hide itself from the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from batch_compaction.arrays import Hashes, are_among
from batch_compaction.lean_scan import connection, lean
from batch_compaction.spill import room_in

_BATCH_ROWS = 128 * 1024
# Sets are compared in as many ranges of the hash, so that what is made on the way is small.
_RANGES = 64
_BOUNDS = np.arange(1, _RANGES, dtype=np.uint64) * np.uint64(2**64 // _RANGES)
_CONFIRM_AT_ONCE = 4096


def sorted_hashes(column: str, rows: ds.Dataset) -> Hashes:
    """Return a hash for every row, repeats included, sorted."""
    hashes = np.empty(_BATCH_ROWS, np.uint64)
    filled = 0
    for batch in _hash_batches(column, rows):
        if filled + len(batch) > len(hashes):
            # In place where the system can: a copy would double what is held.
            hashes.resize(max(filled + len(batch), len(hashes) * 3 // 2), refcheck=False)
        hashes[filled : filled + len(batch)] = batch
        filled += len(batch)
    hashes.resize(filled, refcheck=False)
    hashes.sort()
    return hashes


def missing_hashes(column: str, dataset: ds.Dataset, known: Hashes) -> Iterator[Hashes]:
    """Yield, batch by batch, the hashes of rows that are not among the known ones."""
    for batch in _hash_batches(column, dataset):
        distinct = np.unique(batch)
        yield distinct[~are_among(distinct, known)]


def shared_hashes(column: str, rows: ds.Scanner | ds.Dataset, known: Hashes) -> Iterator[Hashes]:
    """Yield, batch by batch, the hashes of rows that are among the known ones."""
    for batch in _hash_batches(column, rows):
        distinct = np.unique(batch)
        yield distinct[are_among(distinct, known)]


def repeated_hashes(hashes: Hashes) -> Hashes:
    """Return the hashes that stand more than once, each once."""
    repeated: Hashes = np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
    return repeated


def mapped(hashes: Hashes, path: Path) -> Hashes:
    """Return hashes as they lie in a file, which is made of them: memory that the system may have back at any time.

    Raises:
        WorkFailedError: its folder is full.
    """
    if not len(hashes):
        return hashes
    with room_in(path.parent):
        hashes.tofile(path)
    return np.memmap(path, np.uint64, "r")


def in_several(parts: Sequence[Hashes]) -> Hashes:
    """Return the hashes that stand more than once in some arrays together, each once; every array is sorted."""
    found = [np.empty(0, np.uint64)]
    for ranges in zip(*(_ranges(part, _BOUNDS) for part in parts), strict=True):
        together = np.concatenate(ranges)
        together.sort()
        found.append(repeated_hashes(together))
    return np.concatenate(found)


def differences(left: Sequence[Hashes], right: Hashes) -> tuple[Hashes, Hashes]:
    """Return the distinct hashes that only one of two sets has: the left one's, then the right one's; sorted.

    Args:
        left: arrays that make up the left set together, each sorted.
        right: the right set, sorted.
    """
    only_left, only_right = [right[:0]], [right[:0]]
    parts = [_ranges(part, _BOUNDS) for part in (*left, right)]
    for *mine, other in zip(*parts, strict=True):
        ours, theirs = _distinct(mine), _distinct([other])
        if not np.array_equal(ours, theirs):
            only_left.append(ours[~are_among(ours, theirs)])
            only_right.append(theirs[~are_among(theirs, ours)])
    return np.concatenate(only_left), np.concatenate(only_right)


def texts_of(column: str, dataset: ds.Dataset, hashes: Hashes) -> list[str]:
    """Return the distinct texts of a column whose hashes are among the given, sorted."""
    query = f"SELECT DISTINCT {column} FROM source WHERE hash({column}) IN (SELECT h FROM wanted) ORDER BY 1"  # noqa: S608
    return [text for (text,) in _answer(query, source=dataset, wanted=pa.table({"h": hashes}))]


def repeated_texts(column: str, dataset: ds.Dataset, candidates: Hashes) -> list[str]:
    """Return some of the texts that stand in more than one row, sorted; none only where there is none.

    Args:
        column: the column.
        dataset: the rows.
        candidates: the hashes that stand more than once.
    """
    query = (
        f"SELECT {column} FROM source WHERE hash({column}) IN (SELECT h FROM wanted) "  # noqa: S608
        "GROUP BY 1 HAVING count(*) > 1 ORDER BY 1"
    )
    for start in range(0, len(candidates), _CONFIRM_AT_ONCE):
        wanted = pa.table({"h": candidates[start : start + _CONFIRM_AT_ONCE]})
        if texts := [text for (text,) in _answer(query, source=dataset, wanted=wanted)]:
            return texts
    return []


def shared_texts(column: str, left: ds.Dataset, right: ds.Dataset, candidates: Hashes) -> list[str]:
    """Return some of the texts that stand in both, sorted; none only where there is none.

    Args:
        column: the column.
        left: rows.
        right: other rows.
        candidates: the hashes that stand in both.
    """
    for start in range(0, len(candidates), _CONFIRM_AT_ONCE):
        wanted = candidates[start : start + _CONFIRM_AT_ONCE]
        if texts := set(texts_of(column, left, wanted)) & set(texts_of(column, right, wanted)):
            return sorted(texts)
    return []


def _hash_batches(column: str, rows: ds.Scanner | ds.Dataset) -> Iterator[Hashes]:
    if isinstance(rows, ds.Dataset) and not rows.count_rows():
        return
    query = f"SELECT hash({column}) FROM source"  # noqa: S608
    with connection(source=lean(rows, [column])) as opened:
        for batch in opened.sql(query).to_arrow_reader(_BATCH_ROWS):
            yield batch.column(0).to_numpy()


def _answer(query: str, **tables: Any) -> list[tuple[Any, ...]]:
    with connection(**tables) as opened:
        found: list[tuple[Any, ...]] = opened.execute(query).fetchall()
        return found


def _distinct(parts: Sequence[Hashes]) -> Hashes:
    """Return the distinct hashes of sorted arrays, sorted."""
    filled = [part for part in parts if len(part)]
    if len(filled) != 1:
        together: Hashes = np.unique(np.concatenate([np.empty(0, np.uint64), *filled]))
        return together
    [only] = filled
    distinct: Hashes = only[np.concatenate([[True], only[1:] != only[:-1]])]
    return distinct


def _ranges(hashes: Hashes, bounds: Hashes) -> list[Hashes]:
    edges = [0, *np.searchsorted(hashes, bounds).tolist(), len(hashes)]
    return [hashes[start:end] for start, end in pairwise(edges)]
