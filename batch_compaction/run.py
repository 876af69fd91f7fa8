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
from schemas.lake import format_hour, partition_of_hour
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

    Raises:
        WorkFailedError: a merged hour failed a check, or other runs kept coming first; nothing is half-published.
    """
    for _ in range(MAX_PLANS):
        try:
            return _compact_once(run)
        except CommitFailedException:
            run.on_step("another run committed first: planning again")
    raise WorkFailedError(f"other runs committed first, {MAX_PLANS} times: let them end, then run again")


def _compact_once(run: Run) -> RunReport:
    run.on_step("find raw objects")
    raw_objects = run.lake.open(RAW_OBJECTS)
    known = plan.known_objects(raw_objects.rows())
    todo = list(plan.assignments(list_raw_objects(run.s3, run.raw_bucket), known, run.policy))

    parsed = []
    for assignment in todo:
        run.on_step(f"read {assignment.raw.key}")
        parsed.append(parse_object(assignment.raw, read_content(run.s3, assignment.raw)))
    done = {assignment.raw: assignment.done for assignment in todo}
    new_lines = _lines_to_publish(parsed, done, run.policy)
    touched: set[Partition] = {partition_of_hour(hour) for hour in _hours(new_lines)}

    run.on_step(f"merge {len(touched)} hours")
    facts, conflicts = run.lake.open(FACT_CLICKS), run.lake.open(CONFLICTS)
    held_facts = facts.rows(touched)
    merged = merge(new_lines, held_facts, conflicts.rows(touched))
    _check(merged, new_lines, held_facts)
    quarantine, users = run.lake.open(QUARANTINE), run.lake.open(DIM_USERS)
    steps: list[tuple[LakeTable, Mapping[Partition, pa.Table]]] = [
        (quarantine, bookkeeping.quarantine_partitions(quarantine, parsed)),
        (conflicts, {partition_of_hour(hour.hour_us): hour.conflicts for hour in merged}),
        (users, {(): _users(facts, touched, merged)} if merged else {}),
        (facts, {partition_of_hour(hour.hour_us): hour.facts for hour in merged}),
        (raw_objects, bookkeeping.object_partitions(raw_objects, parsed, done, run.policy)),
    ]
    properties = bookkeeping.snapshot_properties(run.run_id, merged, run.policy)
    commits = []
    for table, partitions in steps:
        run.on_step(f"publish {table.definition.name}")
        if table.replace(partitions, properties):
            commits.append(table.definition.name)
    return report_of(run.run_id, parsed, merged, len(new_lines), commits)


def _lines_to_publish(
    parsed: Iterable[ParsedObject], done: Mapping[RawObject, frozenset[int]], policy: plan.HourPolicy
) -> pa.Table:
    """Return the accepted lines of hours that may be published and that their object has not published yet."""
    tables = [ACCEPTED_SCHEMA.empty_table()]
    for item in parsed:
        wanted = [hour for hour in item.accepted_by_hour() if policy.may_publish(hour) and hour not in done[item.raw]]
        hours = pa.array(wanted, pa.int64()).cast(TIMESTAMP)
        tables.append(item.accepted.filter(pc.is_in(item.accepted["event_hour"], hours)))
    return pa.concat_tables(tables)


def _hours(lines: pa.Table) -> list[int]:
    hours: list[int] = lines["event_hour"].cast(pa.int64()).unique().to_pylist()
    return hours


def _check(merged: Iterable[MergedHour], new_lines: pa.Table, held_facts: pa.Table) -> None:
    for hour in merged:
        if faults := faults_of(hour, new_lines, held_facts):
            raise WorkFailedError(f"hour {format_hour(hour.hour_us)} was not published: {'; '.join(faults)}")


def _users(facts: LakeTable, touched: set[Partition], merged: Iterable[MergedHour]) -> pa.Table:
    untouched = facts.dataset(facts.partitions - touched)
    return users_of(untouched, pa.concat_tables([hour.facts for hour in merged]))
