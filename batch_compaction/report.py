"""The report of a run: what it read, where every line of it went, and what it committed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from batch_compaction.merge import MergedHour
from batch_compaction.parse import ParsedObject
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
    """A run: lines = accepted + quarantined + blank, and accepted = new lines of its hours + open + already published.

    Attributes:
        committed: the tables that got a new snapshot, in order; none where there was nothing new.
        quarantined: reason -> lines.
        unpublished: accepted lines of hours that this run did not publish, because they are open or were not asked for,
            or because an earlier run had.
    """

    run_id: str
    objects: int
    lines: int
    accepted: int
    blank: int
    quarantined: dict[str, int]
    unpublished: int
    hours: list[HourReport]
    committed: list[str]

    @property
    def duplicates(self) -> int:
        """Lines of this run that another line already says."""
        return sum(hour.duplicates for hour in self.hours)


def report_of(
    run_id: str, parsed: Sequence[ParsedObject], merged: Sequence[MergedHour], published: int, committed: list[str]
) -> RunReport:
    """Return the report of a run, of whose accepted lines `published` were of an hour to publish."""
    reasons: Counter[str] = Counter()
    for item in parsed:
        reasons.update(item.quarantined["reason"].to_pylist())
    accepted = sum(len(item.accepted) for item in parsed)
    return RunReport(
        run_id=run_id,
        objects=len(parsed),
        lines=sum(item.lines for item in parsed),
        accepted=accepted,
        blank=sum(item.blank for item in parsed),
        quarantined=dict(sorted(reasons.items())),
        unpublished=accepted - published,
        hours=[
            HourReport(
                format_hour(hour.hour_us),
                hour.new_lines,
                hour.facts_before,
                len(hour.facts),
                hour.duplicates,
                len(hour.conflicts),
            )
            for hour in merged
        ],
        committed=committed,
    )
