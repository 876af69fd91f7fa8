"""The command `hours`."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import ConfigError
from schemas.instants import DAY_US, datetime_to_us
from schemas.lake import parse_hour
from schemas.settings import load_settings

if TYPE_CHECKING:
    from rich.console import Console

    from batch_compaction.hours_report import HoursReport

_ALWAYS_US = 1 << 62


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Tables")(hours)


def hours(
    day: Annotated[str | None, typer.Option("--day", metavar="YYYY-MM-DD", help="Only the hours of this day.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="YYYY-MM-DDTHH", help="Only this hour and later ones.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show where each event hour stands: its state, its rows, what waits of it, and how late its lines were.

    Example: `clickstream hours --day 2026-11-24`
    """
    chosen = _chosen(day, since)
    settings = load_settings(os.environ, Path.cwd())

    import msgspec
    from rich.console import Console

    from batch_compaction.hours import hours_of
    from batch_compaction.hours_report import hours_report
    from batch_compaction.lake_tables import open_lake
    from schemas.tables import HOURS

    found = open_lake(settings, os.environ).find([HOURS.name])
    rows = hours_of(found[HOURS.name].rows()) if found else {}
    report = hours_report(rows.values(), chosen)
    if as_json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        _show(report, Console())


def _chosen(day: str | None, since: str | None) -> range:
    faults, chosen = [], range(_ALWAYS_US)
    if day is not None:
        try:
            day_us = datetime_to_us(datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC))
            chosen = range(day_us, day_us + DAY_US)
        except ValueError:
            faults.append(f"--day {day!r} is not a day like 2026-11-24")
    if since is not None:
        try:
            chosen = range(max(chosen.start, parse_hour(since)), chosen.stop)
        except ValueError:
            faults.append(f"--since {since!r} is not an hour like 2026-11-24T10")
    if faults:
        raise ConfigError(faults)
    return chosen


def _show(report: HoursReport, output: Console) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title="event hours, UTC")
    for name in ("hour", "state"):
        table.add_column(name)
    for name in ("facts", "conflicts", "waiting", "changes", "hours late"):
        table.add_column(name, justify="right")
    table.add_column("why")
    for hour in report.hours:
        numbers = (hour.facts, hour.conflicts, hour.waiting_lines, hour.changes, hour.late_hours)
        table.add_row(hour.hour, hour.state, *map(str, numbers), escape(hour.why or ""))
    output.print(table)
    output.print(
        f"every hour before {report.published_through} is published"
        if report.published_through
        else "nothing was compacted yet"
    )
