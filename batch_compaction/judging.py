"""A merged hour as it lies in a file before anyone sees it, and what it is judged by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds

from batch_compaction.arrays import Hashes
from batch_compaction.hour_audit import HourAudit, HoursOfRun, Source
from batch_compaction.hour_merge import MergedHour
from batch_compaction.id_hashes import sorted_hashes
from batch_compaction.intake import ReadObject
from batch_compaction.lake_tables import LakeTable
from batch_compaction.limits import QualityLimits
from batch_compaction.spill import room_in
from schemas.instants import DAY_US, HOUR_US
from schemas.lake import partition_of_hour
from schemas.tables import FACT_CLICKS, USER_HOURS

# Of how many days before an hour is compared with the same hour.
_EARLIER_DAYS = 7


@dataclass(frozen=True, slots=True)
class HourFile:
    """A merged hour.

    Attributes:
        merged: what came of it.
        path: its facts, a local Parquet file.
        ids: the event ids of the lines that came in, a local Arrow file.
        users: its rows of `user_hours`, a local Parquet file.
        user_rows: the same as a local Arrow file, which is read in a tenth of the time.
    """

    merged: MergedHour
    path: Path
    ids: Path
    users: Path
    user_rows: Path

    @property
    def hour_us(self) -> int:
        """Start of the hour."""
        return self.merged.hour_us


def facts_in(path: Path) -> ds.Dataset:
    """Return the facts in a file."""
    return ds.dataset(path, schema=FACT_CLICKS.schema, format="parquet")


def user_hours_in(path: Path) -> ds.Dataset:
    """Return the rows of `user_hours` in an Arrow file."""
    return ds.dataset(path, schema=USER_HOURS.schema, format="feather")


def write_arrow(rows: Iterable[pa.Table], schema: pa.Schema, path: Path) -> None:
    """Write the columns of a schema into an Arrow file.

    Raises:
        WorkFailedError: its folder is full.
    """
    with room_in(path.parent), pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as stream:
        for piece in rows:
            stream.write_table(piece.select(schema.names))


@dataclass(frozen=True, slots=True)
class Bench:
    """What the hours of a run are judged by.

    Attributes:
        facts: `fact_clicks` as it is.
        conflicts: `conflicts` as it is.
        read: what the run read.
        limits: of the checks.
    """

    facts: LakeTable
    conflicts: LakeTable
    read: Sequence[ReadObject]
    limits: QualityLimits

    def audits(self, hours: Iterable[HourFile], users: Hashes) -> list[HourAudit]:
        """Return all that is known of each hour, given the sorted hashes of the users as they will be."""
        audits: list[HourAudit] = []
        of_run = HoursOfRun(audits)
        audits.extend(self._audit(hour, users, of_run) for hour in hours)
        return audits

    def _audit(self, hour: HourFile, users: Hashes, of_run: HoursOfRun) -> HourAudit:
        hour_us, merged = hour.hour_us, hour.merged
        partition = partition_of_hour(hour_us)
        lookback = (hour_us - past * HOUR_US for past in range(1, self.limits.lookback_hours + 1))
        days = (self.facts.rows_in(partition_of_hour(hour_us - day * DAY_US)) for day in range(1, _EARLIER_DAYS + 1))
        return HourAudit(
            hour_us=hour_us,
            facts=facts_in(hour.path),
            conflicts=ds.dataset(merged.conflicts),
            lines=ds.dataset(hour.ids, format="feather"),
            facts_before=self.facts.dataset([partition]),
            conflicts_before=self.conflicts.dataset([partition]),
            users=users,
            earlier_facts=self.facts.dataset(map(partition_of_hour, lookback)),
            new_lines=merged.new_lines,
            duplicates=merged.duplicates,
            sources=[_source(item, hour_us) for item in self.read if item.merged[hour_us]],
            earlier_days=[count for count in days if count],
            limits=self.limits,
            of_run=of_run,
            kept_in=hour.path.with_suffix(".hashes"),
        )


def user_hashes(users: pa.Table) -> Hashes:
    """Return the sorted hashes of the users."""
    return sorted_hashes("user_id", ds.dataset(users))


def _source(item: ReadObject, hour_us: int) -> Source:
    return Source(
        item.raw.key,
        item.raw.arrival_hour_us,
        item.lines,
        sum(item.accepted.values()),
        sum(item.quarantined.values()),
        item.attestations,
        item.blank,
        item.merged[hour_us],
    )
