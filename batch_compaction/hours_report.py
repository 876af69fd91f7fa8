"""Where each hour stands, from the table `hours` alone; pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from batch_compaction.hours import HourRow
from batch_compaction.plan import published_through
from schemas.instants import HOUR_US, format_instant_us
from schemas.lake import format_hour


class HourState(msgspec.Struct, frozen=True):
    """An hour.

    Attributes:
        waiting_lines: accepted lines of it that are not published.
        is_complete: whether it was over when it was looked at last, and no line of it waits.
        late_hours: hours from its own to the latest in which lines of it arrived.
        why: what the checks found, or why it was rolled back.
    """

    hour: str
    state: str
    facts: int
    conflicts: int
    waiting_lines: int
    is_complete: bool
    changes: int
    version: int | None
    late_hours: int
    first_published_at: str | None
    last_changed_at: str | None
    run_id: str
    why: str | None


class HoursReport(msgspec.Struct, frozen=True):
    """Some hours.

    Attributes:
        published_through: the instant before which every hour was over and complete at the latest run; None before the
            first.
    """

    published_through: str | None
    hours: list[HourState]


def hours_report(rows: Iterable[HourRow], chosen: range) -> HoursReport:
    """Return the report.

    Args:
        rows: all rows of `hours`.
        chosen: the instants of the hours to tell of.
    """
    every = sorted(rows, key=lambda row: row.hour_us)
    if not every:
        return HoursReport(None, [])
    closed_us = max(row.published_through_us for row in every)
    waiting = (row.hour_us for row in every if row.waiting_lines)
    return HoursReport(
        published_through=format_instant_us(published_through(closed_us, waiting)),
        hours=[_state(row, closed_us) for row in every if row.hour_us in chosen],
    )


def _state(row: HourRow, closed_us: int) -> HourState:
    return HourState(
        hour=format_hour(row.hour_us),
        state=row.state,
        facts=row.facts,
        conflicts=row.conflicts,
        waiting_lines=row.waiting_lines,
        is_complete=not row.waiting_lines and row.hour_us < closed_us,
        changes=row.changes,
        version=row.version,
        late_hours=max(0, (row.last_arrival_us - row.hour_us) // HOUR_US),
        first_published_at=_text(row.first_published_us),
        last_changed_at=_text(row.last_changed_us),
        run_id=row.run_id,
        why=row.why,
    )


def _text(instant_us: int | None) -> str | None:
    return None if instant_us is None else format_instant_us(instant_us)
