"""Reading the quarantine: its lines hour by hour, with what became of each, in bounded memory.

Decides which lines are meant; changes nothing. What became of a line stands in a table of its own, so that the
quarantine stays what its raw objects say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from batch_compaction.arrays import Numbers
from batch_compaction.first_seen import FIRST_SEEN
from batch_compaction.quarantine_repair import Origin, QuarantinedLine

REPAIRED = "repaired"
DISMISSED = "dismissed"
KEY_COLUMNS = ["source_object", "source_line"]
_LINE_COLUMNS = [*KEY_COLUMNS, "reason", "detail", "raw_bytes", FIRST_SEEN]
# Columns that rows may be chosen by.
_FILTERED = [*KEY_COLUMNS, "reason"]
# Rows at a time: with their bytes, each of which may be long, and without.
_LINES_AT_A_TIME = 256
_ROWS_AT_A_TIME = 64 * 1024
# What is read of a column at a time.
_BUFFER_BYTES = 256 * 1024
# A line number takes the lower bits of a key, the position of its object the upper ones.
_LINE_BITS = 40


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows are meant; nothing given means all.

    Attributes:
        reasons: with one of these reasons.
        hours: arrived in one of these hours, as partitions.
        source_object: the raw object's key begins so.
    """

    reasons: Sequence[str] = ()
    hours: Sequence[tuple[int, ...]] = ()
    source_object: str = ""

    def expression(self) -> pc.Expression | None:
        """Return what the rows of an hour must fulfil, None where all of them are meant."""
        parts = []
        if self.reasons:
            parts.append(pc.field("reason").isin(list(self.reasons)))
        if self.source_object:
            parts.append(pc.starts_with(pc.field("source_object"), self.source_object))
        if not parts:
            return None
        return parts[0] if len(parts) == 1 else parts[0] & parts[1]

    def hours_of(self, partitions: Iterable[tuple[int, ...]]) -> list[tuple[int, ...]]:
        """Return those of the partitions that are meant, in order."""
        return sorted(hour for hour in partitions if not self.hours or hour in self.hours)


class Resolved:
    """Which lines of an hour are resolved, and how; takes some bytes a line.

    Args:
        rows: with `source_object`, `source_line` and `resolution`.
    """

    def __init__(self, rows: pa.Table) -> None:
        self._objects: pa.Array = rows["source_object"].combine_chunks().unique()
        keys = self._keys(rows["source_object"], rows["source_line"])
        order = np.argsort(keys)
        self._sorted = keys[order]
        self._is_dismissed = pc.equal(rows["resolution"], DISMISSED).to_numpy(zero_copy_only=False)[order]

    def of(self, rows: pa.RecordBatch | pa.Table) -> list[str | None]:
        """Return what became of each row, None for the unresolved."""
        if not len(self._sorted):
            return [None] * len(rows)
        keys = self._keys(rows["source_object"], rows["source_line"])
        found = np.minimum(np.searchsorted(self._sorted, keys), len(self._sorted) - 1)
        is_resolved = self._sorted[found] == keys
        names = np.where(self._is_dismissed[found], DISMISSED, REPAIRED)
        return [str(name) if is_one else None for name, is_one in zip(names, is_resolved, strict=True)]

    def _keys(self, objects: pa.Array | pa.ChunkedArray, lines: pa.Array | pa.ChunkedArray) -> Numbers:
        positions = pc.fill_null(pc.index_in(objects, value_set=self._objects), -1)
        upper = positions.to_numpy(zero_copy_only=False).astype(np.int64) << _LINE_BITS
        keys: Numbers = upper | lines.to_numpy(zero_copy_only=False)
        return keys


def count(quarantine: ds.Dataset, selection: Selection, resolved: Resolved) -> Counter[tuple[str, str | None]]:
    """Return (reason, what became of it) -> lines, of an hour."""
    counted: Counter[tuple[str, str | None]] = Counter()
    for batch in batches(quarantine, [*KEY_COLUMNS, "reason"], selection.expression(), _ROWS_AT_A_TIME):
        counted.update(zip(batch["reason"].to_pylist(), resolved.of(batch), strict=True))
    return counted


def lines(
    quarantine: ds.Dataset, selection: Selection, resolved: Resolved, arrival_hour_us: int
) -> Iterator[tuple[QuarantinedLine, str | None]]:
    """Yield the lines of an hour and what became of each, in the order of the table."""
    for batch in batches(quarantine, _LINE_COLUMNS, selection.expression(), _LINES_AT_A_TIME):
        for row, resolution in zip(batch.to_pylist(), resolved.of(batch), strict=True):
            line = QuarantinedLine(
                origin=Origin(row["source_object"], row["source_line"]),
                reason=row["reason"],
                detail=row["detail"],
                data=row["raw_bytes"],
                arrival_hour_us=arrival_hour_us,
                first_seen_run=row[FIRST_SEEN],
            )
            yield line, resolution


def batches(
    dataset: ds.Dataset, columns: list[str], expression: pc.Expression | None, batch_rows: int = _LINES_AT_A_TIME
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a dataset in batches, in its order; of Parquet files little more than one of them is in memory.

    A scan of such a dataset would decode whole row groups, however long their lines are.
    """
    if isinstance(dataset, ds.InMemoryDataset):
        yield from dataset.to_batches(columns=columns, filter=expression, batch_size=batch_rows)
        return
    read = columns if expression is None else sorted({*columns, *_FILTERED})
    for fragment in dataset.get_fragments():
        chosen = fragment if expression is None else fragment.subset(expression)
        with (
            fragment.filesystem.open_input_file(fragment.path) as source,
            pq.ParquetFile(source, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file,
        ):
            # One row group after the other, since a batch may reach over several of them.
            for group in chosen.row_groups:
                for batch in file.iter_batches(batch_rows, row_groups=[group.id], columns=read):
                    rows = pa.Table.from_batches([batch])
                    # A batch by itself cannot be filtered by an expression that leaves nothing of it.
                    yield from (rows if expression is None else rows.filter(expression)).select(columns).to_batches()
