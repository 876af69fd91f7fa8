"""What a validation found: its report, its rows in `anomalies`, its metrics.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
import pyarrow as pa

from batch_compaction.emf import DATABASE_DIMENSION, Figure, emf_line
from batch_compaction.hours import ROLLED_BACK, HourRow, Recorded
from batch_compaction.recount import Anomaly
from schemas.instants import format_instant_us, us_to_timestamp
from schemas.lake import VALIDATIONS_PREFIX, format_hour, partition_of_hour
from schemas.tables import ANOMALIES, DAY_PARTITION

METRICS_NAMESPACE = "Clickstream/Validation"


class RecountedHour(msgspec.Struct, frozen=True):
    """One hour of the day: by event hour; the quarantine and the attestations by arrival hour.

    Attributes:
        lines: lines of the hour that are published.
        expected_facts: facts that they give, as recounted.
        facts: facts that the table holds.
        duplicates: lines that are neither a fact nor a conflict, as recounted.
        expected_conflicts: conflicts that the lines give, as recounted.
        conflicts: conflicts that the table holds.
        unpublished: lines that wait: their hour was rolled back, a check holds it, or it was not over when they were
            read.
        quarantined: reason -> lines, as recounted.
        attestations: lines that are attestations, as recounted.
    """

    hour: str
    lines: int
    expected_facts: int
    facts: int
    duplicates: int
    expected_conflicts: int
    conflicts: int
    unpublished: int
    quarantined: dict[str, int]
    attestations: int

    @property
    def is_empty(self) -> bool:
        """Whether neither side has anything of it."""
        others = self.quarantined or self.attestations
        return not (self.lines or self.facts or self.conflicts or self.unpublished or others)


class HourRolledBack(msgspec.Struct, frozen=True):
    """An hour of the day that somebody rolled back and nobody has redone.

    Attributes:
        held_lines: lines of it that are held for that reason, as recounted.
        run_id: the rollback, as `hour_changes` names it.
        rolled_back_at: the instant.
        why: the reason that was given.
    """

    hour: str
    held_lines: int
    run_id: str
    rolled_back_at: str
    why: str | None


class ValidationReport(msgspec.Struct, frozen=True):
    """A day, recounted.

    Attributes:
        objects: raw objects that were read for it.
        waiting: raw objects that no run has read yet, and that arrived too recently for that to be a fault.
        without_events: keys of some raw objects that no run has read, and that hold no event of any day.
        rolled_back: hours whose lines are held because a person said so, which is no anomaly.
        anomalies: kind -> how many.
        examples: some of them, each as a person reads it.
    """

    day: str
    validated_at: str
    objects: int
    waiting: int
    without_events: list[str]
    hours: list[RecountedHour]
    rolled_back: list[HourRolledBack]
    anomalies: dict[str, int]
    examples: list[str]


def rolled_back(rows: Iterable[HourRow], changes: Iterable[Recorded], held: Mapping[int, int]) -> list[HourRolledBack]:
    """Return the hours that were rolled back. One whose rollback is under way, or died, is none of them.

    Args:
        rows: of `hours`.
        changes: of `hour_changes`, of the same hours.
        held: hour -> its held lines.
    """
    last = {item.hour_us: item for item in sorted(changes, key=lambda item: item.sequence)}
    return [
        HourRolledBack(
            hour=format_hour(row.hour_us),
            held_lines=held.get(row.hour_us, 0),
            run_id=last[row.hour_us].run_id,
            rolled_back_at=format_instant_us(last[row.hour_us].changed_us),
            why=row.why,
        )
        for row in sorted(rows, key=lambda row: row.hour_us)
        if row.state == ROLLED_BACK
    ]


def audit_key(day_us: int, validated_at: str) -> str:
    """Return the key, in the curated bucket, of the audit object of a validation."""
    folders = "".join(
        f"{name}={value:02d}/" for name, value in zip(DAY_PARTITION, partition_of_hour(day_us), strict=False)
    )
    return f"{VALIDATIONS_PREFIX}{folders}{validated_at.replace(':', '')}.json"


def told(anomaly: Anomaly) -> str:
    """Return an anomaly as a person reads it."""
    hour = f" {format_hour(anomaly.hour_us)}" if anomaly.hour_us is not None else ""
    line = f":{anomaly.source_line}" if anomaly.source_line is not None else ""
    where = " ".join(filter(None, [anomaly.click_id, f"{anomaly.source_object or ''}{line}"]))
    return f"{anomaly.kind}{hour} {where}: expected {anomaly.expected}, got {anomaly.got}"


def anomalies_table(anomalies: Iterable[Anomaly], day_us: int, found_at_us: int) -> pa.Table:
    """Return the rows of `anomalies` of a day, in the table's order."""
    partition = dict(zip(DAY_PARTITION, partition_of_hour(day_us), strict=False))
    rows = [
        {
            "kind": anomaly.kind,
            "event_hour": None if anomaly.hour_us is None else us_to_timestamp(anomaly.hour_us),
            "source_object": anomaly.source_object,
            "source_line": anomaly.source_line,
            "click_id": anomaly.click_id,
            "expected": anomaly.expected,
            "got": anomaly.got,
            "total": anomaly.total,
            "found_at": us_to_timestamp(found_at_us),
            **partition,
        }
        for anomaly in anomalies
    ]
    table = pa.Table.from_pylist(rows, schema=ANOMALIES.schema)
    return table.sort_by([(name, "ascending") for name in ANOMALIES.order])


def metrics_line(report: ValidationReport, database: str, instant_us: int) -> bytes:
    """Return the report's figures as one line of CloudWatch's embedded metric format."""
    figures = {name: Figure(count_of(report)) for name, count_of in _METRICS.items()}
    return emf_line(METRICS_NAMESPACE, {DATABASE_DIMENSION: database}, figures, {"Day": report.day}, instant_us)


_METRICS: Mapping[str, Callable[[ValidationReport], int]] = {
    "ExpectedFacts": lambda report: sum(hour.expected_facts for hour in report.hours),
    "Facts": lambda report: sum(hour.facts for hour in report.hours),
    "Duplicates": lambda report: sum(hour.duplicates for hour in report.hours),
    "Conflicts": lambda report: sum(hour.expected_conflicts for hour in report.hours),
    "Quarantined": lambda report: _quarantined(report.hours),
    "Attestations": lambda report: sum(hour.attestations for hour in report.hours),
    "Unpublished": lambda report: sum(hour.unpublished for hour in report.hours),
    "HoursRolledBack": lambda report: len(report.rolled_back),
    "Anomalies": lambda report: sum(report.anomalies.values()),
}
METRIC_NAMES = tuple(_METRICS)


def _quarantined(hours: Sequence[RecountedHour]) -> int:
    return sum(sum(hour.quarantined.values()) for hour in hours)
