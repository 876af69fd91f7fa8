"""What versions of an hour are in force, and what state it is in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from batch_compaction.hours import (
    HELD,
    OPEN,
    PUBLISHED,
    REPAIRED,
    ROLLBACK,
    ROLLED_BACK,
    Change,
    HourRow,
    Recorded,
    change_record,
    changes_of,
    changes_table,
    hour_row,
    hours_of,
    hours_table,
    parse_change_record,
    versions_in_force,
)
from batch_compaction.hours_report import hours_report
from batch_compaction.plan import HELD as LINES_HELD
from batch_compaction.plan import OPEN as LINES_OPEN
from batch_compaction.plan import Assignment, HourPolicy, published_through
from batch_compaction.raw import RawObject
from batch_compaction.rollback_plan import as_of, before_run, before_the_last_change
from schemas.errors import WorkFailedError
from schemas.instants import DAY_US, HOUR_US, parse_instant_us
from schemas.proving import FIRST_US

HOUR = parse_instant_us("2026-11-24T10:00:00Z")


def change(sequence: int, run_id: str, *, before: int = 0, reasons: str = "late data") -> Recorded:
    made = Change(
        reasons=[reasons],
        new_lines=1,
        facts_before=before,
        facts=sequence,
        added=1,
        removed=0,
        replaced=0,
        conflicts=0,
        facts_file=f"{sequence}.parquet",
        conflicts_file=None,
    )
    return Recorded(HOUR, sequence, sequence * 1000, run_id, HOUR + DAY_US + sequence, made)


def rollback(sequence: int, restored: int | None) -> Recorded:
    made = change(sequence, f"rollback-{sequence}")
    fields = {name: getattr(made.change, name) for name in Change.__struct_fields__}
    return replace(made, change=Change(**fields | {"reasons": [ROLLBACK], "restored": restored}))


def row_after(
    history: list[Recorded], before: HourRow | None = None, waiting: int = 0, faults: list[str] | None = None
) -> HourRow:
    return hour_row(
        before,
        history,
        hour_us=HOUR,
        waiting_lines=waiting,
        faults=faults,
        last_arrival_us=HOUR + 2 * HOUR_US,
        run_id="run",
        published_through_us=HOUR + HOUR_US,
    )


def sequences(history: list[Recorded]) -> list[int]:
    return [item.sequence for item in versions_in_force(history)]


def test_a_rollback_takes_versions_away_and_can_bring_them_back() -> None:
    history = [change(1, "a"), change(2, "b"), change(3, "c")]
    assert sequences(history) == [1, 2, 3]
    history += [rollback(4, 1)]
    assert sequences(history) == [1]
    assert sequences([*history, rollback(5, 3)]) == [1, 2, 3]
    assert sequences([*history, rollback(5, None)]) == []
    assert sequences([*history, change(5, "d"), rollback(6, 2)]) == [1, 2]


def test_one_back_is_the_version_below_the_one_in_force() -> None:
    history = [change(1, "a"), change(2, "b"), change(3, "c")]
    assert before_the_last_change(HOUR, history).sequence == 2
    again = before_the_last_change(HOUR, [*history, rollback(4, 2)])
    assert (again.sequence, again.undone, again.version.facts_file) == (1, ("b",), "1.parquet")
    assert before_the_last_change(HOUR, [change(1, "a")]).sequence is None
    with pytest.raises(WorkFailedError, match="nothing of 2026-11-24T10 is published"):
        before_the_last_change(HOUR, [change(1, "a"), rollback(2, None)])


def test_a_snapshot_between_changes_means_what_was_in_force_then() -> None:
    history = [change(2, "a"), change(4, "b"), rollback(6, 2), change(8, "c")]
    assert [as_of(HOUR, history, sequence).sequence for sequence in (1, 3, 5, 6, 9)] == [None, 2, 4, 2, 8]


def test_of_a_run_all_versions_from_its_first_one_go() -> None:
    history = [change(1, "a"), change(2, "b"), change(3, "c"), change(4, "b")]
    target = before_run(HOUR, history, "b")
    assert target is not None
    assert (target.sequence, target.undone) == (1, ("b", "c"))
    assert before_run(HOUR, [*history, rollback(5, 1)], "b") is None


def test_what_nobody_recorded_cannot_come_back() -> None:
    with pytest.raises(WorkFailedError, match="is not recorded"):
        before_the_last_change(HOUR, [change(1, "a", before=7)])


def test_the_state_of_an_hour() -> None:
    first, second = change(1, "a"), change(2, "b")
    assert row_after([], waiting=3).state == OPEN
    assert row_after([first], faults=[]).state == PUBLISHED
    assert row_after([first, second], faults=[]).state == REPAIRED
    held = row_after([first], waiting=2, faults=["volume: too few"])
    assert (held.state, held.why, held.facts) == (HELD, "volume: too few", 1)
    assert row_after([first], held, waiting=2).state == HELD
    assert row_after([first, second], held, faults=[]).state == REPAIRED
    back = replace(held, state=ROLLED_BACK, why="tests")
    after = row_after([first, second, rollback(3, 1)], back, waiting=9)
    assert (after.state, after.why, after.facts, after.version, after.waiting_lines) == (ROLLED_BACK, "tests", 1, 1, 9)


def test_the_latest_arrival_is_never_forgotten() -> None:
    before = replace(row_after([change(1, "a")]), last_arrival_us=HOUR + 30 * HOUR_US)
    assert row_after([change(1, "a")], before).last_arrival_us == HOUR + 30 * HOUR_US


def test_rows_and_records_say_what_was_put_into_them() -> None:
    changes = [change(1, "a"), rollback(2, None)]
    assert changes_of(changes_table(reversed(changes))) == changes
    rows = {HOUR: row_after(changes), HOUR + DAY_US: replace(row_after([]), hour_us=HOUR + DAY_US)}
    assert hours_of(hours_table(rows.values())) == rows
    record = {HOUR: changes[1].change}
    assert parse_change_record(change_record(record)) == record


def test_the_report_ends_where_the_first_line_waits() -> None:
    rows = [
        replace(row_after([change(1, "a")]), hour_us=HOUR + number * HOUR_US, published_through_us=HOUR + 9 * HOUR_US)
        for number in range(4)
    ]
    rows[2] = replace(rows[2], waiting_lines=1)
    report = hours_report(rows, range(HOUR + HOUR_US, HOUR + 3 * HOUR_US))
    assert report.published_through == "2026-11-24T12:00:00.000000Z"
    assert [(hour.hour, hour.is_complete, hour.late_hours) for hour in report.hours] == [
        ("2026-11-24T11", True, 1),
        ("2026-11-24T12", False, 0),
    ]
    assert hours_report([], range(1)).published_through is None


def test_an_hour_for_proving_that_was_taken_back_holds_nothing_up() -> None:
    assert published_through(HOUR, [FIRST_US]) == HOUR
    assert published_through(HOUR, [FIRST_US - HOUR_US]) == FIRST_US - HOUR_US
    taken_back = replace(row_after([]), hour_us=FIRST_US, waiting_lines=9)
    report = hours_report(
        [replace(row_after([change(1, "a")]), published_through_us=HOUR + HOUR_US), taken_back], range(1)
    )
    assert report.published_through == "2026-11-24T11:00:00.000000Z"


def test_lines_of_a_rolled_back_hour_are_held_however_new_they_are() -> None:
    policy = HourPolicy(HOUR + DAY_US, rolled_back=frozenset({HOUR}))
    new = Assignment(RawObject("b", "k", "e", 1, HOUR), {HOUR - HOUR_US: LINES_OPEN})
    assert not policy.may_publish(HOUR)
    assert new.state_after(HOUR, policy, ()) == LINES_HELD
    assert new.state_after(HOUR - HOUR_US, policy, ()) == "published"
