"""Upkeep of the tables: what others left in pieces is put together, days are tagged, what is old goes.

Rows never change here. Each step is a commit of its own that a run at the same time makes fail, or that makes the run
plan again; a step that fails so is begun anew. A rollback that died is finished first, since it may need what is old.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
from pyiceberg.exceptions import CommitFailedException

from batch_compaction.hours_log import RUN_ID, HourLog
from batch_compaction.lake_tables import Lake, LakeTable, write_parquet
from batch_compaction.maintain_orphans import orphans_of, remove
from batch_compaction.maintain_plan import Retention, SnapshotTime, due_tags, expired, is_closed_day, old_tags
from batch_compaction.rollback import Rollback, finish_all
from batch_compaction.sorting import Room, sorted_groups
from batch_compaction.user_tables import UserTables
from schemas.errors import WorkFailedError
from schemas.lake import Partition
from schemas.tables import CONFLICTS, DIM_USERS, DIM_USERS_HISTORY, FACT_CLICKS, TABLES, USER_HOURS, Table

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAX_PLANS = 5
# The tables that make a day as it was closed.
_TAGGED = (FACT_CLICKS, CONFLICTS, USER_HOURS, DIM_USERS, DIM_USERS_HISTORY)
# Every commit adds a manifest, and whoever opens a table reads them all.
_MANY_MANIFESTS = 24
_MERGING = {"commit.manifest-merge.enabled": "true", "commit.manifest.min-count-to-merge": "2"}
_ROW_BYTES = 400
_MEBIBYTE = 1 << 20


class TableUpkeep(msgspec.Struct):
    """What was done to a table, or would be.

    Attributes:
        merged_partitions: those that had several files.
        merged_manifests: manifests that were put together.
        orphans: files to which nothing referred.
    """

    table: str
    merged_partitions: int = 0
    merged_manifests: int = 0
    tags: list[str] = []
    tags_removed: list[str] = []
    snapshots_expired: int = 0
    orphans: int = 0
    orphan_bytes: int = 0


class MaintenanceReport(msgspec.Struct, frozen=True):
    """An upkeep; `is_dry` where nothing was done."""

    run_id: str
    is_dry: bool
    tables: list[TableUpkeep]


@dataclass(frozen=True, slots=True)
class Maintenance:
    """What an upkeep is given.

    Attributes:
        run_id: names it in the snapshots that it commits.
        is_dry: say what would be done, and do nothing.
        on_step: told each step as it begins.
    """

    s3: S3Client
    lake: Lake
    retention: Retention
    run_id: str
    is_dry: bool
    on_step: Callable[[str], None]

    @property
    def properties(self) -> dict[str, str]:
        """What its snapshots say of themselves."""
        return {RUN_ID: self.run_id}


def maintain(run: Maintenance) -> MaintenanceReport:
    """Keep all tables up.

    Raises:
        WorkFailedError: runs kept committing first; what was done by then is done.
    """
    there = run.lake.find()
    report = {name: TableUpkeep(name) for name in there}
    if FACT_CLICKS.name in there:
        if not run.is_dry:
            _persistently(run, partial(_settle, run))
        _persistently(run, partial(_merge_all, run, report))
        _persistently(run, partial(_tag, run, report))
    for definition in (table for table in TABLES if table.name in there):
        upkeep = report[definition.name]
        _persistently(run, partial(_expire, run, definition, upkeep))
        run.on_step(f"remove orphans of {definition.name}")
        before_us = run.retention.now_us - run.retention.grace_us
        orphans = orphans_of(run.s3, run.lake.bucket, run.lake.open(definition), before_us)
        upkeep.orphan_bytes = sum(file.size_bytes for file in orphans)
        upkeep.orphans = len(orphans) if run.is_dry else remove(run.s3, run.lake.bucket, orphans)
    return MaintenanceReport(run.run_id, run.is_dry, list(report.values()))


def _persistently(run: Maintenance, work: Callable[[], None]) -> None:
    for _ in range(MAX_PLANS):
        try:
            return work()
        except CommitFailedException:
            run.on_step("a run committed first: planning again")
    raise WorkFailedError(f"runs committed first, {MAX_PLANS} times: let them end, then run again")


def _settle(run: Maintenance) -> None:
    """Finish rollbacks and record changes, whose snapshots may go then."""
    finish_all(Rollback(run.lake, run.run_id, run.retention.now_us, run.on_step))
    log = HourLog.open(run.lake, run.lake.open(FACT_CLICKS))
    list(log.record([], run.properties, run.on_step))


def _merge_all(run: Maintenance, report: dict[str, TableUpkeep]) -> None:
    facts, users = run.lake.open(FACT_CLICKS), UserTables.open(run.lake)
    agreed = users.agree_with(facts)
    for name, table in run.lake.find().items():
        run.on_step(f"merge files of {name}")
        _merge_files(run, table, report[name])
        _merge_manifests(run, run.lake.find([name])[name], report[name])
    facts, users = run.lake.open(FACT_CLICKS), UserTables.open(run.lake)
    if agreed and not run.is_dry and not users.agree_with(facts):  # the same rows in other files
        list(users.publish({}, users.after({}), facts.paths(), run.properties, run.on_step))


def _merge_files(run: Maintenance, table: LakeTable, upkeep: TableUpkeep) -> None:
    """Make one file of each partition of closed days that other writers left in several."""
    pieces = [at for at in sorted(table.partitions) if len(table.paths([at])) > 1]
    due = [at for at in pieces if not at or is_closed_day(at[:3], run.retention.now_us)]
    upkeep.merged_partitions = len(due)
    if run.is_dry or not due:
        return
    with tempfile.TemporaryDirectory(prefix="clickstream-maintain-") as folder:
        files: dict[Partition, str | None] = {at: _one_file(table, at, Path(folder)) for at in due}
        table.commit(files, run.properties)


def _one_file(table: LakeTable, at: Partition, folder: Path) -> str:
    definition = table.definition
    room = Room(at_once_bytes=256 * _MEBIBYTE, engine_bytes=512 * _MEBIBYTE, folder=folder)

    def pieces() -> Iterator[pa.Table]:
        for batch in table.dataset([at]).to_batches(batch_readahead=1, fragment_readahead=1):
            yield pa.Table.from_batches([batch])

    size_bytes = table.rows_in(at) * _ROW_BYTES
    groups = sorted_groups(pieces(), size_bytes, definition.schema, definition.order, room)
    path = folder / "merged.parquet"
    write_parquet(groups, table.file_schema, path)
    return table.upload(at, path)


def _merge_manifests(run: Maintenance, table: LakeTable, upkeep: TableUpkeep) -> None:
    snapshot = table.iceberg.current_snapshot()
    manifests = len(snapshot.manifests(table.iceberg.io)) if snapshot else 0
    if manifests < _MANY_MANIFESTS:
        return
    upkeep.merged_manifests = manifests
    if not run.is_dry:
        with table.iceberg.transaction() as transaction:
            transaction.set_properties(_MERGING)
            with transaction.update_snapshot(snapshot_properties=run.properties).merge_append():
                pass  # no file comes: the manifests alone are written anew


def _tag(run: Maintenance, report: dict[str, TableUpkeep]) -> None:
    """Tag the days that were closed since the last time, all tables alike, and take the tags of old days away."""
    tables = [run.lake.open(definition) for definition in _TAGGED]
    facts = tables[0]
    tags = [name for name in facts.iceberg.refs() if name != "main"]
    due = due_tags({at[:3] for at in facts.partitions}, tags, run.retention)
    if due and not UserTables(*tables[2:]).agree_with(facts):
        due = []  # a run is about to make the users anew; the day is tagged next time
    # The facts last: a day counts as tagged once they are.
    for table in reversed(tables):
        upkeep, refs = report[table.definition.name], table.iceberg.refs()
        upkeep.tags, upkeep.tags_removed = [tag for tag in due if tag not in refs], old_tags(refs, run.retention)
        snapshot = table.iceberg.current_snapshot()
        snapshot_id = snapshot.snapshot_id if snapshot else 0
        if snapshot is None:  # a table that never had rows
            upkeep.tags = []
        if run.is_dry or not (upkeep.tags or upkeep.tags_removed):
            continue
        run.on_step(f"tag {table.definition.name}")
        with table.iceberg.manage_snapshots() as manage:
            for tag in upkeep.tags:
                manage.create_tag(snapshot_id, tag)
            for tag in upkeep.tags_removed:
                manage.remove_tag(tag)


def _expire(run: Maintenance, definition: Table, upkeep: TableUpkeep) -> None:
    iceberg = run.lake.open(definition).iceberg
    referred = {reference.snapshot_id for reference in iceberg.refs().values()}
    ordered = sorted(iceberg.snapshots(), key=lambda snapshot: snapshot.sequence_number or 0)
    times = [SnapshotTime(snapshot.snapshot_id, snapshot.timestamp_ms) for snapshot in ordered]
    old = expired(times, referred, run.retention)
    upkeep.snapshots_expired = len(old)
    if old and not run.is_dry:
        run.on_step(f"expire snapshots of {definition.name}")
        iceberg.maintenance.expire_snapshots().by_ids(old).commit()
