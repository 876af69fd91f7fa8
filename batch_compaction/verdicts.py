"""Verdicts of the checks, what an operator accepts of them, and their rows in `dq_results`.

Pure: the instant of a verdict is an argument. A failed blocking check holds its hour back until it passes or somebody
accepts it by name, for named hours, with a reason that is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import pyarrow as pa
import pyarrow.compute as pc

from batch_compaction.lake_tables import LakeTable
from schemas.errors import ConfigError
from schemas.instants import us_to_timestamp
from schemas.lake import Partition, partition_of_hour
from schemas.tables import DAY_PARTITION, DQ_RESULTS


class Severity(StrEnum):
    """What a failed check does: hold the hour back, or be told only."""

    BLOCKING = "blocking"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found in an hour.

    Attributes:
        expected: what it asks for, for a person.
        got: what it found.
        detail: examples, or why it could not judge; may be empty.
        accepted_why: why an operator let the hour pass although the check failed.
    """

    check: str
    severity: Severity
    passed: bool
    expected: str
    got: str
    detail: str = ""
    accepted_why: str | None = None

    @property
    def holds(self) -> bool:
        """Whether the hour may not be published."""
        return not self.passed and self.severity is Severity.BLOCKING and self.accepted_why is None

    def __str__(self) -> str:
        return f"{self.check}: expected {self.expected}, got {self.got}" + (f" ({self.detail})" if self.detail else "")


@dataclass(frozen=True, slots=True)
class Acceptance:
    """An operator's word that failed checks shall not hold certain hours back."""

    checks: frozenset[str]
    hours: frozenset[int]
    why: str


def acceptance_of(
    checks: Sequence[str], why: str | None, hours: Collection[int] | None, check_names: Collection[str]
) -> Acceptance | None:
    """Return what the options of a command accept; None where they accept nothing.

    Raises:
        ConfigError: a check that there is none of, no reason, no hour named, or a reason for nothing.
    """
    if not checks:
        if why is not None:
            raise ConfigError("--why says why a check is accepted: name it with --accept")
        return None
    faults = [
        f"--accept {name!r} is no check; there are {', '.join(sorted(check_names))}"
        for name in checks
        if name not in check_names
    ]
    if not hours:
        faults.append("--accept is for named hours: give --hour")
    if why is None or not why.strip():
        faults.append("--accept needs a reason: give --why")
    if faults:
        raise ConfigError(faults)
    return Acceptance(frozenset(checks), frozenset(hours or ()), (why or "").strip())


def accepted(hour_us: int, verdicts: Iterable[Verdict], acceptance: Acceptance | None) -> list[Verdict]:
    """Return the verdicts of an hour, with the reason on each failed one that is accepted for it."""
    if acceptance is None or hour_us not in acceptance.hours:
        return list(verdicts)
    return [
        replace(verdict, accepted_why=acceptance.why)
        if not verdict.passed and verdict.check in acceptance.checks
        else verdict
        for verdict in verdicts
    ]


def results_table(run_id: str, verdicts: Mapping[int, Iterable[Verdict]], checked_at_us: int) -> pa.Table:
    """Return the rows of `dq_results` of a run, in the table's order.

    Args:
        run_id: the run that the checks belong to.
        verdicts: event hour -> its verdicts.
        checked_at_us: when the run judged.
    """
    rows = [
        {
            "event_hour": us_to_timestamp(hour_us),
            "check_name": verdict.check,
            "run_id": run_id,
            "severity": str(verdict.severity),
            "verdict": "passed" if verdict.passed else "failed",
            "expected": verdict.expected,
            "got": verdict.got,
            "detail": verdict.detail,
            "accepted_why": verdict.accepted_why,
            "checked_at": us_to_timestamp(checked_at_us),
            **dict(zip(DAY_PARTITION, partition_of_hour(hour_us), strict=False)),
        }
        for hour_us, judged in verdicts.items()
        for verdict in judged
    ]
    return _ordered(pa.Table.from_pylist(rows, schema=DQ_RESULTS.schema))


def results_partitions(table: LakeTable, results: pa.Table) -> dict[Partition, pa.Table]:
    """Return event day -> its rows of `dq_results`, those of the same run, hour and check replaced."""
    days = sorted({tuple(row.values()) for row in results.select(DAY_PARTITION).to_pylist()})
    return {day: merged_results(table.rows([day]), _of_day(results, day)) for day in days}


def merged_results(held: pa.Table, results: pa.Table) -> pa.Table:
    """Return the held rows with those of the same run, hour and check replaced, in the table's order."""
    keys = ["run_id", "event_hour", "check_name"]
    kept = held.join(results.select(keys), keys, join_type="left anti") if len(held) else held
    return _ordered(pa.concat_tables([kept.select(held.schema.names).cast(DQ_RESULTS.schema), results]))


def _of_day(results: pa.Table, day: Partition) -> pa.Table:
    is_of_day = pa.array([True] * len(results))
    for name, value in zip(DAY_PARTITION, day, strict=True):
        is_of_day = pc.and_(is_of_day, pc.equal(results[name].combine_chunks(), value))
    return results.filter(is_of_day)


def _ordered(rows: pa.Table) -> pa.Table:
    return rows.sort_by([(name, "ascending") for name in DQ_RESULTS.order])
