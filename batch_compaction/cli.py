"""The commands of the batch side: `compact` and `query`."""

from __future__ import annotations

import os
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import ConfigError, WorkFailedError
from schemas.lake import parse_hour
from schemas.settings import load_settings

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from batch_compaction.report import RunReport


def register(app: typer.Typer) -> None:
    """Add the commands of this package."""
    app.command(rich_help_panel="Tables")(compact)
    app.command(rich_help_panel="Tables")(query)


def compact(
    hour: Annotated[
        list[str] | None, typer.Option("--hour", metavar="YYYY-MM-DDTHH", help="Only this event hour, UTC; repeatable.")
    ] = None,
    include_open: Annotated[
        bool, typer.Option("--all", "--include-open", help="Every hour, also those that are not over yet.")
    ] = False,
    reconcile: Annotated[
        bool, typer.Option("--reconcile", help="Look at every raw object, not only at new ones.")
    ] = False,
    accept: Annotated[
        list[str] | None,
        typer.Option("--accept", metavar="CHECK", help="Publish the given hours although this check fails."),
    ] = None,
    why: Annotated[str | None, typer.Option("--why", help="The reason to accept it; kept with the verdict.")] = None,
    rebuild_dims: Annotated[
        bool, typer.Option("--rebuild-dims", help="Make the tables of the users anew from all facts.")
    ] = False,
    memory: Annotated[
        int,
        typer.Option("--memory", metavar="MIB", min=640, help="About how much memory to take; the rest goes to disk."),
    ] = 1280,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
) -> None:
    """Build the star schema from what is new in the raw bucket.

    An event hour is published once it is closed: 20 minutes after its end. Late events repair their hour. A run over
    nothing new commits nothing. An hour that fails a blocking check is held back and stays as it was.

    Example: `clickstream compact --hour 2026-11-24T10`
    """
    policy_hours = _hours(hour)
    settings = load_settings(os.environ, Path.cwd())

    import boto3
    import msgspec
    from rich.console import Console
    from rich.markup import escape

    from batch_compaction.checks import CHECK_NAMES
    from batch_compaction.find import find, find_all
    from batch_compaction.lake_tables import open_lake
    from batch_compaction.limits import load_limits
    from batch_compaction.notifications import Queue
    from batch_compaction.plan import HourPolicy
    from batch_compaction.run import MEBIBYTE, Run, compact
    from batch_compaction.verdicts import acceptance_of

    s3, now_us = boto3.client("s3"), time.time_ns() // 1000
    queue = Queue(boto3.client("sqs"), settings.raw_objects_queue_url) if settings.raw_objects_queue_url else None
    acceptance = acceptance_of(accept or [], why, policy_hours, CHECK_NAMES)
    limits = load_limits(Path.cwd(), CHECK_NAMES)
    console = Console(stderr=True)
    with console.status("compacting") as status:
        report = compact(
            Run(
                s3=s3,
                find=lambda: (
                    find_all(s3, settings.raw_bucket) if reconcile else find(s3, settings.raw_bucket, queue, now_us)
                ),
                lake=open_lake(settings, os.environ),
                policy=HourPolicy(now_us, include_open, policy_hours),
                run_id=uuid.uuid4().hex,
                on_step=lambda step: status.update(escape(f"compacting: {step}")),
                limits=limits,
                acceptance=acceptance,
                memory_bytes=memory * MEBIBYTE,
                rebuild_users=rebuild_dims,
            )
        )
    if as_json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        _show(report, Console())
    if report.held:
        held = "; ".join(f"{name}: {', '.join(faults)}" for name, faults in report.held.items())
        raise WorkFailedError(f"hours were held back and stay as they were: {held}")


def _show(report: RunReport, output: Console) -> None:
    if report.hours:
        output.print(_hour_table(report))
    quarantined = ", ".join(f"{count} {reason}" for reason, count in report.quarantined.items()) or "none"
    output.print(
        f"{report.objects} objects, {report.lines} lines: {report.accepted} accepted, quarantined {quarantined}, "
        f"{report.blank} blank; {report.unpublished} of the accepted lines were not for this run"
    )
    for key, why in report.unread.items():
        output.print(f"not read: {key}: {why}", markup=False)
    for key in report.overwritten:
        output.print(f"changed after it was read, what was read stays: {key}", markup=False)
    output.print(f"committed: {', '.join(report.committed)}" if report.committed else "nothing new: nothing committed")


def _hours(texts: list[str] | None) -> frozenset[int] | None:
    if not texts:
        return None
    hours, faults = [], []
    for text in texts:
        try:
            hours.append(parse_hour(text))
        except ValueError:
            faults.append(f"--hour {text!r} is not an hour like 2026-11-24T10")
    if faults:
        raise ConfigError(faults)
    return frozenset(hours)


def _hour_table(report: RunReport) -> Table:
    from rich.table import Table

    table = Table(title="event hours, UTC")
    table.add_column("hour")
    for name in ("new lines", "facts before", "facts", "duplicates", "conflicts"):
        table.add_column(name, justify="right")
    for hour in report.hours:
        numbers = (hour.new_lines, hour.facts_before, hour.facts, hour.duplicates, hour.conflicts)
        table.add_row(hour.hour, *map(str, numbers))
    return table


def query(
    sql: Annotated[str | None, typer.Argument(help="One SELECT in Athena's dialect.", show_default=False)] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the SELECT from a file.")] = None,
    form: Annotated[str, typer.Option("--format", help="table, csv, json or parquet.")] = "table",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to a file, not to stdout.")] = None,
) -> None:
    """Answer Athena SQL over the published tables.

    Example: `clickstream query "SELECT event_type, count(*) AS clicks FROM fact_clicks GROUP BY 1 ORDER BY 2 DESC"`
    """
    from batch_compaction.answers import Format, as_bytes, as_table

    text = _sql_text(sql, file)
    if form not in tuple(Format):
        raise ConfigError(f"--format {form!r} is none of {', '.join(Format)}")
    if form == Format.PARQUET and output is None and sys.stdout.isatty():
        raise ConfigError("Parquet is not for a terminal: give --output FILE")
    if form == Format.TABLE and output is not None:
        raise ConfigError("--output takes --format csv, json or parquet")
    settings = load_settings(os.environ, Path.cwd())

    from rich.console import Console

    from batch_compaction.lake_tables import open_lake
    from batch_compaction.query import answer, translate

    translated = translate(text, settings.database)
    tables = open_lake(settings, os.environ).find(translated.tables)
    rows = answer(translated, settings.database, {name: table.dataset() for name, table in tables.items()})
    if form == Format.TABLE:
        Console().print(as_table(rows))
        return
    body = as_bytes(rows, Format(form))
    if output is None:
        sys.stdout.buffer.write(body)
    else:
        output.write_bytes(body)


def _sql_text(sql: str | None, file: Path | None) -> str:
    if (sql is None) == (file is None):
        raise ConfigError("give one query: as the argument, or with --file")
    if sql is not None:
        return sql
    assert file is not None  # noqa: S101 - one of the two is given
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from error
