"""Rows of an arrival hour of the quarantine: those of some objects replaced, in order, cut into row groups.

Pure. Rows are in order on both sides already, so they are merged and never sorted, and little more than a row group of
them is in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import merge
from operator import itemgetter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from batch_compaction.first_seen import FIRST_SEEN, IDENTITY, FirstSeen
from batch_compaction.quarantine import batches
from batch_compaction.sorting import ROW_GROUP_ROWS, ordered_places
from schemas.tables import QUARANTINE

# A row group ends with the line by which it has so many bytes of lines: long ones have to be in memory by the group.
GROUP_BYTES = 32 * 1024 * 1024


def rows_after(held: ds.Dataset, keys: list[str], came: Iterable[pa.Table], run_id: str) -> Iterator[pa.RecordBatch]:
    """Yield the rows of an hour in order, those of some objects replaced by the lines that came.

    Args:
        held: what the hour holds.
        keys: of the objects.
        came: their lines, in order of object and line.
        run_id: the run that read them.
    """
    is_again = pc.field("source_object").isin(pa.array(keys, pa.string()))
    first_seen = FirstSeen(batches(held, [*IDENTITY, FIRST_SEEN], is_again), run_id)
    told = (first_seen.told_of(batch, QUARANTINE.schema) for piece in came for batch in piece.to_batches())
    kept = batches(_in_order(held), QUARANTINE.schema.names, ~is_again)
    return map(itemgetter(1), merge(_by_object(kept), _by_object(told), key=itemgetter(0)))


def _in_order(held: ds.Dataset) -> ds.Dataset:
    """Return rows in the order of the table: at once in memory where another writer left them in one of its own."""
    places = ordered_places(held.to_table(columns=list(QUARANTINE.order)), QUARANTINE.order)
    return held if (places[1:] > places[:-1]).all() else ds.dataset(held.to_table().take(places))


def _by_object(rows: Iterable[pa.RecordBatch]) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield rows object by object, which stand together, in one piece or in several."""
    for batch in rows:
        start = 0
        runs = pc.run_end_encode(batch["source_object"])
        for key, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            yield key, batch.slice(start, end - start)
            start = end


def row_groups(rows: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Yield rows cut at every row group; where does not depend on the pieces in which they come."""
    waiting: list[pa.RecordBatch] = []
    left_rows, left_bytes = ROW_GROUP_ROWS, GROUP_BYTES
    for batch in rows:
        ends = np.cumsum(pc.binary_length(batch["raw_bytes"]).to_numpy(), dtype=np.int64)
        start = before = 0
        while start < len(batch):
            full = int(np.searchsorted(ends, before + left_bytes)) + 1
            end = min(full, start + left_rows, len(batch))
            waiting.append(batch.slice(start, end - start))
            left_rows -= end - start
            left_bytes -= int(ends[end - 1]) - before
            start, before = end, int(ends[end - 1])
            if not left_rows or left_bytes <= 0:
                yield pa.Table.from_batches(waiting)
                waiting, left_rows, left_bytes = [], ROW_GROUP_ROWS, GROUP_BYTES
    if waiting:
        yield pa.Table.from_batches(waiting)
