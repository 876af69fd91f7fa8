"""Rolling back event hours: what is to come back is said first, then everything of the hour goes back together.

The row in `hours` that says so comes before any other commit and says that it is done after all others. Whoever finds
it in between, a run or another rollback, finishes it: each commit is an overwrite that comes to the same wherever the
one before it died. Of `conflicts`, `fact_clicks` and `raw_objects` a snapshot is made even where nothing changes, so
that a run which had opened them before cannot commit what it made of the version that went; a run that opens them later
finds the row. The files of a version are committed again as they are. Nothing of a rolled-back hour is published until
somebody redoes it; its lines are held.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

import pyarrow.compute as pc
from pyarrow.dataset import dataset
from pyiceberg.exceptions import CommitFailedException

from batch_compaction import bookkeeping
from batch_compaction.hours import (
    HELD,
    NOTHING,
    ROLLBACK,
    ROLLED_BACK,
    ROLLING_BACK,
    Change,
    HourRow,
    Recorded,
    Version,
    change_record,
    hour_row,
)
from batch_compaction.hours_log import CHANGES, RUN_ID, HourLog
from batch_compaction.lake_tables import Lake, LakeTable
from batch_compaction.rollback_plan import Target
from batch_compaction.rollback_report import RollbackReport, back_report
from batch_compaction.rollback_states import restated
from batch_compaction.user_hours import user_hours_of
from batch_compaction.user_tables import UserTables
from schemas.errors import WorkFailedError
from schemas.lake import Partition, format_hour, hour_of_partition, partition_of_hour
from schemas.tables import CONFLICTS, FACT_CLICKS, RAW_OBJECTS

# How often a rollback starts over because a run committed first.
MAX_PLANS = 5
Files = Mapping[Partition, str | None]


@dataclass(frozen=True, slots=True)
class Rollback:
    """Who rolls back.

    Attributes:
        run_id: names what is done in the snapshots that are committed.
        now_us: the instant.
        on_step: told each step as it begins.
    """

    lake: Lake
    run_id: str
    now_us: int
    on_step: Callable[[str], None]


def roll_back(
    by: Rollback, targets: Callable[[HourLog, Set[int]], Sequence[Target]], why: str | None
) -> RollbackReport:
    """Bring earlier versions of some hours back, in one commit of the facts; first finish what died on the way.

    Args:
        by: who does it.
        targets: gives what is to come back, of the log and of the hours whose rollback was finished just now.
        why: kept with the change.

    Raises:
        WorkFailedError: there is nothing to bring back, its files are gone, or runs kept committing first. What was
            begun by then is finished by the next run or rollback.
    """
    finished: set[int] = set()
    planned: dict[int, Target] = {}

    def say() -> None:
        log = HourLog.open(by.lake, by.lake.open(FACT_CLICKS))
        if unfinished := log.unfinished():
            # Known as finished even where a run overtakes this and does it: these hours go back no further.
            finished.update(unfinished)
            finish_all(by)
            log = HourLog.open(by.lake, by.lake.open(FACT_CLICKS))
        planned.clear()
        planned.update({target.hour_us: target for target in targets(log, finished)})
        _say(by, log, planned, why)

    _persistently(by, say)
    _persistently(by, lambda: finish_all(by))
    log = HourLog.open(by.lake, by.lake.open(FACT_CLICKS))
    hours = planned.keys() | finished
    history, rows = log.history(hours), log.rows(hours)
    return RollbackReport(
        run_id=by.run_id,
        hours=[back_report(rows[hour_us], history[hour_us], planned.get(hour_us)) for hour_us in sorted(history)],
    )


def _persistently(by: Rollback, work: Callable[[], object]) -> None:
    for _ in range(MAX_PLANS):
        try:
            work()
        except CommitFailedException:
            by.on_step("a run committed first: planning again")
        else:
            return
    raise WorkFailedError(f"other runs committed first, {MAX_PLANS} times: let them end, then do it again")


def settle_rollbacks(by: Rollback, log: HourLog, redone: Collection[int]) -> bool:
    """Finish rollbacks that died on the way and let go of hours that are to be redone; False where there was nothing.

    Raises:
        CommitFailedException: another commit came first.
    """
    if log.unfinished():
        finish_all(by)
        return True
    lifted = [replace(row, state=HELD, why=None) for hour_us, row in log.held_back().items() if hour_us in redone]
    if not lifted:
        return False
    history = log.history(row.hour_us for row in lifted)
    # With lines that wait it is as after a failed check: whoever comes next publishes them.
    list(log.record([_row(by, row, history[row.hour_us]) for row in lifted], {RUN_ID: by.run_id}, by.on_step))
    return True


def _say(by: Rollback, log: HourLog, planned: Mapping[int, Target], why: str | None) -> None:
    """Commit what is to come back."""
    if not planned:
        return
    facts, conflicts = log.facts, by.lake.open(CONFLICTS)
    history, before = log.history(planned), log.rows(planned)
    for hour_us, target in planned.items():
        _check_files(facts, conflicts, partition_of_hour(hour_us), target.version)
    rows = [
        replace(
            before.get(hour_us) or _row(by, None, history[hour_us], hour_us),
            state=ROLLING_BACK,
            version=target.sequence,
            run_id=by.run_id,
            why=why,
        )
        for hour_us, target in planned.items()
    ]
    by.on_step("say what is to be rolled back")
    list(log.record(rows, {RUN_ID: by.run_id}, lambda _: None))


def _check_files(facts: LakeTable, conflicts: LakeTable, at: Partition, version: Version) -> None:
    for table, name in ((facts, version.facts_file), (conflicts, version.conflicts_file)):
        if name and not table.iceberg.io.new_input(address := table.address(at, name)).exists():
            raise WorkFailedError(f"{address} of that version is gone: it is older than what maintain keeps")


def finish_all(by: Rollback) -> None:
    """Finish every rollback that was said.

    Raises:
        CommitFailedException: another commit came first.
    """
    log = HourLog.open(by.lake, by.lake.open(FACT_CLICKS))
    for run_id in sorted({row.run_id for row in log.unfinished().values()}):
        _finish(by, run_id)


def _finish(by: Rollback, run_id: str) -> None:
    raw_objects, conflicts, facts = map(by.lake.open, (RAW_OBJECTS, CONFLICTS, FACT_CLICKS))
    users = UserTables.open(by.lake)
    log = HourLog.open(by.lake, facts)
    rows = {hour_us: row for hour_us, row in log.unfinished().items() if row.run_id == run_id}
    history = log.history(rows)
    versions = {hour_us: _version(history[hour_us], row.version) for hour_us, row in rows.items()}
    changes = {
        hour_us: _change(facts, history[hour_us], row)
        for hour_us, row in rows.items()
        if not history[hour_us] or history[hour_us][-1].run_id != run_id
    }
    properties = {RUN_ID: run_id, "clickstream.hours": ",".join(map(format_hour, sorted(rows)))}
    if changes:
        properties[CHANGES] = change_record(changes)

    fact_files = _files(facts, {hour_us: version.facts_file for hour_us, version in versions.items()})
    conflict_files = _files(conflicts, {hour_us: version.conflicts_file for hour_us, version in versions.items()})
    by.on_step(f"roll back {CONFLICTS.name}")
    conflicts.commit(conflict_files, properties, is_due=True)
    if users.agree_with(facts):
        partials = {
            at: user_hours_of(facts.dataset_of([path] if path else []), hour_of_partition(at))
            for at, path in fact_files.items()
        }
        after = users.after({at: dataset(rows) for at, rows in partials.items()})
        list(users.publish(users.hours.put(partials), after, facts.paths_after(fact_files), properties, by.on_step))
    by.on_step(f"roll back {FACT_CLICKS.name}")
    facts.commit(fact_files, properties, is_due=bool(changes))
    restored = by.lake.open(FACT_CLICKS)
    users = UserTables.open(by.lake)
    if not users.agree_with(restored):
        users.rebuild(restored, properties, by.on_step)

    sources = {
        hour_us: _sources(facts, fact_files, conflicts, conflict_files, partition_of_hour(hour_us)) for hour_us in rows
    }
    days, waiting = restated(raw_objects, sources)
    by.on_step(f"roll back {RAW_OBJECTS.name}")
    raw_objects.commit(raw_objects.put(days), properties, bookkeeping.pending_mark(raw_objects, days), is_due=True)
    history = log.history(rows)
    done = [
        _row(by, replace(row, state=ROLLED_BACK, waiting_lines=waiting[hour_us]), history[hour_us])
        for hour_us, row in rows.items()
    ]
    list(log.record(done, properties, by.on_step))


def _row(by: Rollback, row: HourRow | None, history: Sequence[Recorded], hour_us: int = 0) -> HourRow:
    """Return the row of an hour by its history; its state as it is where it is held back."""
    hour_us = row.hour_us if row else hour_us
    return hour_row(
        row,
        history,
        hour_us=hour_us,
        waiting_lines=row.waiting_lines if row else 0,
        faults=None,
        last_arrival_us=row.last_arrival_us if row else hour_us,
        run_id=row.run_id if row and row.is_held_back else by.run_id,
        published_through_us=min(row.published_through_us, hour_us) if row else hour_us,
    )


def _version(history: Iterable[Recorded], sequence: int | None) -> Version:
    return next((item.change.version for item in history if item.sequence == sequence), NOTHING)


def _change(facts: LakeTable, history: Sequence[Recorded], row: HourRow) -> Change:
    restored = next((item.change for item in history if item.sequence == row.version), None)
    before = facts.rows_in(partition_of_hour(row.hour_us))
    after = restored.facts if restored else 0
    return Change(
        reasons=[ROLLBACK],
        new_lines=0,
        facts_before=before,
        facts=after,
        added=max(0, after - before),
        removed=max(0, before - after),
        replaced=0,
        conflicts=restored.conflicts if restored else 0,
        facts_file=restored.facts_file if restored else None,
        conflicts_file=restored.conflicts_file if restored else None,
        restored=row.version,
        why=row.why,
    )


def _files(table: LakeTable, names: Mapping[int, str | None]) -> dict[Partition, str | None]:
    partitions = {partition_of_hour(hour_us): name for hour_us, name in names.items()}
    return {at: table.address(at, name) if name else None for at, name in partitions.items()}


def _sources(
    facts: LakeTable, fact_files: Files, conflicts: LakeTable, conflict_files: Files, at: Partition
) -> frozenset[str]:
    """Return the keys of the objects that the rows of an hour are from."""
    keys: set[str] = set()
    for table, path in ((facts, fact_files[at]), (conflicts, conflict_files[at])):
        for batch in table.dataset_of([path] if path else []).to_batches(columns=["source_object"]):
            keys.update(pc.unique(batch["source_object"]).to_pylist())
    return frozenset(keys)
