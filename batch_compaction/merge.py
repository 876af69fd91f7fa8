"""Lines that share an event id compared: which one is the fact of each id, and which conflict with it.

The winner of an id is its smallest (raw object key, line) ever seen. Facts and conflicts together keep the smallest
line of every payload of an id, which is all that is needed to come to the same rows in whatever order lines arrive. A
line that is met again is itself, no duplicate.

Ids and payloads are compared by digests that nobody can make collide, so that a line takes some dozens of bytes here,
whatever it holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batch_compaction.arrays import Flags, Numbers, Octets
from batch_compaction.digests import digests_of
from batch_compaction.periods import begins
from batch_compaction.sorting import joined
from schemas.tables import PAYLOAD_COLUMNS

# What becomes of a line: another one stands for it, or it is a row of one of the tables.
NEITHER, FACT, CONFLICT = range(3)
# Where a line comes from. Of one that comes from several places the first of these is it.
HELD_FACT, HELD_CONFLICT, CAME = range(3)

# What is written down of rows on the way to their digests takes as much as they do.
_ROWS_AT_ONCE = 16 * 1024


@dataclass(frozen=True, slots=True)
class Merged:
    """Lines after the merge.

    Attributes:
        fates: what became of each line, in the order of the lines.
        lines: lines that came in.
        new_lines: those of them that were not held.
        facts_before: facts that were held.
        duplicates: new lines that are neither a fact nor a conflict: another line says the same.
        replaced: facts that were held and gave way to another line of their id.
    """

    fates: Octets
    lines: int
    new_lines: int
    facts_before: int
    duplicates: int
    replaced: int


def merge(came: Iterable[pa.Table], held_facts: Iterable[pa.Table], held_conflicts: Iterable[pa.Table]) -> Merged:
    """Return what becomes of lines, all that some ids have in one event hour; in the order of the arguments.

    Args:
        came: new lines in pieces, with the columns of the facts; the key of the object may be a dictionary.
        held_facts: those that the facts hold.
        held_conflicts: those that the conflicts hold.
    """
    lines = _Lines()
    for origin, pieces in ((CAME, came), (HELD_FACT, held_facts), (HELD_CONFLICT, held_conflicts)):
        for rows in joined(pieces, _ROWS_AT_ONCE):
            for start in range(0, len(rows), _ROWS_AT_ONCE):
                lines.add(rows.slice(start, _ROWS_AT_ONCE).combine_chunks(), origin)
    return _merged(*lines.columns())


class _Lines:
    """Lines as numbers."""

    def __init__(self) -> None:
        self._objects: dict[str, int] = {}
        self._ids: list[Numbers] = [np.empty((0, 2), np.int64)]
        self._payloads: list[Numbers] = [np.empty((0, 2), np.int64)]
        self._places: list[Numbers] = [np.empty((0, 2), np.int64)]
        self._origins: list[Octets] = [np.empty(0, np.uint8)]

    def add(self, rows: pa.Table, origin: int) -> None:
        self._ids.append(digests_of(rows.select(["click_id"])))
        self._payloads.append(digests_of(rows.select(PAYLOAD_COLUMNS)))
        self._places.append(np.column_stack([self._object_codes(rows), rows["source_line"].to_numpy()]))
        self._origins.append(np.full(len(rows), origin, np.uint8))

    def columns(self) -> tuple[Numbers, Numbers, Numbers, Numbers, Octets]:
        """Return ids, payloads, objects in the order of their keys, lines, and where each comes from."""
        objects, lines = np.concatenate(self._places).T
        rank = np.empty(len(self._objects), np.int64)
        rank[[self._objects[key] for key in sorted(self._objects)]] = np.arange(len(rank))
        return np.concatenate(self._ids), np.concatenate(self._payloads), rank[objects], lines, self._origin()

    def _origin(self) -> Octets:
        return np.concatenate(self._origins)

    def _object_codes(self, rows: pa.Table) -> Numbers:
        codes = [np.empty(0, np.int64)]
        for chunk in rows["source_object"].chunks:
            coded = chunk if pa.types.is_dictionary(chunk.type) else pc.dictionary_encode(chunk)
            known = [self._objects.setdefault(key, len(self._objects)) for key in coded.dictionary.to_pylist()]
            codes.append(np.array(known, np.int64)[coded.indices.to_numpy(zero_copy_only=False)])
        return np.concatenate(codes)


def _merged(ids: Numbers, payloads: Numbers, objects: Numbers, lines: Numbers, origins: Octets) -> Merged:
    order = np.lexsort((origins, lines, objects, *ids.T))
    is_first = _begins(order, *ids.T, objects, lines)
    distinct = order[is_first]
    # Stable, so that the lines of a payload stay in the order of their places.
    by_payload = distinct[np.lexsort((*payloads[distinct].T, *ids[distinct].T))]
    is_kept = np.zeros(len(ids), np.bool_)
    is_kept[by_payload[_begins(by_payload, *ids.T, *payloads.T)]] = True
    kept = distinct[is_kept[distinct]]
    fates = np.full(len(ids), NEITHER, np.uint8)
    fates[kept] = np.where(_begins(kept, *ids.T), FACT, CONFLICT)
    # Of each distinct line the last place is that of a line that came, where one did.
    is_last = np.append(is_first[1:], True)[: len(order)]
    facts_before = int(np.count_nonzero(origins == HELD_FACT))
    return Merged(
        fates,
        lines=int(np.count_nonzero(origins[order[is_last]] == CAME)),
        new_lines=int(np.count_nonzero(origins[distinct] == CAME)),
        facts_before=facts_before,
        duplicates=len(distinct) - len(kept),
        replaced=facts_before - int(np.count_nonzero((origins == HELD_FACT) & (fates == FACT))),
    )


def _begins(order: Numbers, *keys: Numbers) -> Flags:
    return begins(*(key[order] for key in keys))
