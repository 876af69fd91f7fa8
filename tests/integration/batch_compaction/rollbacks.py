"""Rollbacks of the lakes of the tests, and what must hold after each."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from batch_compaction.dims import rebuilt_users
from batch_compaction.hours import HourRow, hours_of
from batch_compaction.rollback import Rollback, roll_back
from batch_compaction.rollback_report import RollbackReport
from batch_compaction.rollback_targets import of_hours, of_run
from batch_compaction.user_tables import UserTables
from batch_compaction.validate import Validation, validate
from schemas.instants import DAY_US
from schemas.tables import FACT_CLICKS, HOURS
from tests.integration.batch_compaction.lakes import ALL_CLOSED, HOUR, TestLake


class DiedError(BaseException):
    """The rollback died here: no handler of errors sees it."""


def back(
    lake: TestLake,
    *hours: int,
    to: int | None = None,
    run: str | None = None,
    on_step: Callable[[str], None] = lambda _: None,
    run_id: str = "",
) -> RollbackReport:
    """Roll hours, or what a run did, back."""
    return roll_back(
        Rollback(lake.lake, run_id or uuid.uuid4().hex, ALL_CLOSED.now_us, on_step),
        lambda log, finished: of_hours(log, hours, finished, to) if run is None else of_run(log, run, finished),
        "a test",
    )


def ids(lake: TestLake) -> set[str]:
    """Return the ids of the facts."""
    return {row["click_id"] for row in lake.rows("fact_clicks", "click_id")}


def hours(lake: TestLake) -> dict[int, HourRow]:
    """Return what `hours` says."""
    return hours_of(lake.lake.open(HOURS).rows())


def changes(lake: TestLake, *columns: str) -> list[tuple[Any, ...]]:
    """Return columns of `hour_changes`."""
    return [tuple(row.values()) for row in lake.rows("hour_changes", *columns)]


def states(lake: TestLake, hour_us: int = HOUR) -> dict[str, str]:
    """Return the name of each raw object that has lines of an hour -> their state."""
    named = {}
    for row in lake.rows("raw_objects", "key", "hours"):
        for item in row["hours"]:
            if item["event_hour"].hour == (hour_us // 3_600_000_000) % 24:
                named[row["key"].rpartition("/")[2].partition(".")[0]] = item["state"]
    return named


def check_whole(lake: TestLake, scratch: Path) -> None:
    """Assert that the users are the sum of the facts, and that the facts are what the published raw lines say."""
    check_users(lake)
    folder = scratch / uuid.uuid4().hex
    folder.mkdir()
    day_us = HOUR // DAY_US * DAY_US
    _, anomalies = validate(
        Validation(
            lake.s3, lake.settings.raw_bucket, lake.lake, day_us, ALL_CLOSED.now_us, folder, False, lambda _: None
        )
    )
    assert not anomalies, anomalies


def check_users(lake: TestLake) -> None:
    """Assert that the users equal those made anew from the facts."""
    facts, users = lake.lake.open(FACT_CLICKS), UserTables.open(lake.lake)
    assert users.agree_with(facts)
    partials: dict[tuple[int, ...], Any] = {}
    rebuilt = rebuilt_users(facts, partials.__setitem__)
    assert users.users.rows().to_pylist() == rebuilt.users.to_pylist()
    assert users.history.rows().to_pylist() == rebuilt.history.to_pylist()
    assert {at: users.hours.rows([at]).to_pylist() for at in users.hours.partitions} == {
        at: rows.to_pylist() for at, rows in partials.items()
    }
