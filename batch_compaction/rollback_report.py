"""What a rollback says of itself."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from batch_compaction.hours import HourRow, Recorded
from batch_compaction.rollback_plan import Target
from schemas.lake import format_hour


class HourBack(msgspec.Struct, frozen=True):
    """An hour that was rolled back.

    Attributes:
        version: the sequence in `hour_changes` that is back; None for nothing.
        held_lines: lines of it that wait until it is redone.
        undone: the runs whose changes went; none where an earlier rollback was finished.
    """

    hour: str
    version: int | None
    facts_before: int
    facts: int
    held_lines: int
    undone: list[str]


class RollbackReport(msgspec.Struct, frozen=True):
    """A rollback."""

    run_id: str
    hours: list[HourBack]


def back_report(row: HourRow, history: Sequence[Recorded], target: Target | None) -> HourBack:
    """Return what is told of an hour; its last change is the rollback."""
    return HourBack(
        hour=format_hour(row.hour_us),
        version=row.version,
        facts_before=history[-1].change.facts_before,
        facts=row.facts,
        held_lines=row.waiting_lines,
        undone=list(target.undone) if target else [],
    )
