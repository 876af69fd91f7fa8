"""The tables `hours` and `hour_changes`: kept up to date with the snapshots of `fact_clicks`, and what they hold back.

A change is there with the snapshot of `fact_clicks` that tells it; its row in `hour_changes` follows, written by
whoever comes next where a run died in between. So `hour_changes` may be behind, but never tells what did not happen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from batch_compaction.hours import (
    ROLLING_BACK,
    HourRow,
    Recorded,
    changes_of,
    changes_table,
    hours_of,
    hours_table,
    parse_change_record,
)
from batch_compaction.lake_tables import Lake, LakeTable
from schemas.lake import Partition, partition_of_hour
from schemas.tables import HOUR_CHANGES, HOURS

CHANGES = "clickstream.changes"
RUN_ID = "clickstream.run-id"
_RECORDED_THROUGH = "clickstream.changes-through"
_HELD_BACK = "clickstream.rolled-back-days"
_MS_US = 1000


@dataclass(frozen=True, slots=True)
class HourLog:
    """Both tables as of the snapshots that were current when they were opened, beside `fact_clicks`."""

    facts: LakeTable
    changes: LakeTable
    hours: LakeTable

    @staticmethod
    def open(lake: Lake, facts: LakeTable) -> HourLog:
        """Return the log beside the facts, `hours` opened last.

        A rollback says in `hours` what it is going to do before it changes anything: whoever opens this after its other
        tables knows of every rollback that has already changed one of them.
        """
        changes = lake.open(HOUR_CHANGES)
        return HourLog(facts, changes, lake.open(HOURS))

    def history(self, hours: Iterable[int]) -> dict[int, list[Recorded]]:
        """Return hour -> its changes in order, for each of the given hours."""
        found: dict[int, dict[int, Recorded]] = {hour: {} for hour in hours}
        rows = self.changes.rows({_day_of(hour) for hour in found})
        for item in [*changes_of(rows), *self._unrecorded()]:
            if item.hour_us in found:
                found[item.hour_us][item.sequence] = item
        return {hour: [items[sequence] for sequence in sorted(items)] for hour, items in found.items()}

    def rows(self, hours: Iterable[int]) -> dict[int, HourRow]:
        """Return hour -> its row, for those of the given hours that have one."""
        wanted = set(hours)
        rows = hours_of(self.hours.rows({_day_of(hour) for hour in wanted}))
        return {hour: row for hour, row in rows.items() if hour in wanted}

    def held_back(self) -> dict[int, HourRow]:
        """Return the hours that were rolled back, or are to be."""
        rows = hours_of(self.hours.rows(self._held_back_days()))
        return {hour: row for hour, row in rows.items() if row.is_held_back}

    def unfinished(self) -> dict[int, HourRow]:
        """Return the hours that are to be rolled back."""
        return {hour: row for hour, row in self.held_back().items() if row.state == ROLLING_BACK}

    def hours_of_run(self, run_id: str) -> list[int]:
        """Return the hours that a run changed."""
        rows = self.changes.dataset().to_table(filter=pc.field("run_id") == run_id)
        found = [*changes_of(rows), *(item for item in self._unrecorded() if item.run_id == run_id)]
        return sorted({item.hour_us for item in found})

    def sequence_of(self, snapshot_id: int) -> int | None:
        """Return the sequence number of a snapshot of the facts, also of one that is gone but changed an hour."""
        snapshot = self.facts.iceberg.metadata.snapshot_by_id(snapshot_id)
        if snapshot is not None:
            return snapshot.sequence_number
        rows = self.changes.dataset().to_table(["sequence"], filter=pc.field("snapshot_id") == snapshot_id)
        return pc.max(rows["sequence"]).as_py()  # type: ignore[no-any-return]

    def record(
        self, rows: Iterable[HourRow], properties: Mapping[str, str], on_step: Callable[[str], None]
    ) -> Iterator[str]:
        """Commit the changes that are not recorded yet, and the rows of some hours; yield the tables that changed.

        Raises:
            CommitFailedException: another commit came first.
        """
        unrecorded = list(self._unrecorded())
        on_step(f"publish {HOUR_CHANGES.name}")
        if self.changes.replace(self._with(unrecorded), properties):
            yield HOUR_CHANGES.name
        by_day: dict[Partition, dict[int, HourRow]] = {}
        for row in rows:
            by_day.setdefault(_day_of(row.hour_us), {})[row.hour_us] = row
        days = {day: hours_of(self.hours.rows([day])) | replaced for day, replaced in by_day.items()}
        partitions = {day: hours_table(found.values()) for day, found in days.items()}
        marks = {_HELD_BACK: self._held_back_after(days)}
        if unrecorded:
            marks[_RECORDED_THROUGH] = str(unrecorded[-1].sequence)
        on_step(f"publish {HOURS.name}")
        if self.hours.replace(partitions, properties, marks):
            yield HOURS.name

    def _unrecorded(self) -> Iterator[Recorded]:
        """Yield, in order, the changes that the snapshots of the facts tell and `hour_changes` may not."""
        through = int(self.hours.iceberg.properties.get(_RECORDED_THROUGH, "0"))
        metadata, snapshots = self.facts.iceberg.metadata, []
        snapshot = metadata.current_snapshot()
        while snapshot is not None and (snapshot.sequence_number or 0) > through:
            snapshots.append(snapshot)
            parent = snapshot.parent_snapshot_id
            snapshot = None if parent is None else metadata.snapshot_by_id(parent)
        for snapshot in reversed(snapshots):
            told = snapshot.summary.additional_properties if snapshot.summary else {}
            for hour_us, change in parse_change_record(told.get(CHANGES, "{}")).items():
                yield Recorded(
                    hour_us,
                    snapshot.sequence_number or 0,
                    snapshot.snapshot_id,
                    told[RUN_ID],
                    snapshot.timestamp_ms * _MS_US,
                    change,
                )

    def _with(self, unrecorded: Iterable[Recorded]) -> dict[Partition, pa.Table]:
        by_day: dict[Partition, dict[tuple[int, int], Recorded]] = {}
        for item in unrecorded:
            by_day.setdefault(_day_of(item.hour_us), {})[item.hour_us, item.sequence] = item
        return {
            day: changes_table(
                ({(held.hour_us, held.sequence): held for held in changes_of(self.changes.rows([day]))} | new).values()
            )
            for day, new in by_day.items()
        }

    def _held_back_days(self) -> set[Partition]:
        days = self.hours.iceberg.properties.get(_HELD_BACK, "")
        return {tuple(map(int, day.split("-"))) for day in days.split(",") if day}

    def _held_back_after(self, days: Mapping[Partition, Mapping[int, HourRow]]) -> str:
        held = {day for day, rows in days.items() if any(row.is_held_back for row in rows.values())}
        return ",".join(
            "-".join(f"{part:02d}" for part in day) for day in sorted(self._held_back_days() - days.keys() | held)
        )


def _day_of(hour_us: int) -> Partition:
    return partition_of_hour(hour_us)[:3]
