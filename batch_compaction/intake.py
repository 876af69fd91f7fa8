"""Raw objects read into rows that wait by hour: accepted lines by event hour, quarantined ones by arrival hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pyarrow as pa

from batch_compaction.parse import hours_of, parse_block
from batch_compaction.plan import Assignment, HourPolicy
from batch_compaction.raw import RawObject
from batch_compaction.spill import Spill
from schemas.blocks import Block


@dataclass(slots=True)
class ReadObject:
    """What a raw object holds: lines = accepted + quarantined + blank.

    Attributes:
        accepted: event hour -> accepted lines.
        merged: event hour -> those of them that are to be published now.
        quarantined: reason -> lines.
    """

    assignment: Assignment
    lines: int = 0
    blank: int = 0
    accepted: Counter[int] = field(default_factory=Counter)
    merged: Counter[int] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)

    @property
    def raw(self) -> RawObject:
        """The object."""
        return self.assignment.raw


def take_in(read: ReadObject, blocks: Iterable[Block], policy: HourPolicy, lines: Spill, quarantined: Spill) -> None:
    """Read an object to its end: lines that are to be published now and quarantined lines are kept, all are counted."""
    raw = read.raw
    for block in blocks:
        parsed = parse_block(raw, block, read.lines + 1, lambda hour_us: read.assignment.wants(hour_us, policy))
        read.lines += parsed.lines
        read.blank += parsed.blank
        read.accepted.update(parsed.counts)
        for hour_us, rows in _by_hour(parsed.accepted):
            read.merged[hour_us] += len(rows)
            lines.add(hour_us, rows)
        read.quarantined.update(parsed.quarantined["reason"].to_pylist())
        quarantined.add(raw.arrival_hour_us, parsed.quarantined)


def _by_hour(lines: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """Yield the event hours of lines, which are in their order, each with its lines."""
    hours = hours_of(lines)
    bounds = [0, *(np.flatnonzero(np.diff(hours)) + 1).tolist(), len(hours)]
    for start, end in pairwise(bounds):
        if end > start:
            yield int(hours[start]), lines.slice(start, end - start)
