"""The command `validate`."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import ConfigError, WorkFailedError
from schemas.instants import datetime_to_us
from schemas.settings import load_settings

if TYPE_CHECKING:
    from rich.console import Console

    from batch_compaction.validation_report import ValidationReport


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Tables")(validate)


def validate(
    day: Annotated[
        str,
        typer.Option(
            "--day", metavar="YYYY-MM-DD", help="The day to recount, UTC, or `yesterday`: the last one that is closed."
        ),
    ],
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Read every raw object, not only those known to touch the day.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
    metrics: Annotated[
        bool, typer.Option("--metrics", help="Print the figures as a line of CloudWatch's embedded metric format, too.")
    ] = False,
) -> None:
    """Recount a closed day from the raw objects, and compare with the tables.

    Reads and judges every line anew, by code that compaction does not use, and slowly. What disagrees becomes the day's
    rows of the table `anomalies`; the report is kept under `validations/` in the curated bucket. Exit code 1 when
    anything disagrees. Lines that are held because their hour was rolled back are told and are no disagreement.

    Example: `clickstream validate --day 2026-11-24`
    """
    now_us = time.time_ns() // 1000
    day_us = _day_us(day, now_us)
    settings = load_settings(os.environ, Path.cwd())

    import boto3
    import msgspec
    from rich.console import Console
    from rich.markup import escape

    from batch_compaction.lake_tables import open_lake
    from batch_compaction.validate import Validation, publish
    from batch_compaction.validate import validate as recounted
    from batch_compaction.validation_report import metrics_line

    with Console(stderr=True).status("validating") as status, tempfile.TemporaryDirectory() as scratch:
        run = Validation(
            s3=boto3.client("s3"),
            raw_bucket=settings.raw_bucket,
            lake=open_lake(settings, os.environ),
            day_us=day_us,
            now_us=now_us,
            scratch=Path(scratch),
            thorough=thorough,
            on_step=lambda step: status.update(escape(f"validating: {step}")),
        )
        report, anomalies = recounted(run)
        publish(run, report, anomalies)
    if as_json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        _show(report, Console())
    if metrics:
        sys.stdout.write(metrics_line(report, settings.database, now_us).decode() + "\n")
    if report.anomalies:
        found = ", ".join(f"{count} {kind}" for kind, count in report.anomalies.items())
        raise WorkFailedError(
            f"{report.day} is not what the raw objects say: {found}; see the table anomalies and docs/quality.md"
        )


def _day_us(text: str, now_us: int) -> int:
    if text == "yesterday":
        from batch_compaction.plan import last_closed_day_us

        return last_closed_day_us(now_us)
    try:
        return datetime_to_us(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC))
    except ValueError:
        raise ConfigError(f"--day {text!r} is neither a day like 2026-11-24 nor `yesterday`") from None


def _show(report: ValidationReport, output: Console) -> None:
    from rich.table import Table

    if report.hours:
        table = Table(title="event hours, UTC; quarantine and attestations by arrival")
        table.add_column("hour")
        for name in (
            "lines",
            "facts",
            "recounted",
            "duplicates",
            "conflicts",
            "recounted",
            "unpublished",
            "quarantined",
            "attestations",
        ):
            table.add_column(name, justify="right")
        for hour in report.hours:
            numbers = (
                hour.lines,
                hour.facts,
                hour.expected_facts,
                hour.duplicates,
                hour.conflicts,
                hour.expected_conflicts,
                hour.unpublished,
                sum(hour.quarantined.values()),
                hour.attestations,
            )
            table.add_row(hour.hour, *map(str, numbers))
        output.print(table)
    output.print(f"{report.objects} raw objects; {report.waiting} of them wait for the next run")
    for key in report.without_events:
        output.print(f"holds no event and was read by no run: {key}", markup=False)
    for back in report.rolled_back:
        output.print(
            f"{back.hour} is rolled back since {back.rolled_back_at} by {back.run_id}, {back.held_lines} lines held: "
            f"{back.why or 'no reason given'}",
            markup=False,
        )
    for example in report.examples:
        output.print(example, markup=False)
    output.print("tables and raw objects agree" if not report.anomalies else "tables and raw objects disagree")
