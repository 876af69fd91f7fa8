"""An event hour merged: new lines into what it holds, in memory that grows by a few bytes a row.

Rows whose id stands once, by far the most, are facts as they are. Only those whose id stands more than once, or in the
conflicts, meet the comparison of `merge`. Which rows these are is told by hashes: two ids that share one by chance are
compared as well, and found to differ. Be it every row of the hour, as after a run that died or where all was sent
twice, so many of them are compared at a time as fit into memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
from pyarrow.dataset import Dataset

from batch_compaction.arrays import Flags, Hashes, Octets, are_among
from batch_compaction.merge import CONFLICT, FACT, NEITHER, Merged, merge
from batch_compaction.sorting import Pieces, ordered_places, plain
from batch_compaction.text_hashes import hashes_of, repeated
from schemas.lake import partition_of_hour
from schemas.tables import CONFLICTS, FACT_CLICKS, HOUR_PARTITION

_BATCH_ROWS = 128 * 1024
# Contested rows that are compared at a time, at some 200 bytes each; more where one id has more.
AT_ONCE_ROWS = 512 * 1024


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
        replaced: facts that it held and that gave way to another line of their id.
    """

    hour_us: int
    facts: Pieces
    facts_count: int
    conflicts: pa.Table
    lines: int
    new_lines: int
    facts_before: int
    duplicates: int
    replaced: int


def merge_hour(hour_us: int, new_lines: Pieces, held_facts: Dataset, held_conflicts: Dataset) -> MergedHour:
    """Merge new lines of an hour into it.

    Args:
        hour_us: start of the hour.
        new_lines: gives the lines, rows of `parse.LINE_SCHEMA`, in pieces, as often as it is asked.
        held_facts: what `fact_clicks` holds of the hour.
        held_conflicts: what `conflicts` holds of it.
    """
    held_rows = held_conflicts.to_table()
    came, facts, conflicts = sides = (
        _Side.of(partial(_with_hour, new_lines, hour_us)),
        _Side.of(partial(_with_hour, partial(_pieces, held_facts), hour_us)),
        _Side.of([held_rows].copy),
    )
    contested = np.union1d(repeated([*came.hashes, *facts.hashes]), np.concatenate(conflicts.hashes))
    for side in sides:
        side.decide(contested)
    new, old = came.count(FACT), facts.count(FACT)
    parts = np.array_split(contested, sum(side.count(NEITHER) for side in sides) // AT_ONCE_ROWS + 1)
    compared = [_compare(sides, part) for part in parts if len(part)]
    return MergedHour(
        hour_us,
        lambda: (piece for side in sides for piece in side.having(FACT)),
        facts_count=sum(side.count(FACT) for side in sides),
        conflicts=_conflicts(piece for side in sides for piece in side.having(CONFLICT)),
        lines=new + sum(part.lines for part in compared),
        new_lines=new + sum(part.new_lines for part in compared),
        facts_before=old + sum(part.facts_before for part in compared),
        duplicates=sum(part.duplicates for part in compared),
        replaced=sum(part.replaced for part in compared),
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """Rows of one origin, in pieces.

    Attributes:
        pieces: gives the rows, as often as it is asked.
        hashes: of each piece, a hash for each id.
        fates: of each piece, what becomes of each row.
    """

    pieces: Pieces
    hashes: list[Hashes]
    fates: list[Octets]

    @classmethod
    def of(cls, pieces: Pieces) -> _Side:
        hashes = [hashes_of(piece["click_id"]) for piece in pieces()]
        return cls(pieces, hashes, [np.full(len(some), NEITHER, np.uint8) for some in hashes])

    def decide(self, contested: Hashes) -> None:
        """Make facts of all rows whose id is not contested."""
        for hashes, fates in zip(self.hashes, self.fates, strict=True):
            fates[~are_among(hashes, contested)] = FACT

    def count(self, fate: int) -> int:
        """Return how many rows have a fate."""
        return sum(int(np.count_nonzero(fates == fate)) for fates in self.fates)

    def having(self, fate: int) -> Iterator[pa.Table]:
        """Yield the rows that have a fate."""
        return _chosen(self.pieces(), [fates == fate for fates in self.fates])

    def undecided(self, part: Hashes) -> list[Flags]:
        """Say of each row whether its fate is to be found and its hash within a part of the contested ones."""
        return [
            (fates == NEITHER) & (part[0] <= hashes) & (hashes <= part[-1])
            for hashes, fates in zip(self.hashes, self.fates, strict=True)
        ]


def _compare(sides: tuple[_Side, ...], part: Hashes) -> Merged:
    """Find the fates of the rows whose hash is within a part of the contested ones."""
    chosen = [side.undecided(part) for side in sides]
    merged = merge(*(_chosen(side.pieces(), rows) for side, rows in zip(sides, chosen, strict=True)))
    at = 0
    for side, of_side in zip(sides, chosen, strict=True):
        for fates, rows in zip(side.fates, of_side, strict=True):
            count = int(np.count_nonzero(rows))
            fates[rows] = merged.fates[at : at + count]
            at += count
    # Else what each part took stays with the process, beside what sorting takes next.
    pa.default_memory_pool().release_unused()
    return merged


def _conflicts(pieces: Iterable[pa.Table]) -> pa.Table:
    rows = pa.concat_tables([CONFLICTS.schema.empty_table(), *(plain(piece, CONFLICTS.schema) for piece in pieces)])
    return rows.take(ordered_places(rows, CONFLICTS.order))


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
    """Yield the chosen rows, few at a time of a piece that has many."""
    for piece, rows in zip(pieces, chosen, strict=True):
        for start in range(0, len(piece), _BATCH_ROWS):
            some = rows[start : start + _BATCH_ROWS]
            batch = piece.slice(start, _BATCH_ROWS)
            if some.all():
                yield batch
            elif some.any():
                yield batch.filter(pa.array(some))
