"""What the page on operating says is what a run reports, and when the schedule runs."""

import re
from pathlib import Path
from typing import Any

import msgspec
import typer

import clickstream
from batch_compaction import entry
from batch_compaction.report import METRICS_NAMESPACE, RunReport, metrics_of
from infra.deployment import SCHEDULES
from infra.facts import facts
from infra.local.schedule import DAILY_S, HOURLY_S, jobs_of
from schemas.instants import format_instant_us

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`([A-Za-z_/]+)`", TEXT))


def test_every_field_of_the_report_is_explained() -> None:
    assert set(RunReport.__struct_fields__) - NAMED == set()


def test_every_metric_is_named_and_none_that_is_not_there() -> None:
    empty: dict[Any, Any] = {int: 0, str: "", list: [], dict: {}}
    kinds = {field.name: getattr(field.type, "__origin__", field.type) for field in msgspec.structs.fields(RunReport)}
    report = RunReport(**{name: empty[kind] for name, kind in kinds.items()})
    metrics = set(re.findall(r'"Name":"(\w+)"', metrics_of(report, "clickstream", 0).decode()))
    section = TEXT[TEXT.index("## Metrics") : TEXT.index("## At three")]
    assert METRICS_NAMESPACE in NAMED
    elsewhere = {"Database", "Anomalies", "HoursRolledBack"}
    assert set(re.findall(r"`([A-Z][A-Za-z]+)`", section)) - elsewhere == metrics


def test_the_schedule_is_the_one_that_the_local_stack_runs() -> None:
    hourly, daily = (job.due_after(0) for job in jobs_of(HOURLY_S, DAILY_S))
    assert f"at minute {format_instant_us(hourly)[14:16]}" in TEXT
    assert f"at {format_instant_us(daily)[11:16]} UTC" in TEXT
    for text in (TEXT, (ROOT / "docs" / "local-stack.md").read_text(encoding="utf-8")):
        assert "at minute 25" in text and "at 00:45 UTC" in text


def test_the_schedule_of_aws_is_on_the_page_and_its_commands_are_the_image_s() -> None:
    rows = dict(re.findall(r"^\| [^|]+ \| `clickstream ([^`]+)` \|.*?`(cron\([^`]+)` \|$", TEXT, re.MULTILINE))
    assert rows == {" ".join(schedule.command): schedule.expression for schedule in SCHEDULES.values()}
    assert SCHEDULES["compact"].command == entry.DEFAULT_COMMAND


def test_the_metrics_that_terraform_knows_are_on_the_pages() -> None:
    known = facts()["metrics"]
    assert all(f"`{name}`" in TEXT for name in known["compaction"]["names"])
    assert {known["compaction"]["namespace"], known["validation"]["namespace"]} <= NAMED
    alerts = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in alerts for name in known["job"]["names"])


def commands_of(app: typer.Typer) -> set[str]:
    """Return the names of the commands and groups of an app that are the compaction's or scheduled beside it."""
    found = {
        command.name or command.callback.__name__
        for command in app.registered_commands
        if command.callback and command.callback.__module__.startswith(("batch_compaction.", "analytics.enrich_cli"))
    }
    groups = [(group.name, group.typer_instance) for group in app.registered_groups]
    return found | {str(name) for name, inside in groups if inside and commands_of(inside)}


def test_the_image_has_every_command_of_the_compaction() -> None:
    assert commands_of(entry.app) == commands_of(clickstream.app)
    for command in commands_of(entry.app):
        assert f"`{command}`" in TEXT
