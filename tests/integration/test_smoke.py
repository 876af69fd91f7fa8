"""The smoke test of a deployment, against the stack of this machine as if it were one far away."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from rich.console import Console

from infra.local.front_door import FrontDoor
from infra.smoke import MINUTE_US, SmokePlan, run_smoke
from schemas.errors import WorkFailedError
from schemas.instants import HOUR_US, format_instant_us
from schemas.lake import format_hour
from schemas.proving import FIRST_US
from tests.conftest import LocalStack

NOW_US = time.time_ns() // 1000
# By the minute, so that a test that failed shares no hour with the next one.
FIRST_HOUR = format_hour(FIRST_US + NOW_US // MINUTE_US % 4416 * HOUR_US)


@pytest.fixture
def door(stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FrontDoor:
    """Commands in a folder without a stack, whose variables name the deployment."""
    for name, value in stack.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return FrontDoor(tmp_path / "state", is_quiet=True, keeps_settings=True)


def test_a_deployment_that_does_not_alert_fails_and_says_what_is_left(door: FrontDoor, tmp_path: Path) -> None:
    plan = SmokePlan(events=200, now_us=NOW_US, alerts_s=0.5)
    with pytest.raises(WorkFailedError, match=f"alerted within 0.5 s; .* `clickstream rollback --hour {FIRST_HOUR}`"):
        run_smoke(plan, door, tmp_path, Console(quiet=True))
    assert door.run_json("hours")["hours"] == []


def test_events_go_through_beside_other_traffic_and_back_out(door: FrontDoor) -> None:
    door.run("simulate", "--events", "500", "--end", format_instant_us(NOW_US - 2 * HOUR_US))
    with door.beside("alerts") as alerts:
        alerts.wait_until(lambda: alerts.said("running"), "running")
        report = door.run_json("demo", "--aws", "--events", "300")
    assert report["hour"] != FIRST_HOUR
    assert report["sent"] == report["removed_facts"] == 300
    assert report["alerts"] > 0
    assert report["verdict"]["is_right"] is True

    hours = door.run_json("hours")
    [row] = [row for row in hours["hours"] if row["hour"] == report["hour"]]
    assert (row["state"], row["facts"], row["why"]) == ("rolled_back", 0, "smoke test")
    assert door.query("SELECT count(*) AS n FROM dim_users") == [{"n": 0}]

    door.run("compact")
    after = door.run_json("hours")
    assert after["published_through"][:4] == time.strftime("%Y", time.gmtime()), (
        "the hour that was taken back holds it up"
    )
    facts = {row["hour"]: row["facts"] for row in after["hours"]}
    assert facts[report["hour"]] == 0
    assert sum(facts.values()) == 500 + facts[FIRST_HOUR], "those of the test that failed are late, and no more"


def test_the_options_of_one_machine_are_refused(door: FrontDoor) -> None:
    with pytest.raises(WorkFailedError, match="--keep is for a stack of this machine"):
        door.run("demo", "--aws", "--keep")
    with pytest.raises(WorkFailedError, match="--scheduled is for --aws"):
        door.run("demo", "--scheduled")
