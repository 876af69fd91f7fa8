"""The versions of an event hour: what changed it, which version is in force, and what state it is in; pure.

A version of an hour is a file of facts and a file of conflicts. Each change brings a version and is told in the summary
of the snapshot of `fact_clicks` that made it, so that neither is there without the other. A change is known by the
sequence number of that snapshot.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa

from batch_compaction.hour_merge import MergedHour
from schemas.instants import timestamp_to_us, us_to_timestamp
from schemas.lake import format_hour, parse_hour, partition_of_hour
from schemas.tables import DAY_PARTITION, HOUR_CHANGES, HOURS

# Why an hour was changed.
FIRST = "first"
LATE_DATA = "late data"
CONFLICT_WINNER = "conflict winner"
EARLIER_LINE = "earlier line"
REPLAY = "replay"
REDO = "redo"
ROLLBACK = "rollback"
# The state of an hour.
OPEN = "open"
PUBLISHED = "published"
REPAIRED = "repaired"
HELD = "held"
ROLLED_BACK = "rolled_back"
ROLLING_BACK = "rolling_back"


class Version(msgspec.Struct, frozen=True):
    """A version of an hour: names of its files, None for none."""

    facts_file: str | None = None
    conflicts_file: str | None = None


NOTHING = Version()


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change of an hour, a row of `hour_changes`, as the snapshot that made it tells it.

    Attributes:
        restored: of a rollback the sequence whose version is back, None for nothing at all.
        why: of a rollback.
    """

    reasons: list[str]
    new_lines: int
    facts_before: int
    facts: int
    added: int
    removed: int
    replaced: int
    conflicts: int
    facts_file: str | None
    conflicts_file: str | None
    restored: int | None = None
    why: str | None = None

    @property
    def version(self) -> Version:
        """What the hour is since then."""
        return Version(self.facts_file, self.conflicts_file)

    @property
    def is_rollback(self) -> bool:
        """Whether an earlier version came back."""
        return self.reasons == [ROLLBACK]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A change with the snapshot that made it."""

    hour_us: int
    sequence: int
    snapshot_id: int
    run_id: str
    changed_us: int
    change: Change


@dataclass(frozen=True, slots=True)
class HourRow:
    """A row of `hours`; instants in microseconds."""

    hour_us: int
    state: str
    facts: int
    conflicts: int
    waiting_lines: int
    changes: int
    version: int | None
    last_arrival_us: int
    first_published_us: int | None
    last_changed_us: int | None
    run_id: str
    why: str | None
    published_through_us: int

    @property
    def is_held_back(self) -> bool:
        """Whether it was rolled back, or is to be: nothing may be published of it."""
        return self.state in (ROLLED_BACK, ROLLING_BACK)


def change_record(changes: Mapping[int, Change]) -> str:
    """Return the changes of a snapshot, by hour, as its summary tells them."""
    return msgspec.json.encode({format_hour(hour): changes[hour] for hour in sorted(changes)}).decode()


def parse_change_record(text: str) -> dict[int, Change]:
    """Return hour -> its change, of a summary.

    Raises:
        ValueError: it is no change record.
    """
    return {parse_hour(hour): msgspec.convert(change, Change) for hour, change in json.loads(text).items()}


def versions_in_force(history: Sequence[Recorded]) -> list[Recorded]:
    """Return the changes that made an hour what it is, the one in force last; none for nothing.

    Args:
        history: all its changes, in order.
    """
    after: dict[int | None, list[Recorded]] = {None: []}
    current: list[Recorded] = []
    for item in history:
        current = after.get(item.change.restored, []) if item.change.is_rollback else [*current, item]
        after[item.sequence] = current
    return current


def change_of(history: Sequence[Recorded], version: Version, merged: MergedHour, replayed: float) -> Change | None:
    """Return what a run changes of an hour; None where the version in force stays.

    Args:
        history: its changes before.
        version: of the hour after the run.
        merged: what came of the hour.
        replayed: the share of its lines that are repaired ones, 0 to 1.
    """
    in_force = versions_in_force(history)
    before = in_force[-1].change.version if in_force else NOTHING
    if version == before:
        return None
    return Change(
        reasons=_reasons(history, merged, version.conflicts_file != before.conflicts_file, replayed),
        new_lines=merged.new_lines,
        facts_before=merged.facts_before,
        facts=merged.facts_count,
        added=merged.facts_count - merged.facts_before,
        removed=0,
        replaced=merged.replaced,
        conflicts=len(merged.conflicts),
        facts_file=version.facts_file,
        conflicts_file=version.conflicts_file,
    )


def _reasons(history: Sequence[Recorded], merged: MergedHour, conflicts_change: bool, replayed: float) -> list[str]:
    if not history:
        return [FIRST]
    if history[-1].change.is_rollback:
        return [REDO]
    came = merged.facts_count > merged.facts_before or (conflicts_change and not merged.replaced)
    reasons = [REPLAY] if replayed else []
    if came and replayed < 1:
        reasons.append(LATE_DATA)
    if merged.replaced:
        reasons.append(CONFLICT_WINNER if conflicts_change else EARLIER_LINE)
    return reasons


def hour_row(
    before: HourRow | None,
    history: Sequence[Recorded],
    *,
    hour_us: int,
    waiting_lines: int,
    faults: Collection[str] | None,
    last_arrival_us: int,
    run_id: str,
    published_through_us: int,
) -> HourRow:
    """Return the row of an hour after a run.

    Args:
        before: its row before the run.
        history: all its changes.
        hour_us: the hour.
        waiting_lines: of it.
        faults: what holds it back since this run's checks; None where they did not judge it.
        last_arrival_us: the latest hour in which lines arrived that this run read.
        run_id: the run.
        published_through_us: the watermark.
    """
    in_force = versions_in_force(history)
    version = in_force[-1] if in_force else None
    was_held = before is not None and before.state == HELD
    state, why = OPEN if version is None else PUBLISHED if len(in_force) == 1 else REPAIRED, None
    if before is not None and before.is_held_back:
        state, why = before.state, before.why
    elif faults:
        state, why = HELD, "; ".join(faults)
    elif before is not None and was_held and faults is None and waiting_lines:
        state, why = HELD, before.why
    return HourRow(
        hour_us=hour_us,
        state=state,
        facts=version.change.facts if version else 0,
        conflicts=version.change.conflicts if version else 0,
        waiting_lines=waiting_lines,
        changes=len(history),
        version=version.sequence if version else None,
        last_arrival_us=max(last_arrival_us, before.last_arrival_us if before else last_arrival_us),
        first_published_us=history[0].changed_us if history else None,
        last_changed_us=history[-1].changed_us if history else None,
        run_id=run_id,
        why=why,
        published_through_us=published_through_us,
    )


def changes_table(changes: Iterable[Recorded]) -> pa.Table:
    """Return rows of `hour_changes`, in its order."""
    rows = [
        {
            "event_hour": us_to_timestamp(item.hour_us),
            "sequence": item.sequence,
            "snapshot_id": item.snapshot_id,
            "run_id": item.run_id,
            "changed_at": us_to_timestamp(item.changed_us),
            **msgspec.structs.asdict(item.change),
            **_day(item.hour_us),
        }
        for item in sorted(changes, key=lambda item: (item.hour_us, item.sequence))
    ]
    return pa.Table.from_pylist(rows, HOUR_CHANGES.schema)


def changes_of(rows: pa.Table) -> list[Recorded]:
    """Return what the rows of `hour_changes` say."""
    return [
        Recorded(
            timestamp_to_us(row["event_hour"]),
            row["sequence"],
            row["snapshot_id"],
            row["run_id"],
            timestamp_to_us(row["changed_at"]),
            Change(**{name: row[name] for name in Change.__struct_fields__}),
        )
        for row in rows.to_pylist()
    ]


def hours_table(hours: Iterable[HourRow]) -> pa.Table:
    """Return rows of `hours`, in its order."""
    rows = [
        {
            "event_hour": us_to_timestamp(row.hour_us),
            "state": row.state,
            "facts": row.facts,
            "conflicts": row.conflicts,
            "waiting_lines": row.waiting_lines,
            "changes": row.changes,
            "version": row.version,
            "last_arrival": us_to_timestamp(row.last_arrival_us),
            "first_published_at": _timestamp_or_none(row.first_published_us),
            "last_changed_at": _timestamp_or_none(row.last_changed_us),
            "run_id": row.run_id,
            "why": row.why,
            "published_through": us_to_timestamp(row.published_through_us),
            **_day(row.hour_us),
        }
        for row in sorted(hours, key=lambda row: row.hour_us)
    ]
    return pa.Table.from_pylist(rows, HOURS.schema)


def hours_of(rows: pa.Table) -> dict[int, HourRow]:
    """Return hour -> what its row of `hours` says."""
    found = (
        HourRow(
            hour_us=timestamp_to_us(row["event_hour"]),
            state=row["state"],
            facts=row["facts"],
            conflicts=row["conflicts"],
            waiting_lines=row["waiting_lines"],
            changes=row["changes"],
            version=row["version"],
            last_arrival_us=timestamp_to_us(row["last_arrival"]),
            first_published_us=_us_or_none(row["first_published_at"]),
            last_changed_us=_us_or_none(row["last_changed_at"]),
            run_id=row["run_id"],
            why=row["why"],
            published_through_us=timestamp_to_us(row["published_through"]),
        )
        for row in rows.to_pylist()
    )
    return {row.hour_us: row for row in found}


def _day(hour_us: int) -> dict[str, Any]:
    return dict(zip(DAY_PARTITION, partition_of_hour(hour_us), strict=False))


def _timestamp_or_none(instant_us: int | None) -> datetime | None:
    return None if instant_us is None else us_to_timestamp(instant_us)


def _us_or_none(moment: datetime | None) -> int | None:
    return None if moment is None else timestamp_to_us(moment)
