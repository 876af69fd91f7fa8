"""The command `rollback`."""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from batch_compaction.hour_options import named_hours
from schemas.errors import ConfigError
from schemas.settings import load_settings

if TYPE_CHECKING:
    from rich.console import Console

    from batch_compaction.hours_log import HourLog
    from batch_compaction.rollback_plan import Target
    from batch_compaction.rollback_report import RollbackReport


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Tables")(rollback)


def rollback(
    hour: Annotated[
        list[str] | None, typer.Option("--hour", metavar="YYYY-MM-DDTHH", help="This event hour, UTC; repeatable.")
    ] = None,
    to: Annotated[
        int | None,
        typer.Option(
            "--to", metavar="SNAPSHOT", help="To what the hours were in this snapshot of fact_clicks; else one back."
        ),
    ] = None,
    run: Annotated[
        str | None, typer.Option("--run", metavar="RUN_ID", help="Every hour that this run changed, to before it.")
    ] = None,
    why: Annotated[str | None, typer.Option("--why", help="The reason; kept with the change.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
) -> None:
    """Bring an earlier version of event hours back: facts, conflicts, users and the state of raw lines together.

    Nothing of a rolled-back hour is published, late lines neither, until `compact --redo --hour` lets go of it.

    Example: `clickstream rollback --hour 2026-11-24T10 --why "the shop sent test orders"`
    """
    hours = _hours(hour, to, run)
    settings = load_settings(os.environ, Path.cwd())

    import msgspec
    from rich.console import Console
    from rich.markup import escape

    from batch_compaction.lake_tables import open_lake
    from batch_compaction.rollback import Rollback, roll_back
    from batch_compaction.rollback_targets import of_hours, of_run

    def targets(log: HourLog, finished: Set[int]) -> Sequence[Target]:
        return of_hours(log, hours, finished, to) if run is None else of_run(log, run, finished)

    with Console(stderr=True).status("rolling back") as status:
        report = roll_back(
            Rollback(
                lake=open_lake(settings, os.environ),
                run_id=uuid.uuid4().hex,
                now_us=time.time_ns() // 1000,
                on_step=lambda step: status.update(escape(f"rolling back: {step}")),
            ),
            targets,
            why,
        )
    if as_json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        _show(report, Console())


def _hours(texts: list[str] | None, to: int | None, run: str | None) -> list[int]:
    faults = []
    if bool(texts) == (run is not None):
        faults.append("say what to roll back: --hour, or --run")
    if to is not None and not texts:
        faults.append("--to is for named hours: give --hour")
    hours, unnamed = named_hours(texts or ())
    faults += unnamed
    if faults:
        raise ConfigError(faults)
    return hours


def _show(report: RollbackReport, output: Console) -> None:
    from rich.table import Table

    table = Table(title="rolled back, UTC")
    table.add_column("hour")
    for name in ("version", "facts before", "facts", "held lines"):
        table.add_column(name, justify="right")
    table.add_column("runs undone")
    for hour in report.hours:
        version = "none" if hour.version is None else str(hour.version)
        numbers = (hour.facts_before, hour.facts, hour.held_lines)
        table.add_row(hour.hour, version, *map(str, numbers), "\n".join(hour.undone))
    output.print(table)
    for hour in report.hours:
        output.print(f"clickstream compact --redo --hour {hour.hour} publishes it again", markup=False)
