"""The demo: the whole pipeline once, and its verdict."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from rich.console import Console
from typer.testing import CliRunner

import clickstream
from infra.local import demo as demo_module
from infra.local.demo import Demo, DemoPlan
from infra.local.front_door import FrontDoor
from infra.local.reconciliation import Report
from infra.local.state import read_stack
from schemas.errors import WorkFailedError

KEYS = {
    "sent",
    "raw",
    "facts",
    "duplicates",
    "quarantined",
    "attestations",
    "purchases",
    "alerts",
    "alert_latency_ms",
    "seconds",
    "reconciled",
}


def test_both_ends_of_a_demo_are_equal_and_it_leaves_nothing_running(tmp_path: Path) -> None:
    door = FrontDoor(tmp_path / "state", is_quiet=True)
    report = door.run_json("demo", "--events", "4000", "--seed", "5", "--rate", "1000")
    assert report.keys() >= KEYS
    assert report["reconciled"] is True
    assert report["sent"] == report["facts"] + report["duplicates"] + sum(report["quarantined"].values())
    assert report["sent"] == report["raw"] > 4000
    assert report["purchases"] == report["alerts"] > 50
    assert report["alert_latency_ms"].keys() == {"p50", "p95", "p99"}
    assert read_stack(door.state_dir) is None


def test_a_demo_whose_ends_differ_names_the_difference_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    report = Report(
        sent=10,
        raw=10,
        redelivered=0,
        facts=9,
        duplicates=0,
        conflicts=0,
        quarantined={},
        attestations=0,
        purchases=0,
        alerts=0,
        repeated_alerts=0,
        alert_latency_ms={"p50": 0.0, "p95": 0.0, "p99": 0.0},
        seconds=1.0,
        reconciled=False,
        differences=["distinct valid events sent 10, facts 9: 1 missing"],
    )

    def found(plan: DemoPlan, keep: bool, console: Console) -> Demo:
        return Demo(report, [], [])

    monkeypatch.setattr(demo_module, "run_demo", found)
    result = CliRunner().invoke(clickstream.app, ["demo", "--json"])
    assert "facts 9: 1 missing" in str(result.exception)
    assert msgspec.json.decode(result.stdout.splitlines()[-1])["reconciled"] is False
    assert isinstance(result.exception, WorkFailedError)  # which the front door ends with 1


def test_a_demo_does_not_touch_a_stack_that_runs(tmp_path: Path) -> None:
    door = FrontDoor(tmp_path / "state", is_quiet=True)
    door.run("up")
    try:
        with pytest.raises(Exception, match="clickstream down"):
            door.run("demo", "--events", "10")
        door.run("status")
    finally:
        door.run("down")
