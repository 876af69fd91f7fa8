"""The models of a recorded shop tell what was counted in the recording itself, on a stack as a user has it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from infra.local.front_door import FrontDoor
from tests.recordings import REES46_OCTOBER


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontDoor]:
    door = FrontDoor(tmp_path_factory.mktemp("recorded"), is_quiet=True)
    path = REES46_OCTOBER.path
    door.run("up")
    try:
        door.run("replay", str(path), "--mapping", REES46_OCTOBER.mapping)
        door.run("flush")
        door.run("compact", "--all")
        yield door
    finally:
        door.run("down")


def visits_of_one_event(path: Path) -> int:
    """Count them in the recording itself, where copies of an event are one and the cut last row is none."""
    distinct = f"SELECT DISTINCT * FROM read_csv('{path}', all_varchar = true, ignore_errors = true)"
    visits = f"SELECT user_session FROM ({distinct}) GROUP BY user_session HAVING count(*) = 1"
    [(count,)] = duckdb.sql(f"SELECT count(*) FROM ({visits})").fetchall()
    return int(count)


def rows(door: FrontDoor, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(Path(door.state_dir) / "models.duckdb"), read_only=True) as connection:
        connection.execute("SET schema = 'clickstream_models'")
        found: list[tuple[object, ...]] = connection.execute(sql).fetchall()
        return found


def test_the_figures_are_those_of_the_recording_and_a_second_build_computes_no_hour(door: FrontDoor) -> None:
    first = door.run_json("models", "build")
    assert first["failed"] == [] and set(first["hours"].values()) == {3}
    assert rows(door, "SELECT sum(purchases), sum(revenue) FROM revenue_hourly") == [(214, Decimal("59442.630"))]
    by_tracker = "FROM sessions WHERE session_kind = 'tracker'"
    told = rows(door, f"SELECT count(*), count(DISTINCT session_id), count_if(events = 1) {by_tracker}")
    assert told == [(5_066, 5_066, visits_of_one_event(REES46_OCTOBER.path))]
    purchase = "SELECT sessions, with_cart FROM funnel WHERE session_kind = 'tracker' AND step = 'purchase'"
    assert rows(door, purchase) == [(200, 65)]
    assert rows(door, "SELECT count(*) FROM user_journeys") == [(4_504,)]
    assert rows(door, "SELECT count(*) FROM bots") == [(0,)]
    second = door.run_json("models", "build")
    assert second["failed"] == [] and second["hours"] == {} and second["mirrored"] == 0
    assert len(second["tests"]) > 70


def test_a_test_that_fails_is_named_and_ends_the_command_with_1(door: FrontDoor) -> None:
    with duckdb.connect(str(Path(door.state_dir) / "models.duckdb")) as connection:
        connection.execute("UPDATE clickstream_models.revenue_hourly SET revenue_minor = 1 + revenue_minor")
    report = door.run("models", "test", "--select", "revenue_hourly", "--json", may_end_with={1})
    assert '"failed":["revenue_is_that_of_the_facts"]' in report.replace(", ", ",")


def test_a_selection_of_nothing_is_refused(door: FrontDoor) -> None:
    assert door.run("models", "run", "--select", "no_such_model", may_end_with={2}) == ""
