"""Hours rolled back on real tables in the emulated catalog, and redone: everything of an hour goes back together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from batch_compaction.plan import HourPolicy
from schemas.errors import WorkFailedError
from schemas.instants import HOUR_US
from schemas.tables import FACT_CLICKS
from tests.integration.batch_compaction.dying import rollback
from tests.integration.batch_compaction.lakes import ALL_CLOSED, HOUR, TestLake, event
from tests.integration.batch_compaction.rollbacks import back, changes, check_users, check_whole, hours, ids, states

NEXT = HOUR + HOUR_US
REDO = HourPolicy(ALL_CLOSED.now_us, only=frozenset({HOUR}))
STEPS = [
    "say what is to be rolled back",
    "roll back conflicts",
    "publish user_hours",
    "publish dim_users",
    "publish dim_users_history",
    "roll back fact_clicks",
    "roll back raw_objects",
    "publish hour_changes",
    "publish hours",
]


@pytest.fixture
def repaired(lake: TestLake) -> TestLake:
    """A lake whose hour was published by one run and repaired by the next: a late event, a conflict, a duplicate."""
    lake.put("b", [event("e1", 1, metadata={"country": "DE"}), event("e2", 2), event("next", hour_us=NEXT)], NEXT)
    lake.compact(run_id="first")
    lake.put("a", [event("e1", 1, user_id="v"), event("late", 30, user_id="v"), event("e2", 2)])
    lake.compact(run_id="repair")
    return lake


def test_late_data_repairs_its_hour_and_the_log_says_so(repaired: TestLake) -> None:
    assert changes(repaired, "run_id", "reasons", "facts_before", "facts", "added", "replaced", "conflicts") == [
        ("first", ["first"], 0, 2, 2, 0, 0),
        ("repair", ["late data", "conflict winner"], 2, 3, 1, 2, 1),
        ("first", ["first"], 0, 1, 1, 0, 0),
    ]
    rows = hours(repaired)
    assert {hour: (row.state, row.facts, row.waiting_lines, row.changes) for hour, row in rows.items()} == {
        HOUR: ("repaired", 3, 0, 2),
        NEXT: ("published", 1, 0, 1),
    }
    assert rows[HOUR].last_arrival_us == NEXT
    snapshot = repaired.lake.open(FACT_CLICKS).iceberg.current_snapshot()
    assert snapshot is not None and snapshot.summary is not None
    assert snapshot.summary["clickstream.published-through"] == "2026-11-26T09:00:00.000000Z"


def test_a_late_repair_is_rolled_back_and_stays_so_until_it_is_redone(repaired: TestLake, tmp_path: Path) -> None:
    whole = repaired.rows("fact_clicks")
    [told] = back(repaired, HOUR).hours
    assert (told.facts_before, told.facts, told.held_lines, told.undone) == (3, 2, 3, ["repair"])
    assert ids(repaired) == {"e1", "e2", "next"}
    assert repaired.rows("conflicts") == []
    assert states(repaired) == {"a": "held", "b": "published"}
    check_whole(repaired, tmp_path)

    assert repaired.compact().committed == []
    repaired.put("c", [event("later", 40)], NEXT)
    assert repaired.compact(run_id="respects").unpublished == 1
    assert ids(repaired) == {"e1", "e2", "next"}
    assert states(repaired)["c"] == "held"
    assert (hours(repaired)[HOUR].state, hours(repaired)[HOUR].waiting_lines) == ("rolled_back", 4)

    repaired.compact(REDO, run_id="redone", redo=True)
    assert [row for row in repaired.rows("fact_clicks") if row["click_id"] != "later"] == whole
    assert len(repaired.rows("conflicts")) == 1
    assert changes(repaired, "run_id", "reasons")[-2] == ("redone", ["redo"])
    assert (hours(repaired)[HOUR].state, hours(repaired)[HOUR].waiting_lines) == ("repaired", 0)
    check_whole(repaired, tmp_path)
    assert repaired.compact().committed == []


def test_a_whole_run_is_rolled_back_with_what_came_after_it_in_its_hours(repaired: TestLake, tmp_path: Path) -> None:
    first, second = sorted({sequence for (sequence,) in changes(repaired, "sequence")})
    told = back(repaired, run="first", run_id="undo").hours
    assert [(hour.hour, hour.version, hour.facts, hour.undone) for hour in told] == [
        ("2026-11-24T10", None, 0, ["first", "repair"]),
        ("2026-11-24T11", None, 0, ["first"]),
    ]
    for table in ("fact_clicks", "conflicts", "user_hours", "dim_users", "dim_users_history"):
        assert repaired.rows(table) == []
    assert repaired.compact().committed == []
    check_whole(repaired, tmp_path)
    with pytest.raises(WorkFailedError, match="is in force"):
        back(repaired, run="first")

    snapshots = dict(changes(repaired, "sequence", "snapshot_id"))
    back(repaired, HOUR, to=snapshots[second])
    assert ids(repaired) == {"e1", "e2", "late"}
    assert states(repaired) == {"a": "published", "b": "published"}
    check_whole(repaired, tmp_path)
    back(repaired, HOUR, to=snapshots[first])
    assert ids(repaired) == {"e1", "e2"}
    both = HourPolicy(ALL_CLOSED.now_us, only=frozenset({HOUR, NEXT}))
    repaired.compact(both, redo=True)
    assert ids(repaired) == {"e1", "e2", "late", "next"}
    check_whole(repaired, tmp_path)


def test_a_rollback_killed_at_any_step_is_finished_by_the_next(
    repaired: TestLake, kill: Callable[..., None], tmp_path: Path
) -> None:
    for number, step in enumerate(STEPS):
        kill(repaired, rollback, step)
        if number % 2:  # a run that finds it finishes it, too
            repaired.compact()
        else:
            back(repaired, HOUR)
        assert ids(repaired) == {"e1", "e2", "next"}, step
        assert states(repaired) == {"a": "held", "b": "published"}, step
        assert repaired.rows("conflicts") == [], step
        assert hours(repaired)[HOUR].state == "rolled_back", step
        check_users(repaired)
        repaired.compact(REDO, redo=True)
        assert ids(repaired) == {"e1", "e2", "late", "next"}, step
    check_whole(repaired, tmp_path)
    assert repaired.compact().committed == []


def test_a_run_and_a_rollback_at_once_end_with_right_tables(repaired: TestLake, tmp_path: Path) -> None:
    [first, *_] = changes(repaired, "snapshot_id")
    come = {"e1", "e2", "late", "next"}
    for number, step in enumerate(["merge", "publish conflicts", "publish fact_clicks", "publish raw_objects"]):
        repaired.put(f"c{number}", [event(f"c{number}", 40), event("e2", 2, user_id=f"w{number}")], NEXT)
        steps: list[str] = []

        def interfere(current: str, step: str = step, steps: list[str] = steps) -> None:
            if current.startswith(step) and "rolled back" not in steps:
                steps.append("rolled back")
                back(repaired, HOUR, to=first[0])
            steps.append(current)

        repaired.compact(on_step=interfere)
        assert "another run committed first: planning again" in steps, step
        assert ids(repaired) == {"e1", "e2", "next"}, step
        assert states(repaired).pop("b") == "published", step
        assert {state for name, state in states(repaired).items() if name != "b"} == {"held"}, step
        check_users(repaired)
        repaired.compact(REDO, redo=True)
        come |= {f"c{number}"}
        assert ids(repaired) == come, step
    check_whole(repaired, tmp_path)


def test_a_run_during_a_rollback_finishes_it(repaired: TestLake, tmp_path: Path) -> None:
    for step in ("roll back conflicts", "roll back fact_clicks", "roll back raw_objects"):
        ran: list[str] = []

        def interfere(current: str, step: str = step, ran: list[str] = ran) -> None:
            if current == step and not ran:
                ran.append(current)
                repaired.compact()

        back(repaired, HOUR, on_step=interfere)
        assert ran
        assert ids(repaired) == {"e1", "e2", "next"}, step
        assert states(repaired) == {"a": "held", "b": "published"}, step
        check_users(repaired)
        repaired.compact(REDO, redo=True)
    check_whole(repaired, tmp_path)
