"""A compaction run, step by step: find, parse, merge, check, publish.

Every table is replaced by whole partitions, each in one commit, and `raw_objects` is committed last: only that commit
marks a line as done. A run that died anywhere is simply run again. When another run commits first, this one plans again
from fresh tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.exceptions import CommitFailedException

from batch_compaction import bookkeeping, plan
from batch_compaction.check import faults_of
from batch_compaction.dims import users_of
from batch_compaction.lake_tables import Lake, LakeTable, Partition
from batch_compaction.merge import MergedHour, merge
from batch_compaction.parse import ACCEPTED_SCHEMA, ParsedObject, parse_object
from batch_compaction.raw import RawObject, list_raw_objects, read_content
from batch_compaction.report import RunReport, report_of
from schemas.errors import WorkFailedError
from schemas.lake import partition_of_hour
from schemas.tables import CONFLICTS, DIM_USERS, FACT_CLICKS, QUARANTINE, RAW_OBJECTS, TIMESTAMP

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# How often a run starts over because another one committed first.
MAX_PLANS = 5

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Run:
    """What a run is given.

    Attributes:
        run_id: names the run in the snapshots that it commits.
        on_step: told each step as it begins, for progress.
    """

    s3: S3Client
    raw_bucket: str
    lake: Lake
    policy: plan.HourPolicy
    run_id: str
    on_step: Step


def compact(run: Run) -> RunReport:
    """Publish every line that is new and of an hour that may be published; do nothing where there is none.

    An hour that fails a check stays as it was; its lines are held and tried again by the next run.

    Raises:
        WorkFailedError: other runs kept coming first; nothing is half-published.
    """
    for number in range(MAX_PLANS):
        try:
            return _compact_once(run, is_replan=number > 0)
        except CommitFailedException:
            run.on_step("another run committed first: planning again")
    raise WorkFailedError(f"other runs committed first, {MAX_PLANS} times: let them end, then run again")


def _compact_once(run: Run, is_replan: bool) -> RunReport:
    run.on_step("find raw objects")
    # Opened before the listing, raw_objects first, so that this run sees every line that an overlapping one publishes
    # after this moment; whichever of the two commits second on a table plans again.
    raw_objects, quarantine, conflicts, users, facts = map(
        run.lake.open, (RAW_OBJECTS, QUARANTINE, CONFLICTS, DIM_USERS, FACT_CLICKS)
    )
    listed = list(list_raw_objects(run.s3, run.raw_bucket))
    known = plan.known_objects(raw_objects.rows())
    todo = list(plan.assignments(listed, known, run.policy))
    parsed = [_read(run, assignment.raw) for assignment in todo]
    new_lines = _lines_to_publish(todo, parsed, run.policy)
    touched: set[Partition] = {partition_of_hour(hour) for hour in _hours(new_lines)}

    run.on_step(f"merge {len(touched)} hours")
    held_facts = facts.rows(touched)
    merged = merge(new_lines, held_facts, conflicts.rows(touched))
    held = {hour.hour_us: faults for hour in merged if (faults := faults_of(hour, new_lines, held_facts))}
    passed = [hour for hour in merged if hour.hour_us not in held]

    properties = bookkeeping.snapshot_properties(run.run_id, passed, run.policy)
    commits = []
    steps: list[tuple[LakeTable, Mapping[Partition, pa.Table]]] = [
        (quarantine, bookkeeping.quarantine_partitions(quarantine, parsed)),
        (conflicts, {partition_of_hour(hour.hour_us): hour.conflicts for hour in passed}),
        (users, _users(facts, passed) if passed or is_replan or not _agree(users, facts) else {}),
        (facts, {partition_of_hour(hour.hour_us): hour.facts for hour in passed}),
        (raw_objects, bookkeeping.object_partitions(raw_objects, todo, parsed, run.policy, held)),
    ]
    for table, partitions in steps:
        run.on_step(f"publish {table.definition.name}")
        if table.replace(partitions, properties):
            commits.append(table.definition.name)
    return report_of(run.run_id, parsed, passed, held, plan.overwritten(listed, known), commits)


def _read(run: Run, raw: RawObject) -> ParsedObject:
    run.on_step(f"read {raw.key}")
    return parse_object(raw, read_content(run.s3, raw))


def _lines_to_publish(
    todo: Iterable[plan.Assignment], parsed: Iterable[ParsedObject], policy: plan.HourPolicy
) -> pa.Table:
    """Return the accepted lines of hours that may be published and that their object has not published yet."""
    tables = [ACCEPTED_SCHEMA.empty_table()]
    for assignment, item in zip(todo, parsed, strict=True):
        wanted = [hour for hour in item.accepted_by_hour() if assignment.wants(hour, policy)]
        hours = pa.array(wanted, pa.int64()).cast(TIMESTAMP)
        tables.append(item.accepted.filter(pc.is_in(item.accepted["event_hour"], hours)))
    return pa.concat_tables(tables)


def _hours(lines: pa.Table) -> list[int]:
    hours: list[int] = lines["event_hour"].cast(pa.int64()).unique().to_pylist()
    return hours


def _users(facts: LakeTable, passed: Iterable[MergedHour]) -> dict[Partition, pa.Table]:
    """Return the whole dimension, over the facts as they will be."""
    merged = {partition_of_hour(hour.hour_us): hour.facts for hour in passed}
    touched = pa.concat_tables([FACT_CLICKS.schema.empty_table(), *merged.values()])
    return {(): users_of(facts.dataset(facts.partitions - merged.keys()), touched)}


def _agree(users: LakeTable, facts: LakeTable) -> bool:
    """Say whether the dimension counts as many facts as there are; not so after a run that another one overtook."""
    counted = pc.sum(users.dataset().to_table(columns=["events"])["events"]).as_py() or 0
    return bool(counted == facts.row_count)
