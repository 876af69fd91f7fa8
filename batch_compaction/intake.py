"""Raw objects read into rows that wait by hour: accepted lines by event hour, all others by arrival hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from batch_compaction.parse import LINE_SCHEMA, QUARANTINED_SCHEMA, hours_of, parse_block
from batch_compaction.plan import Assignment, HourPolicy
from batch_compaction.raw import RawObject
from batch_compaction.spill import Spill
from schemas.blocks import Block
from schemas.lake import Partition, partition_of_hour
from schemas.tables import ATTESTATIONS


@dataclass(slots=True)
class ReadObject:
    """What a raw object holds: lines = accepted + quarantined + attestations + blank.

    Attributes:
        accepted: event hour -> accepted lines.
        merged: event hour -> those of them that are to be published now.
        quarantined: reason -> lines.
    """

    assignment: Assignment
    lines: int = 0
    attestations: int = 0
    blank: int = 0
    accepted: Counter[int] = field(default_factory=Counter)
    merged: Counter[int] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)

    @property
    def raw(self) -> RawObject:
        """The object."""
        return self.assignment.raw


@dataclass(frozen=True, slots=True)
class Spills:
    """Where the rows of a run wait: accepted lines by event hour, the others by arrival hour."""

    lines: Spill
    quarantined: Spill
    attestations: Spill


@contextmanager
def spills_in(folder: Path, at_once_bytes: int) -> Iterator[Spills]:
    """Give a place where rows wait, in files of a folder beyond a few times so much in memory."""
    with (
        Spill(LINE_SCHEMA, folder / "lines.arrows", 2 * at_once_bytes) as lines,
        Spill(QUARANTINED_SCHEMA, folder / "quarantine.arrows", at_once_bytes // 4) as quarantined,
        Spill(ATTESTATIONS.schema, folder / "attestations.arrows", at_once_bytes // 8) as attestations,
    ):
        yield Spills(lines, quarantined, attestations)


@dataclass(frozen=True, slots=True)
class Arrived:
    """Objects that a run read, and of their lines those that belong into one table, by arrival hour."""

    read: Sequence[ReadObject]
    lines: Spill

    def keys(self, held: Iterable[Partition]) -> dict[int, list[str]]:
        """Return arrival hour -> keys of the objects, for hours that have such lines or are among the held ones."""
        keys: dict[int, list[str]] = {}
        for item in self.read:
            keys.setdefault(item.raw.arrival_hour_us, []).append(item.raw.key)
        known = set(held)
        return {
            hour_us: named
            for hour_us, named in keys.items()
            if self.lines.count(hour_us) or partition_of_hour(hour_us) in known
        }


def take_in(read: ReadObject, blocks: Iterable[Block], policy: HourPolicy, spills: Spills) -> None:
    """Read an object to its end: all lines are counted, and kept but for those of hours that are not published now."""
    raw = read.raw
    for block in blocks:
        parsed = parse_block(raw, block, read.lines + 1, lambda hour_us: read.assignment.wants(hour_us, policy))
        read.lines += parsed.lines
        read.blank += parsed.blank
        read.accepted.update(parsed.counts)
        for hour_us, rows in _by_hour(parsed.accepted):
            read.merged[hour_us] += len(rows)
            spills.lines.add(hour_us, rows)
        read.quarantined.update(parsed.quarantined["reason"].to_pylist())
        spills.quarantined.add(raw.arrival_hour_us, parsed.quarantined)
        read.attestations += len(parsed.attestations)
        spills.attestations.add(raw.arrival_hour_us, parsed.attestations)


def _by_hour(lines: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """Yield the event hours of lines, which are in their order, each with its lines."""
    hours = hours_of(lines)
    bounds = [0, *(np.flatnonzero(np.diff(hours)) + 1).tolist(), len(hours)]
    for start, end in pairwise(bounds):
        if end > start:
            yield int(hours[start]), lines.slice(start, end - start)
