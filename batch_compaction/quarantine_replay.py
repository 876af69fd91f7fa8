"""Repairing quarantined lines: what rules would do, and doing it.

A repaired line goes through the door that every line goes through: those of an arrival hour are put as one raw object
that compaction reads like any other, in the folder of that hour, so that the codec judges them by when they were first
heard of. The object comes first and its lines say where they are from; the marks of `quarantine_resolutions` follow.
What a replay that died in between has put is adopted by the next one, whatever its rules: no line is repaired twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.exceptions import CommitFailedException

from batch_compaction.lake_tables import Lake, LakeTable
from batch_compaction.quarantine import DISMISSED, REPAIRED, Resolved, Selection
from batch_compaction.quarantine_objects import RepairedLines, origins, repaired_objects, rules_digest_of
from batch_compaction.quarantine_repair import Fate, Origin, QuarantinedLine, judge
from batch_compaction.quarantine_report import RepairReport, Tally, report_of
from batch_compaction.quarantine_tables import QuarantineTables
from batch_compaction.repair_rules import Rules
from schemas.errors import WorkFailedError
from schemas.lake import Partition, format_hour, hour_of_key, hour_of_partition, partition_of_hour
from schemas.tables import HOUR_PARTITION, QUARANTINE_RESOLUTIONS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# How often a replay starts over because another writer committed first.
MAX_PLANS = 5
# Marks that wait for their commit, and those of an hour that wait to become Arrow rows.
_MOST_PENDING = 200_000
_MOST_PLAIN = 10_000
_SCHEMA = QUARANTINE_RESOLUTIONS.schema
# Of a mark, what is told line by line.
_TOLD = pa.schema(map(_SCHEMA.field, ("source_object", "source_line", "resolution", "replay_line", "why")))

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay is given.

    Attributes:
        now_us: when it marks what it resolves.
        on_step: told each step as it begins, for progress.
    """

    s3: S3Client
    raw_bucket: str
    lake: Lake
    rules: Rules
    now_us: int
    on_step: Step


def preview(run: Replay) -> RepairReport:
    """Return what a replay would do; write nothing.

    Raises:
        WorkFailedError: what lies among the repaired objects is none.
    """
    tables = QuarantineTables.find(run.lake)
    put = _put_before(run)
    tally, adopted = Tally(), 0
    for hour in _hours(tables, run.rules):
        run.on_step(f"judge {format_hour(hour_of_partition(hour))}")
        held = tables.marks(hour)
        marked = _adopted(run, put.get(hour, []), held, hour)
        adopted += len(marked) - len(held)
        for line in tables.unresolved(hour, Resolved(marked)):
            tally.add(line, judge(run.rules, line))
    return report_of(run.rules.digest, tally, adopted)


def replay(run: Replay) -> RepairReport:
    """Put the lines that pass as raw objects, and mark what passed or was dismissed; a second time changes nothing.

    Raises:
        WorkFailedError: other writers kept coming first, or what lies among the repaired objects is none; what was put
            and not marked is marked by the next replay.
    """
    for _ in range(MAX_PLANS):
        try:
            return _replay_once(run)
        except CommitFailedException:
            run.on_step("another writer committed first: planning again")
    raise WorkFailedError(f"other writers committed first, {MAX_PLANS} times: let them end, then run again")


def _replay_once(run: Replay) -> RepairReport:
    run.on_step("find what was put before")
    # Opened before the listing: marks that another replay commits after this moment make this one plan again.
    resolutions = run.lake.open(QUARANTINE_RESOLUTIONS)
    tables = QuarantineTables.find(run.lake)
    put = _put_before(run)
    tally, objects, adopted = Tally(), [], 0
    pending: dict[Partition, pa.Table] = {}
    for hour in _hours(tables, run.rules):
        run.on_step(f"judge {format_hour(hour_of_partition(hour))}")
        held = resolutions.rows([hour])
        marked = _adopted(run, put.get(hour, []), held, hour)
        adopted += len(marked) - len(held)
        marks = _Marks(hour, run.now_us)
        with RepairedLines(run.rules.digest) as repaired:
            for line in tables.unresolved(hour, Resolved(marked)):
                _settle(run.rules, line, tally, repaired, marks)
            key = repaired.key(hour_of_partition(hour))
            if repaired.count:
                run.on_step(f"put {key}")
                repaired.put(run.s3, run.raw_bucket, key)
                objects.append(key)
        marked = pa.concat_tables([marked, marks.rows(key, run.rules.digest)])
        if len(marked) > len(held):
            pending[hour] = marked.sort_by([(name, "ascending") for name in QUARANTINE_RESOLUTIONS.order])
        if sum(map(len, pending.values())) >= _MOST_PENDING:
            resolutions = _commit(run, resolutions, pending)
    _commit(run, resolutions, pending)
    return report_of(run.rules.digest, tally, adopted, objects)


def _settle(rules: Rules, line: QuarantinedLine, tally: Tally, repaired: RepairedLines, marks: _Marks) -> None:
    judgement = judge(rules, line)
    tally.add(line, judgement)
    if judgement.fate is Fate.PASSES:
        marks.add(line.origin, REPAIRED, repaired.add(judgement.data), None)
    elif judgement.fate is Fate.DISMISSED and judgement.rule is not None:
        marks.add(line.origin, DISMISSED, None, rules.rules[judgement.rule].dismiss)


def _put_before(run: Replay) -> dict[Partition, list[str]]:
    """Return arrival hour -> keys of the objects of repaired lines."""
    put: dict[Partition, list[str]] = {}
    for key in repaired_objects(run.s3, run.raw_bucket):
        hour_us = hour_of_key(key)
        if hour_us is not None:
            put.setdefault(partition_of_hour(hour_us), []).append(key)
    return put


def _adopted(run: Replay, put: list[str], held: pa.Table, hour: Partition) -> pa.Table:
    """Return the held marks of an hour, with those that are missing for objects that were put."""
    marked = held
    for key in put:
        if pc.any(pc.equal(held["replay_object"], key)).as_py():
            continue
        run.on_step(f"adopt {key}")
        marks = _Marks(hour, run.now_us)
        for number, origin in enumerate(origins(run.s3, run.raw_bucket, key), start=1):
            marks.add(origin, REPAIRED, number, None)
        rows = marks.rows(key, rules_digest_of(key))
        is_new = [resolution is None for resolution in Resolved(marked).of(rows)]
        marked = pa.concat_tables([marked, rows.filter(pa.array(is_new, pa.bool_()))])
    return marked


class _Marks:
    """New rows of `quarantine_resolutions`, of one arrival hour.

    Args:
        hour: the hour.
        now_us: when they are made.
    """

    def __init__(self, hour: Partition, now_us: int) -> None:
        self._same: Mapping[str, int | str] = dict(zip(HOUR_PARTITION, hour, strict=True)) | {"resolved_at": now_us}
        self._plain: list[tuple[str, int, str, int | None, str | None]] = []
        self._chunks: list[pa.Table] = []

    def add(self, origin: Origin, resolution: str, replay_line: int | None, why: str | None) -> None:
        """Add what became of a line."""
        self._plain.append((origin.object, origin.line, resolution, replay_line, why))
        if len(self._plain) >= _MOST_PLAIN:
            self._pack()

    def rows(self, replay_object: str, rules_digest: str) -> pa.Table:
        """Return the rows; those that were repaired lie in the given object."""
        self._pack()
        told = pa.concat_tables(self._chunks)
        same = {**self._same, "rules_digest": rules_digest}
        columns = {name: told[name] for name in told.schema.names}
        columns["replay_object"] = pc.if_else(pc.is_valid(told["replay_line"]), replay_object, None)
        for name, value in same.items():
            columns[name] = pa.repeat(pa.scalar(value, _SCHEMA.field(name).type), len(told))
        return pa.table([columns[name] for name in _SCHEMA.names], schema=_SCHEMA)

    def _pack(self) -> None:
        rows = [dict(zip(_TOLD.names, row, strict=True)) for row in self._plain]
        self._chunks.append(pa.Table.from_pylist(rows, _TOLD))
        self._plain.clear()


def _commit(run: Replay, resolutions: LakeTable, pending: dict[Partition, pa.Table]) -> LakeTable:
    """Commit the marks of some hours and return the table as it is then."""
    if not pending:
        return resolutions
    run.on_step(f"publish {QUARANTINE_RESOLUTIONS.name}")
    resolutions.replace(pending, {"clickstream.rules-digest": run.rules.digest})
    pending.clear()
    return run.lake.open(QUARANTINE_RESOLUTIONS)


def _hours(tables: QuarantineTables, rules: Rules) -> list[Partition]:
    return [hour for hour in tables.hours(Selection()) if rules.may_take(hour_of_partition(hour))]
