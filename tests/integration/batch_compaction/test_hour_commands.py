"""The commands `hours`, `rollback`, `maintain` and `compact --redo` as those see them who run them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from batch_compaction import entry
from schemas.settings import LOG_VARIABLE
from tests.integration.batch_compaction.lakes import HOUR, TestLake
from tests.integration.batch_compaction.rollbacks import DiedError, back, changes, check_users, hours, ids
from tests.integration.batch_compaction.test_rollback import NEXT, repaired

__all__ = ["repaired"]
NAMED, NEXT_NAMED = "2026-11-24T10", "2026-11-24T11"
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(lake: TestLake, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Runs a command as the image does; returns its exit code and what it wrote to stdout and to stderr."""
    for variable, value in (lake.settings.as_environment() | {LOG_VARIABLE: "json", "COLUMNS": "200"}).items():
        monkeypatch.setenv(variable, value)

    def run(*words: str) -> tuple[int, str, str]:
        capfd.readouterr()
        exit_code = entry.main(words)
        return exit_code, *capfd.readouterr()

    return run


def reported(done: tuple[int, str, str]) -> dict[str, Any]:
    """Return the JSON that a command printed which did its work."""
    exit_code, told, log = done
    assert exit_code == 0, log
    report: dict[str, Any] = json.loads(told)
    return report


def rows_shown(done: tuple[int, str, str]) -> list[list[str]]:
    """Return the cells of the rows of hours in a table that a command shows."""
    exit_code, told, log = done
    assert exit_code == 0, log
    lines = (line.split("│") for line in told.splitlines())
    return [[cell.strip() for cell in cells[1:-1]] for cells in lines if len(cells) > 1]


def refused(lake: TestLake, done: Callable[[], tuple[int, str, str]], exit_code: int) -> dict[str, Any]:
    """Return the log line of a command that refuses, which must leave the tables as they are."""
    before = lake.snapshots()
    given, told, log = done()
    assert (given, told) == (exit_code, "")
    assert lake.snapshots() == before
    line: dict[str, Any] = json.loads(log.splitlines()[-1])
    return line


def test_where_each_hour_stands(repaired: TestLake, command: Command) -> None:
    report = reported(command("hours", "--json"))
    [first, second] = report["hours"]
    assert report["published_through"] == "2026-11-26T09:00:00.000000Z"
    assert first.pop("first_published_at") < first.pop("last_changed_at")
    assert first.pop("version") > second["version"]
    assert first == {
        "hour": NAMED,
        "state": "repaired",
        "facts": 3,
        "conflicts": 1,
        "waiting_lines": 0,
        "is_complete": True,
        "changes": 2,
        "late_hours": 1,
        "run_id": "repair",
        "why": None,
    }
    assert reported(command("hours", "--since", NEXT_NAMED, "--json"))["hours"] == [second]
    assert reported(command("hours", "--day", "2026-11-23", "--json"))["hours"] == []

    back(repaired, HOUR)
    shown = command("hours", "--day", "2026-11-24")
    assert rows_shown(shown) == [
        [NAMED, "rolled_back", "2", "0", "3", "3", "1", "a test"],
        [NEXT_NAMED, "published", "1", "0", "0", "1", "0", ""],
    ]
    assert "every hour before 2026-11-24T10:00:00.000000Z is published" in shown[1]


def test_hours_of_a_lake_without_tables_are_none_and_make_none(lake: TestLake, command: Command) -> None:
    assert reported(command("hours", "--json")) == {"published_through": None, "hours": []}
    assert "nothing was compacted yet" in command("hours")[1]
    assert lake.lake.find() == {}


def test_hours_are_rolled_back_and_redone(repaired: TestLake, command: Command) -> None:
    whole = repaired.rows("fact_clicks")
    report = reported(command("rollback", "--hour", NAMED, "--why", "test orders", "--json"))
    [hour] = report["hours"]
    version = hour.pop("version")
    assert hour == {"hour": NAMED, "facts_before": 3, "facts": 2, "held_lines": 3, "undone": ["repair"]}
    told = changes(repaired, "run_id", "reasons", "restored", "why")
    assert (report["run_id"], ["rollback"], version, "test orders") in told
    [state, _] = reported(command("hours", "--json"))["hours"]
    assert (state["state"], state["why"], state["is_complete"]) == ("rolled_back", "test orders", False)

    assert reported(command("compact", "--reconcile", "--json"))["committed"] == []
    assert refused(repaired, lambda: command("compact", "--redo"), 2)["faults"] == [
        "--redo is for named hours: give --hour"
    ]
    redone = reported(command("compact", "--reconcile", "--all", "--redo", "--hour", NAMED, "--json"))
    assert [(hour["hour"], hour["facts"]) for hour in redone["hours"]] == [(NAMED, 3)]
    assert repaired.rows("fact_clicks") == whole
    assert reported(command("hours", "--json"))["hours"][0]["state"] == "repaired"


def test_a_run_is_named_or_a_snapshot_and_several_hours_go_at_once(repaired: TestLake, command: Command) -> None:
    [first] = {snapshot for snapshot, run_id in changes(repaired, "snapshot_id", "run_id") if run_id == "first"}
    shown = command("rollback", "--run", "first")
    assert rows_shown(shown) == [
        [NAMED, "none", "3", "0", "5", "first"],
        ["", "", "", "", "", "repair"],
        [NEXT_NAMED, "none", "1", "0", "1", "first"],
    ]
    assert f"clickstream compact --redo --hour {NAMED}" in shown[1]
    assert ids(repaired) == set()
    assert f"nothing of {NAMED} is" in refused(repaired, lambda: command("rollback", "--hour", NAMED), 1)["error"]
    assert "is in force" in refused(repaired, lambda: command("rollback", "--run", "first"), 1)["error"]

    both = ("--hour", NAMED, "--hour", NEXT_NAMED)
    report = reported(command("rollback", *both, "--to", str(first), "--json"))
    assert [(hour["facts"], hour["undone"]) for hour in report["hours"]] == [(2, []), (1, [])]
    assert ids(repaired) == {"e1", "e2", "next"}
    check_users(repaired)


def test_a_rollback_of_what_is_not_there_ends_with_1(repaired: TestLake, command: Command) -> None:
    for options, why in (
        (("--hour", "2026-11-24T05"), "nothing of 2026-11-24T05 is published"),
        (("--hour", NAMED, "--hour", "2026-11-24T05"), "nothing of 2026-11-24T05 is published"),
        (("--hour", NAMED, "--to", "4711"), "fact_clicks has no snapshot 4711"),
        (("--run", "nobody"), "no hour was changed by a run nobody"),
    ):
        line = refused(repaired, lambda options=options: command("rollback", *options), 1)  # type: ignore[misc]
        assert why in line["error"]


def test_all_that_is_wrong_with_a_command_is_told_and_ends_with_2(lake: TestLake, command: Command) -> None:
    what = "say what to roll back: --hour, or --run"
    hour, other = (f"--hour {name!r} is not an hour like 2026-11-24T10" for name in ("ten", "5"))
    day, since = "--day 'today' is not a day like 2026-11-24", "--since 'ten' is not an hour like 2026-11-24T10"
    for words, faults in (
        ("rollback", [what]),
        (f"rollback --hour {NAMED} --run first", [what]),
        ("rollback --run first --to 1", ["--to is for named hours: give --hour"]),
        ("rollback --hour ten --hour 5", [hour, other]),
        ("hours --day today --since ten", [day, since]),
    ):
        line = refused(lake, lambda words=words: command(*words.split()), 2)  # type: ignore[misc]
        assert line["faults"] == faults
    for option in ("--keep", "--keep-tags", "--grace"):
        exit_code, _, usage = command("maintain", option, "0")
        assert exit_code == 2 and option in usage
    assert lake.lake.find() == {}


def test_an_upkeep_finishes_a_rollback_that_died_and_a_dry_one_does_nothing(
    repaired: TestLake, command: Command
) -> None:
    def die(step: str) -> None:
        if step == "roll back fact_clicks":
            raise DiedError

    with pytest.raises(DiedError):
        back(repaired, HOUR, on_step=die)
    before = repaired.snapshots()
    assert reported(command("maintain", "--dry-run", "--json"))["is_dry"]
    shown = command("maintain", "--dry-run")
    assert "would be done" in shown[1]
    assert "fact_clicks" in [row[0] for row in rows_shown(shown)]
    assert repaired.snapshots() == before
    assert hours(repaired)[HOUR].state == "rolling_back"

    report = reported(command("maintain", "--json"))
    assert not report["is_dry"]
    assert {"fact_clicks", "hours", "raw_objects"} <= {item["table"] for item in report["tables"]}
    assert [hours(repaired)[hour].state for hour in (HOUR, NEXT)] == ["rolled_back", "published"]
    assert ids(repaired) == {"e1", "e2", "next"}
    check_users(repaired)
