"""A compaction run, step by step: find, read, merge, check, publish.

Every table is replaced by whole partitions, each in one commit, and `raw_objects` is committed last: only that commit
marks a line as done. A run that died anywhere is simply run again. When another run commits first, this one plans again
from fresh tables.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow.dataset import Dataset
from pyiceberg.exceptions import CommitFailedException

from batch_compaction import attestation_hours, bookkeeping, plan, quarantine_hours
from batch_compaction.body import UnreadObjectError
from batch_compaction.checks import verdicts_of
from batch_compaction.find import Found
from batch_compaction.hour_merge import merge_hour
from batch_compaction.hours_log import HourLog
from batch_compaction.hours_run import changes_by, rows_after
from batch_compaction.intake import Arrived, ReadObject, Spills, spills_in, take_in
from batch_compaction.judging import Bench, HourFile, facts_in, user_hashes, user_hours_in, write_arrow
from batch_compaction.lake_tables import NO_MARKS, Lake, LakeTable, Marks, write_parquet
from batch_compaction.limits import QualityLimits
from batch_compaction.parse import LINE_SCHEMA
from batch_compaction.progress import Progress
from batch_compaction.reading import read_blocks
from batch_compaction.report import RunReport, report_of
from batch_compaction.rollback import Rollback, settle_rollbacks
from batch_compaction.sorting import Pieces, Room, groups_of, once_more
from batch_compaction.spill import Spill
from batch_compaction.user_hours import user_hours_of
from batch_compaction.user_splice import Users
from batch_compaction.user_tables import UserTables
from batch_compaction.verdicts import Acceptance, Verdict, accepted, results_partitions, results_table
from schemas.errors import WorkFailedError
from schemas.lake import Partition, format_hour, partition_of_hour
from schemas.tables import ATTESTATIONS, CONFLICTS, DQ_RESULTS, FACT_CLICKS, QUARANTINE, RAW_OBJECTS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# How often a run is planned: again where another one committed first, or where an object changed while it was read.
MAX_PLANS = 5
MEBIBYTE = 1 << 20
_ID_SCHEMA = pa.schema([LINE_SCHEMA.field("click_id")])
# What a run takes whatever its rows: libraries, blocks in flight, metadata.
_FIXED_BYTES = 384 * MEBIBYTE
MEMORY_BYTES = 1280 * MEBIBYTE
# A column of texts has places of 32 bits in it.
_AT_ONCE_BYTES = 1024 * MEBIBYTE

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Run:
    """What a run is given.

    Attributes:
        find: finds the raw objects to look at.
        run_id: names the run in the snapshots that it commits.
        on_step: told each step as it begins, for progress.
        limits: of the checks.
        acceptance: failed checks that are to hold nothing back.
        memory_bytes: about how much memory the run may take; what does not fit goes to a temporary folder.
        rebuild_users: make the tables of the users anew from the facts.
        redo: publish the hours that the policy names although they were rolled back.
        progress: kept up to date with how far the run is.
    """

    s3: S3Client
    find: Callable[[], Found]
    lake: Lake
    policy: plan.HourPolicy
    run_id: str
    on_step: Step
    limits: QualityLimits = field(default_factory=QualityLimits)
    acceptance: Acceptance | None = None
    memory_bytes: int = MEMORY_BYTES
    rebuild_users: bool = False
    redo: bool = False
    progress: Progress = field(default_factory=Progress)


def compact(run: Run) -> RunReport:
    """Publish every line that is new and of an hour that may be published; do nothing where there is none.

    An hour that fails a blocking check stays as it was; its lines are held and tried again by the next run.

    Raises:
        WorkFailedError: other runs kept coming first, objects kept changing, or there is no room; nothing is
            half-published.
    """
    unread: dict[str, str] = {}
    while True:
        try:
            with tempfile.TemporaryDirectory(prefix="clickstream-compact-") as folder:
                return _compact_once(run, Path(folder), unread)
        except CommitFailedException as error:
            run.progress.overtaken += 1
            if run.progress.overtaken == MAX_PLANS:
                told = f"other runs committed first, {MAX_PLANS} times: let them end, then run again"
                raise WorkFailedError(told) from error
            run.on_step("another run committed first: planning again")
        except UnreadObjectError as error:
            # What was read of it waits among other rows by now, and none of it counts.
            unread[error.raw.key] = error.detail
            if len(unread) == MAX_PLANS:
                told = f"objects changed while they were read: {', '.join(unread)}: let their writer end and run again"
                raise WorkFailedError(told) from error
            run.on_step(f"{error.raw.key} changed while it was read: planning again without it")


def _compact_once(run: Run, folder: Path, unread: Mapping[str, str]) -> RunReport:
    run.on_step("find raw objects")
    # Opened before the listing, raw_objects first, so that this run sees every line that an overlapping one publishes
    # after this moment; whichever of the two commits second on a table plans again.
    raw_objects, quarantine, attestations, conflicts, facts, results = map(
        run.lake.open, (RAW_OBJECTS, QUARANTINE, ATTESTATIONS, CONFLICTS, FACT_CLICKS, DQ_RESULTS)
    )
    users, committed = _agreeing_users(run, facts)
    log = HourLog.open(run.lake, facts)
    redone = run.policy.only or () if run.redo else ()
    if settle_rollbacks(Rollback(run.lake, run.run_id, run.policy.now_us, run.on_step), log, redone):
        return _compact_once(run, folder, unread)
    run = replace(run, policy=replace(run.policy, rolled_back=frozenset(log.held_back())))
    found = run.find()
    known = plan.known_objects(raw_objects.rows(bookkeeping.days_to_look_at(raw_objects, found.objects)))
    todo = [item for item in plan.assignments(found.objects, known, run.policy) if item.raw.key not in unread]
    run.progress.plan(len(todo))

    room = _room(run, folder)
    with spills_in(folder, room.at_once_bytes) as spills:
        lines = spills.lines
        read, refused = _read(run, todo, spills)
        run.progress.hours = len(lines.hours)
        merged = [_merge(run, room, hour_us, lines, facts, conflicts, users) for hour_us in lines.hours]
        judged = _judge(run, merged, Bench(facts, conflicts, read, run.limits), users)
        passed = {partition_of_hour(hour.hour_us): hour for hour in merged if hour.hour_us not in judged.held}
        files: dict[Partition, str | None] = {at: facts.upload(at, hour.path) for at, hour in passed.items()}
        conflict_files = conflicts.put({at: hour.merged.conflicts for at, hour in passed.items()})
        changes = changes_by(log, [hour.merged for hour in passed.values()], files, conflict_files, read)
        rows = bookkeeping.object_partitions(raw_objects, read, run.policy, judged.held)
        waiting = bookkeeping.waiting_lines(raw_objects, rows)
        through_us = plan.published_through(run.policy.closed_through_us, waiting)
        properties = bookkeeping.snapshot_properties(run.run_id, changes, run.policy, through_us)

        def publish(table: LakeTable, partitions: Mapping[Partition, pa.Table], marks: Marks = NO_MARKS) -> None:
            if partitions:
                run.on_step(f"publish {table.definition.name}")
            if table.replace(partitions, properties, marks):
                committed.append(table.definition.name)

        rejected, attested = Arrived(read, spills.quarantined), Arrived(read, spills.attestations)
        committed += quarantine_hours.publish(quarantine, rejected, run.run_id, folder, properties, run.on_step)
        committed += attestation_hours.publish(attestations, attested, room, properties, run.on_step)
        if passed:
            run.on_step(f"publish {CONFLICTS.name}")
        if conflicts.commit(conflict_files, properties):
            committed.append(CONFLICTS.name)
        if passed:
            hours: dict[Partition, str | None] = {at: users.hours.upload(at, hour.users) for at, hour in passed.items()}
            committed += users.publish(hours, judged.users, facts.paths_after(files), properties, run.on_step)
            run.on_step(f"publish {FACT_CLICKS.name}")
        if facts.commit(files, properties, is_due=bool(changes)):
            committed.append(FACT_CLICKS.name)
        if read:
            faults = {hour_us: judged.held.get(hour_us, []) for hour_us in judged.verdicts}
            after = rows_after(log, read, waiting, faults, run_id=run.run_id, published_through_us=through_us)
            committed += log.record(after, properties, run.on_step)
        publish(results, results_partitions(results, results_table(run.run_id, judged.verdicts, run.policy.now_us)))
        publish(raw_objects, rows, bookkeeping.pending_mark(raw_objects, rows))
    return report_of(
        run.run_id,
        read,
        [hour.merged for hour in passed.values()],
        judged.held,
        plan.overwritten(found.objects, known),
        {**unread, **refused},
        committed,
        found,
        undeleted=found.acknowledge(),
        overtaken=run.progress.overtaken,
        published_through_us=through_us,
        now_us=run.policy.now_us,
    )


def _agreeing_users(run: Run, facts: LakeTable) -> tuple[UserTables, list[str]]:
    """Return the tables of the users as the sum of the facts, and those that had to be made anew for it."""
    users = UserTables.open(run.lake)
    if users.agree_with(facts) and not run.rebuild_users:
        return users, []
    rebuilt = users.rebuild(facts, bookkeeping.snapshot_properties(run.run_id, {}, run.policy), run.on_step)
    return UserTables.open(run.lake), rebuilt


def _room(run: Run, folder: Path) -> Room:
    left = run.memory_bytes - _FIXED_BYTES
    return Room(at_once_bytes=min(left // 5, _AT_ONCE_BYTES), engine_bytes=left // 2, folder=folder)


def _read(run: Run, todo: Sequence[plan.Assignment], spills: Spills) -> tuple[list[ReadObject], dict[str, str]]:
    """Return what the objects hold, and those that cannot be read at all with the reason."""
    read: list[ReadObject] = []
    refused: dict[str, str] = {}
    for assignment in todo:
        run.on_step(f"read {assignment.raw.key}")
        item = ReadObject(assignment)
        try:
            take_in(item, read_blocks(run.s3, assignment.raw), run.policy, spills)
        except UnreadObjectError as error:
            if item.lines:
                raise
            refused[error.raw.key] = error.detail
        else:
            read.append(item)
        run.progress.objects_read += 1
        run.progress.lines += item.lines
    return read, refused


def _merge(
    run: Run, room: Room, hour_us: int, lines: Spill, facts: LakeTable, conflicts: LakeTable, users: UserTables
) -> HourFile:
    """Merge the lines of an hour into what it holds, into a file of its own."""
    run.on_step(f"merge {format_hour(hour_us)}")
    at = partition_of_hour(hour_us)
    came: Pieces = partial(lines.rows, hour_us)
    if lines.size_bytes(hour_us) <= room.at_once_bytes:
        came = once_more(lines.taken(hour_us))
    merging = merge_hour(hour_us, came, facts.dataset([at]), conflicts.dataset([at]))
    groups = merging.sorted_facts(room)
    names = (".parquet", "-ids.arrow", "-users.parquet", "-users.arrow")
    hour = HourFile(merging.hour, *(room.folder / f"{hour_us}{name}" for name in names))
    if merging.size_bytes <= room.at_once_bytes:
        rows = pa.concat_tables([FACT_CLICKS.schema.empty_table(), *groups])
        write_parquet(groups_of(rows), facts.file_schema, hour.path)
        user_rows = user_hours_of(rows, hour_us)
    else:
        write_parquet(groups, facts.file_schema, hour.path)
        # What the users are summed in takes the place of what the hour was merged in.
        del merging, groups
        pa.default_memory_pool().release_unused()
        user_rows = user_hours_of(facts_in(hour.path), hour_us)
    write_parquet(groups_of(user_rows), users.hours.file_schema, hour.users)
    write_arrow([user_rows], user_rows.schema, hour.user_rows)
    write_arrow(came(), _ID_SCHEMA, hour.ids)
    lines.drop(hour_us)
    pa.default_memory_pool().release_unused()
    run.progress.hours_merged += 1
    return hour


@dataclass(frozen=True, slots=True)
class _Judged:
    """What the checks found.

    Attributes:
        verdicts: hour -> its verdicts.
        held: hour that may not be published -> what is wrong with it.
        users: the users once the others are published.
    """

    verdicts: dict[int, list[Verdict]]
    held: dict[int, list[str]]
    users: Users


def _judge(run: Run, hours: Sequence[HourFile], bench: Bench, users: UserTables) -> _Judged:
    """Check every hour as if all of them were published."""
    if hours:
        run.on_step(f"check {len(hours)} hours")
    rows: dict[Partition, Dataset] = {partition_of_hour(hour.hour_us): user_hours_in(hour.user_rows) for hour in hours}
    after = users.after(rows)
    known = user_hashes(after.users)
    audits = bench.audits(hours, known)
    verdicts = {audit.hour_us: accepted(audit.hour_us, verdicts_of(audit), run.acceptance) for audit in audits}
    # They know of each other, and would wait for the garbage collector.
    audits.clear()
    faults = {hour_us: [str(verdict) for verdict in found if verdict.holds] for hour_us, found in verdicts.items()}
    held = {hour_us: found for hour_us, found in faults.items() if found}
    if held:
        not_held = (partition_of_hour(hour.hour_us) for hour in hours if hour.hour_us not in held)
        after = users.after({at: rows[at] for at in not_held})
    return _Judged(verdicts, held, after)
