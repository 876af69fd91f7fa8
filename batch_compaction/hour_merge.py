"""An event hour merged: new lines into what it holds, in memory that grows by a few bytes a row.

Rows whose id stands once, by far the most, are facts as they are. Only those whose id stands more than once, or in the
conflicts, meet the comparison of `merge`. Which rows these are is told by hashes: two ids that share one by chance are
compared as well, and found to differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow.dataset import Dataset

from batch_compaction.merge import merge
from batch_compaction.sorting import Pieces, plain
from batch_compaction.text_hashes import are_among, hashes_of, repeated
from schemas.lake import partition_of_hour
from schemas.tables import FACT_CLICKS, HOUR_PARTITION

Flags = npt.NDArray[np.bool_]

_BATCH_ROWS = 128 * 1024


@dataclass(frozen=True, slots=True)
class MergedHour:
    """An event hour after the merge.

    Attributes:
        facts: gives its facts in pieces, in no order, as often as it is asked.
        facts_count: how many there are.
        conflicts: lines that carry the id of a fact and another payload, in their table's order.
        lines: lines that came in for it.
        new_lines: those of them that it did not hold.
        facts_before: facts that it held.
        duplicates: new lines that are neither a fact nor a conflict: another line says the same.
    """

    hour_us: int
    facts: Pieces
    facts_count: int
    conflicts: pa.Table
    lines: int
    new_lines: int
    facts_before: int
    duplicates: int


def merge_hour(hour_us: int, new_lines: Pieces, held_facts: Dataset, held_conflicts: Dataset) -> MergedHour:
    """Merge new lines of an hour into it.

    Args:
        hour_us: start of the hour.
        new_lines: gives the lines, rows of `parse.LINE_SCHEMA`, in pieces, as often as it is asked.
        held_facts: what `fact_clicks` holds of the hour.
        held_conflicts: what `conflicts` holds of it.
    """
    conflicts = held_conflicts.to_table()
    came, held = (partial(_with_hour, pieces, hour_us) for pieces in (new_lines, partial(_pieces, held_facts)))
    came_hashes, held_hashes = ([hashes_of(piece["click_id"]) for piece in pieces()] for pieces in (came, held))
    contested = np.union1d(repeated([*came_hashes, *held_hashes]), hashes_of(conflicts["click_id"]))
    came_once, held_once = ([~are_among(some, contested) for some in hashes] for hashes in (came_hashes, held_hashes))
    compared = merge(_contested(came(), came_once), _contested(held(), held_once), conflicts)

    def facts() -> Iterator[pa.Table]:
        yield from _chosen(came(), came_once)
        yield from _chosen(held(), held_once)
        yield compared.facts

    new, old = (sum(map(np.count_nonzero, once)) for once in (came_once, held_once))
    return MergedHour(
        hour_us,
        facts,
        facts_count=new + old + len(compared.facts),
        conflicts=compared.conflicts,
        lines=new + compared.lines,
        new_lines=new + compared.new_lines,
        facts_before=old + compared.facts_before,
        duplicates=compared.duplicates,
    )


def _pieces(dataset: Dataset) -> Iterator[pa.Table]:
    for batch in dataset.to_batches(batch_size=_BATCH_ROWS, batch_readahead=1, fragment_readahead=1, use_threads=False):
        if len(batch):
            yield pa.Table.from_batches([batch])


def _with_hour(pieces: Pieces, hour_us: int) -> Iterator[pa.Table]:
    """Yield rows with all columns of the facts, whether they have those of the partition or not."""
    for piece in pieces():
        hour = {
            name: pa.repeat(pa.scalar(value, pa.int32()), len(piece))
            for name, value in zip(HOUR_PARTITION, partition_of_hour(hour_us), strict=True)
        }
        names = FACT_CLICKS.schema.names
        yield pa.table({name: hour[name] if name in hour else piece[name] for name in names})


def _chosen(pieces: Iterable[pa.Table], chosen: list[Flags]) -> Iterator[pa.Table]:
    for piece, rows in zip(pieces, chosen, strict=True):
        yield piece if rows.all() else piece.filter(pa.array(rows))


def _contested(pieces: Iterable[pa.Table], once: list[Flags]) -> pa.Table:
    found = [piece.filter(pa.array(~rows)) for piece, rows in zip(pieces, once, strict=True) if not rows.all()]
    return pa.concat_tables([FACT_CLICKS.schema.empty_table(), *(plain(rows, FACT_CLICKS.schema) for rows in found)])
