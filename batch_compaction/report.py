"""The report of a run: what it read, where every line of it went, and what it committed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from batch_compaction.hour_merge import MergedHour
from batch_compaction.intake import ReadObject
from schemas.lake import format_hour


class HourReport(msgspec.Struct, frozen=True):
    """One event hour of a run."""

    hour: str
    new_lines: int
    facts_before: int
    facts: int
    duplicates: int
    conflicts: int


class RunReport(msgspec.Struct, frozen=True):
    """A run: lines = accepted + quarantined + blank.

    Attributes:
        accepted: lines that are events, of whatever hour.
        committed: the tables that got a new snapshot, in order; none where there was nothing new.
        quarantined: reason -> lines.
        unpublished: accepted lines that this run left alone: of hours that are open, held or were not asked for, or
            published by an earlier run.
        held: hours that a check held back -> what is wrong with them.
        overwritten: raw objects that are no longer what was read of them; what was read stays.
        unread: raw objects that could not be read -> why.
    """

    run_id: str
    objects: int
    lines: int
    accepted: int
    blank: int
    quarantined: dict[str, int]
    unpublished: int
    hours: list[HourReport]
    held: dict[str, list[str]]
    overwritten: list[str]
    unread: dict[str, str]
    committed: list[str]

    @property
    def duplicates(self) -> int:
        """Lines of this run that another line already says."""
        return sum(hour.duplicates for hour in self.hours)


def report_of(
    run_id: str,
    read: Sequence[ReadObject],
    passed: Sequence[MergedHour],
    held: Mapping[int, list[str]],
    overwritten: list[str],
    unread: Mapping[str, str],
    committed: list[str],
) -> RunReport:
    """Return the report of a run, of what it read, published, held back and committed."""
    reasons: Counter[str] = Counter()
    for item in read:
        reasons.update(item.quarantined)
    accepted = sum(item.accepted.total() for item in read)
    return RunReport(
        run_id=run_id,
        objects=len(read),
        lines=sum(item.lines for item in read),
        accepted=accepted,
        blank=sum(item.blank for item in read),
        quarantined=dict(sorted(reasons.items())),
        unpublished=accepted - sum(hour.lines for hour in passed),
        hours=[
            HourReport(
                format_hour(hour.hour_us),
                hour.new_lines,
                hour.facts_before,
                hour.facts_count,
                hour.duplicates,
                len(hour.conflicts),
            )
            for hour in passed
        ],
        held={format_hour(hour): faults for hour, faults in sorted(held.items())},
        overwritten=overwritten,
        unread=dict(sorted(unread.items())),
        committed=committed,
    )
