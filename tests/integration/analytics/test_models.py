"""The models kept hour by hour are those that would be made anew, whatever became of the hours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from analytics.modelling.running import models_schema
from analytics.modelling.views import SOURCES
from schemas.instants import HOUR_US
from tests.integration.analytics.models import Models, busy_hour
from tests.integration.batch_compaction.lakes import ALL_CLOSED, HOUR, TestLake, event
from tests.integration.batch_compaction.rollbacks import back

pytestmark = pytest.mark.filterwarnings("ignore")
KEPT_BY_HOUR = {
    "activity",
    "engagement_daily",
    "engagement_hourly",
    "purchases",
    "sessions_by_gap",
    "sessions_by_tracker",
    "top_pages",
}


@pytest.fixture(scope="module")
def lake(make_lake: Any) -> TestLake:
    made: TestLake = make_lake()
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def models(lake: TestLake, folder: Path) -> Iterator[Models]:
    """The models of six busy hours, built once; later tests go on from what the earlier ones left."""
    for number in range(6):
        at = HOUR + number * HOUR_US
        lake.put(f"hour-{number}", busy_hour(number, at), at)
    lake.compact()
    models = Models(lake.settings, folder / "kept")
    built = models.run("build")
    assert not built.failed
    assert built.hours == dict.fromkeys(KEPT_BY_HOUR, 6)
    yield models


def assert_as_made_anew(models: Models, folder: Path) -> None:
    anew = Models(models.settings, folder / "anew")
    assert not anew.run("run", "--full-refresh").failed
    kept, made = models.contents(), anew.contents()
    assert kept.keys() == made.keys()
    for name in sorted(kept):
        assert kept[name] == made[name], name
    assert len(kept["sessions_by_gap"]) > 5


def test_a_run_computes_the_hours_that_changed_with_the_visits_around_them_and_nothing_else(
    lake: TestLake, models: Models
) -> None:
    # What is not computed anew keeps what somebody wrote there.
    models.execute("UPDATE activity SET clicks = 999 WHERE event_hour <> (SELECT max(event_hour) FROM activity)")
    models.execute(
        "UPDATE sessions_by_gap SET pages = 999 "
        "WHERE ended_at < (SELECT min(started_at) + INTERVAL 2 HOUR FROM sessions_by_gap)"
    )
    before = models.rows("SELECT count(*) FROM sessions_by_gap WHERE pages = 999")
    assert models.run("build").hours == {}
    lake.put("late", busy_hour(100, HOUR + 5 * HOUR_US, count=9), HOUR + 7 * HOUR_US)
    lake.compact()
    assert models.run().hours == dict.fromkeys(KEPT_BY_HOUR, 1)
    assert models.rows("SELECT count(DISTINCT event_hour) FROM activity WHERE clicks = 999") == [(5,)]
    assert models.rows("SELECT count(*) FROM sessions_by_gap WHERE pages = 999") == before != [(0,)]
    models.run("run", "--full-refresh")
    assert models.rows("SELECT count(*) FROM activity WHERE clicks = 999") == [(0,)]


def test_late_events_and_new_hours_leave_the_models_as_made_anew(lake: TestLake, models: Models, folder: Path) -> None:
    """An event that tells late where a user was moves the revenue of a later hour, which did not change itself."""
    at = HOUR + 9 * HOUR_US
    amount = {"amount_minor": "500", "currency": "EUR"}
    bought = event("bought", 30, at, user_id="mover", event_type="purchase", metadata=amount)
    was_in = [
        event(f"in-{code}", 0, HOUR + hour * HOUR_US, user_id="mover", metadata={"country": code})
        for hour, code in ((0, "ES"), (2, "PT"))
    ]
    # Together these are more than a bigint holds; the unit of this currency has four digits.
    amounts = ["15000", *["9" * 18] * 11]
    paid = [
        event(f"paid-{place}", 31, at, event_type="purchase", metadata={"amount_minor": text, "currency": "CLF"})
        for place, text in enumerate(amounts)
    ]
    lake.put("bought", [bought, was_in[0], *paid, *busy_hour(9, at)], at)
    lake.compact()
    assert set(models.run().hours.values()) == {2}
    revenue = "SELECT country, revenue_minor FROM revenue_hourly WHERE country IN ('ES', 'PT')"
    assert models.rows(revenue) == [("ES", 500)]
    assert models.rows("SELECT revenue, purchases_without_amount FROM revenue_hourly WHERE currency = 'CLF'") == [
        (Decimal("1.5"), 11)
    ]
    lake.put("later", [was_in[1], *busy_hour(200, HOUR + 2 * HOUR_US, count=9)], at)
    lake.compact()
    assert models.run().hours == dict.fromkeys(KEPT_BY_HOUR, 1)
    assert models.rows(revenue) == [("PT", 500)]
    assert_as_made_anew(models, folder)


def test_a_session_that_its_tracker_goes_on_with_hours_later_is_one_session(
    lake: TestLake, models: Models, folder: Path
) -> None:
    at = HOUR + 14 * HOUR_US
    lake.put("resumed", [event("resumed", 30, at, user_id="u0", session_id="s0-0")], at)
    lake.compact()
    assert models.run().hours == dict.fromkeys(KEPT_BY_HOUR, 1)
    assert models.rows("SELECT count(*) FROM sessions_by_tracker WHERE session_id = 's0-0'") == [(1,)]
    assert_as_made_anew(models, folder)


def test_an_hour_that_is_rolled_back_leaves_the_models_and_comes_back(
    lake: TestLake, models: Models, folder: Path
) -> None:
    hour = HOUR + 3 * HOUR_US
    back(lake, hour)
    rolled_back = models.run("build")
    assert not rolled_back.failed
    # The day of an hour that is gone is not over: that is told of each of its hours.
    assert rolled_back.hours == dict.fromkeys(KEPT_BY_HOUR, 1) | {"engagement_daily": 8}
    assert models.rows("SELECT count(*) FROM activity WHERE hour(event_hour) = 13") == [(0,)]
    assert_as_made_anew(models, folder)
    lake.compact(replace(ALL_CLOSED, only=frozenset({hour})), redo=True)
    assert not models.run().failed
    assert models.rows("SELECT count(*) > 0 FROM activity WHERE hour(event_hour) = 13") == [(True,)]
    # The run may have read the facts of a change that it did not know of: that this was taken back is a change, too.
    lake.put("bad", busy_hour(300, hour, count=3), hour)
    lake.compact()
    back(lake, hour)
    assert models.run().hours == dict.fromkeys(KEPT_BY_HOUR, 1) | {"engagement_daily": 8}


def test_what_a_run_was_cut_off_in_is_computed_again(models: Models, folder: Path) -> None:
    """As on an engine that commits each statement: the hour is marked as begun, and rows of it are deleted."""
    hour = "(SELECT min(event_hour) FROM published_hours)"
    for name in sorted(KEPT_BY_HOUR):
        models.execute(f"INSERT INTO model_hours SELECT '{name}', {hour}, -1, false, now()::timestamp, 0, 'cut off'")
    models.execute(f"DELETE FROM purchases WHERE event_hour = {hour}")
    models.execute(
        "INSERT INTO sessions_touched SELECT session_kind, session_key, user_id, session_id, started_at, ended_at "
        f"FROM sessions_by_gap WHERE started_at < {hour} + INTERVAL 1 HOUR"
    )
    models.execute("DELETE FROM sessions_by_gap WHERE session_key IN (SELECT session_key FROM sessions_touched)")
    assert models.run().hours == dict.fromkeys(KEPT_BY_HOUR, 1)
    assert_as_made_anew(models, folder)


def test_every_column_of_every_model_is_described(models: Models) -> None:
    nodes = models.manifest()["nodes"].values()
    described = {
        node["name"]: {name for name, column in node["columns"].items() if column["description"].strip()}
        for node in nodes
        if node["resource_type"] in ("model", "seed") and node["description"].strip()
    }
    built: dict[str, set[str]] = {}
    for table, column in models.rows(
        "SELECT table_name, column_name FROM information_schema.columns "
        f"WHERE table_schema = '{models_schema(models.settings)}'"
    ):
        built.setdefault(table, set()).add(column)
    assert built == described
    assert len(built) > 20


def test_the_sources_of_the_project_are_the_tables_that_are_copied(models: Models) -> None:
    assert sorted(source["name"] for source in models.manifest()["sources"].values()) == sorted(SOURCES)
