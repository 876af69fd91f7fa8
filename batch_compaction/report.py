"""The report of a run: what it read, where every line of it went, and what it committed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec

from batch_compaction.emf import DATABASE_DIMENSION, Figure, Unit, emf_line
from batch_compaction.find import Found
from batch_compaction.hour_merge import MergedHour
from batch_compaction.intake import ReadObject
from schemas.instants import SECOND_US, format_instant_us
from schemas.lake import format_hour

METRICS_NAMESPACE = "Clickstream/Compaction"


class HourReport(msgspec.Struct, frozen=True):
    """One event hour of a run."""

    hour: str
    new_lines: int
    facts_before: int
    facts: int
    duplicates: int
    conflicts: int


class RunReport(msgspec.Struct, frozen=True):
    """A run: lines = accepted + quarantined + attestations + blank.

    Attributes:
        accepted: lines that are events, of whatever hour.
        committed: the tables that got a new snapshot, in order; none where there was nothing new.
        quarantined: reason -> lines.
        unpublished: accepted lines that this run left alone: of hours that are open, held or were not asked for, or
            published by an earlier run.
        held: hours that a check held back -> what is wrong with them.
        overwritten: raw objects that are no longer what was read of them; what was read stays.
        unread: raw objects that could not be read -> why.
        gone: keys that a notification named and that are no longer there.
        strange: messages of the queue that are no notification, each with what it is; they were left there.
        in_flight: messages that another run holds, about, or that one held which died; asked only where this run got
            none.
        undeleted: messages that could not be deleted after the last commit; they show up again and do no harm.
        overtaken: how often another run committed first, so that this one planned again.
        published_through: the instant before which every hour is over and has no line that waits.
        published_through_age_s: how long before the run that was; from 20 minutes to 80 where nothing waits.
        bytes_read: of the raw objects as they are stored.
        seconds: phase -> how long it took.
        peak_memory_bytes: the most that the process had at a time.
    """

    run_id: str
    objects: int
    lines: int
    accepted: int
    blank: int
    quarantined: dict[str, int]
    attestations: int
    unpublished: int
    hours: list[HourReport]
    held: dict[str, list[str]]
    overwritten: list[str]
    unread: dict[str, str]
    gone: list[str]
    strange: list[str]
    in_flight: int
    undeleted: int
    overtaken: int
    published_through: str
    published_through_age_s: int
    committed: list[str]
    bytes_read: int
    seconds: dict[str, float] = {}
    peak_memory_bytes: int = 0

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
    found: Found,
    *,
    undeleted: int,
    overtaken: int,
    published_through_us: int,
    now_us: int,
) -> RunReport:
    """Return the report of a run that judged by `now_us`, of what it read, published, held back and committed."""
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
        attestations=sum(item.attestations for item in read),
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
        gone=list(found.gone),
        strange=list(found.strange),
        in_flight=found.received.in_flight,
        undeleted=undeleted,
        overtaken=overtaken,
        published_through=format_instant_us(published_through_us),
        published_through_age_s=(now_us - published_through_us) // SECOND_US,
        committed=committed,
        bytes_read=sum(item.raw.size_bytes for item in read),
    )


def metrics_of(report: RunReport, database: str, instant_us: int) -> bytes:
    """Return the report's figures as one line of CloudWatch's embedded metric format."""
    figures = {name: Figure(value_of(report), unit) for name, (unit, value_of) in _METRICS.items()}
    return emf_line(METRICS_NAMESPACE, {DATABASE_DIMENSION: database}, figures, {"RunId": report.run_id}, instant_us)


_METRICS: Mapping[str, tuple[Unit, Callable[[RunReport], float]]] = {
    "Runs": (Unit.COUNT, lambda report: 1),
    "Objects": (Unit.COUNT, lambda report: report.objects),
    "Lines": (Unit.COUNT, lambda report: report.lines),
    "Accepted": (Unit.COUNT, lambda report: report.accepted),
    "Quarantined": (Unit.COUNT, lambda report: sum(report.quarantined.values())),
    "Attestations": (Unit.COUNT, lambda report: report.attestations),
    "Duplicates": (Unit.COUNT, lambda report: report.duplicates),
    "Conflicts": (Unit.COUNT, lambda report: sum(hour.conflicts for hour in report.hours)),
    "Unpublished": (Unit.COUNT, lambda report: report.unpublished),
    "HoursPublished": (Unit.COUNT, lambda report: len(report.hours)),
    "HoursHeld": (Unit.COUNT, lambda report: len(report.held)),
    "ObjectsUnread": (Unit.COUNT, lambda report: len(report.unread)),
    "ObjectsOverwritten": (Unit.COUNT, lambda report: len(report.overwritten)),
    "ObjectsGone": (Unit.COUNT, lambda report: len(report.gone)),
    "MessagesStrange": (Unit.COUNT, lambda report: len(report.strange)),
    "MessagesInFlight": (Unit.COUNT, lambda report: report.in_flight),
    "MessagesUndeleted": (Unit.COUNT, lambda report: report.undeleted),
    "Overtaken": (Unit.COUNT, lambda report: report.overtaken),
    "PublishedThroughAge": (Unit.SECONDS, lambda report: report.published_through_age_s),
    "BytesRead": (Unit.BYTES, lambda report: report.bytes_read),
    "PeakMemory": (Unit.BYTES, lambda report: report.peak_memory_bytes),
    "Duration": (Unit.SECONDS, lambda report: round(sum(report.seconds.values()), 3)),
}
METRIC_NAMES = tuple(_METRICS)
