"""An event hour merged: new lines into what it holds, in memory that grows by a few bytes a row.

Rows whose id stands once, by far the most, are facts as they are. Only those whose id stands more than once, or in the
conflicts, meet the comparison of `merge`. Which rows these are is told by hashes: two ids that share one by chance are
compared as well, and found to differ. Be it every row of the hour, as after a run that died or where all was sent
twice, so many of them are compared at a time as fit into memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
from pyarrow.dataset import Dataset

from batch_compaction.arrays import Flags, Hashes, Octets, are_among
from batch_compaction.merge import CONFLICT, FACT, NEITHER, Merged, merge
from batch_compaction.parse import LINE_SCHEMA
from batch_compaction.sorting import (
    ROW_GROUP_ROWS,
    Pieces,
    Room,
    chosen_rows,
    once_more,
    ordered_places,
    plain,
    sorted_groups,
)
from batch_compaction.text_hashes import hashes_of, repeated
from schemas.lake import partition_of_hour
from schemas.tables import CONFLICTS, FACT_CLICKS, HOUR_PARTITION

# Contested rows that are compared at a time, at some 200 bytes each; more where one id has more.
AT_ONCE_ROWS = 512 * 1024


@dataclass(frozen=True, slots=True)
class MergedHour:
    """An event hour after the merge.

    Attributes:
        facts_count: how many facts it has.
        conflicts: lines that carry the id of a fact and another payload, in their table's order.
        lines: lines that came in for it.
        new_lines: those of them that it did not hold.
        facts_before: facts that it held.
        duplicates: new lines that are neither a fact nor a conflict: another line says the same.
        replaced: facts that it held and that gave way to another line of their id.
    """

    hour_us: int
    facts_count: int
    conflicts: pa.Table
    lines: int
    new_lines: int
    facts_before: int
    duplicates: int
    replaced: int


@dataclass(frozen=True, slots=True)
class Merging:
    """A merged hour while its rows are at hand.

    Attributes:
        hour: what came of it.
        pieces: gives its lines, those it held and those that came, as often as it is asked; rows of `LINE_SCHEMA`.
        are_facts: of each piece, which rows are its facts.
        size_bytes: what the pieces take in memory together.
    """

    hour: MergedHour
    pieces: Pieces
    are_facts: Sequence[Flags]
    size_bytes: int

    def sorted_facts(self, room: Room) -> Iterator[pa.Table]:
        """Yield its facts in their table's order, see `sorted_groups`."""
        schema = pa.schema([field for field in FACT_CLICKS.schema if field.name not in HOUR_PARTITION])
        for group in sorted_groups(self.pieces(), self.size_bytes, schema, FACT_CLICKS.order, room, self.are_facts):
            yield _with_hour(group, self.hour.hour_us, FACT_CLICKS.schema)


def merge_hour(hour_us: int, new_lines: Pieces, held_facts: Dataset, held_conflicts: Dataset) -> Merging:
    """Merge new lines of an hour into it.

    Args:
        hour_us: start of the hour.
        new_lines: gives the lines, rows of `parse.LINE_SCHEMA`, in pieces, as often as it is asked.
        held_facts: what `fact_clicks` holds of the hour.
        held_conflicts: what `conflicts` holds of it.
    """
    held_rows = held_conflicts.to_table(columns=LINE_SCHEMA.names).cast(LINE_SCHEMA)
    came, facts, conflicts = sides = (
        _Side.of(new_lines),
        _Side.of(partial(_pieces, held_facts)),
        _Side.of(once_more(held_rows)),
    )
    contested = np.union1d(repeated([*came.hashes, *facts.hashes]), np.concatenate(conflicts.hashes))
    for side in sides:
        side.decide(contested)
    new, old = came.count(FACT), facts.count(FACT)
    parts = np.array_split(contested, sum(side.count(NEITHER) for side in sides) // AT_ONCE_ROWS + 1)
    compared = [_compare(sides, part) for part in parts if len(part)]
    merged = MergedHour(
        hour_us,
        facts_count=sum(side.count(FACT) for side in sides),
        conflicts=_conflicts(hour_us, (piece for side in sides for piece in side.having(CONFLICT))),
        lines=new + sum(part.lines for part in compared),
        new_lines=new + sum(part.new_lines for part in compared),
        facts_before=old + sum(part.facts_before for part in compared),
        duplicates=sum(part.duplicates for part in compared),
        replaced=sum(part.replaced for part in compared),
    )
    return Merging(
        merged,
        lambda: (piece for side in sides for piece in side.pieces()),
        [fates == FACT for side in sides for fates in side.fates],
        size_bytes=sum(side.size_bytes for side in sides),
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """Rows of one origin, in pieces.

    Attributes:
        pieces: gives the rows, as often as it is asked.
        hashes: of each piece, a hash for each id.
        fates: of each piece, what becomes of each row.
        size_bytes: what the pieces take in memory together.
    """

    pieces: Pieces
    hashes: list[Hashes]
    fates: list[Octets]
    size_bytes: int

    @classmethod
    def of(cls, pieces: Pieces) -> _Side:
        hashes, size_bytes = list[Hashes](), 0
        for piece in pieces():
            hashes.append(hashes_of(piece["click_id"]))
            size_bytes += piece.nbytes
        return cls(pieces, hashes, [np.full(len(some), NEITHER, np.uint8) for some in hashes], size_bytes)

    def decide(self, contested: Hashes) -> None:
        """Make facts of all rows whose id is not contested."""
        for hashes, fates in zip(self.hashes, self.fates, strict=True):
            fates[~are_among(hashes, contested)] = FACT

    def count(self, fate: int) -> int:
        """Return how many rows have a fate."""
        return sum(int(np.count_nonzero(fates == fate)) for fates in self.fates)

    def having(self, fate: int) -> Iterator[pa.Table]:
        """Yield the rows that have a fate."""
        return chosen_rows(self.pieces(), [fates == fate for fates in self.fates])

    def undecided(self, part: Hashes) -> list[Flags]:
        """Say of each row whether its fate is to be found and its hash within a part of the contested ones."""
        return [
            (fates == NEITHER) & (part[0] <= hashes) & (hashes <= part[-1])
            for hashes, fates in zip(self.hashes, self.fates, strict=True)
        ]


def _compare(sides: tuple[_Side, ...], part: Hashes) -> Merged:
    """Find the fates of the rows whose hash is within a part of the contested ones."""
    chosen = [side.undecided(part) for side in sides]
    merged = merge(*(chosen_rows(side.pieces(), rows) for side, rows in zip(sides, chosen, strict=True)))
    at = 0
    for side, of_side in zip(sides, chosen, strict=True):
        for fates, rows in zip(side.fates, of_side, strict=True):
            count = int(np.count_nonzero(rows))
            fates[rows] = merged.fates[at : at + count]
            at += count
    # Else what each part took stays with the process, beside what sorting takes next.
    pa.default_memory_pool().release_unused()
    return merged


def _conflicts(hour_us: int, pieces: Iterable[pa.Table]) -> pa.Table:
    rows = _with_hour(pa.concat_tables([LINE_SCHEMA.empty_table(), *pieces]), hour_us, CONFLICTS.schema)
    return rows.take(ordered_places(rows, CONFLICTS.order))


def _pieces(facts: Dataset) -> Iterator[pa.Table]:
    options = {"batch_size": ROW_GROUP_ROWS, "batch_readahead": 1, "fragment_readahead": 1, "use_threads": False}
    for batch in facts.to_batches(columns=LINE_SCHEMA.names, **options):
        if len(batch):
            yield pa.Table.from_batches([batch]).cast(LINE_SCHEMA)


def _with_hour(rows: pa.Table, hour_us: int, schema: pa.Schema) -> pa.Table:
    """Return rows with the columns of their partition, dictionaries taken apart."""
    for name, value in zip(HOUR_PARTITION, partition_of_hour(hour_us), strict=True):
        rows = rows.append_column(name, pa.repeat(pa.scalar(value, pa.int32()), len(rows)))
    return plain(rows, schema)
