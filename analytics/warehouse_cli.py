"""The command `redshift-manifest`."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import ConfigError
from schemas.instants import HOUR_US, parse_instant_us, us_to_datetime
from schemas.lake import parse_hour
from schemas.settings import load_settings

if TYPE_CHECKING:
    from analytics.warehouse.manifest import ManifestReport, Span


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("redshift-manifest", rich_help_panel="Tables")(redshift_manifest)


def redshift_manifest(
    out: Annotated[
        str, typer.Option("--out", metavar="FILE|s3://...", help="Where the manifest is written.", show_default=False)
    ],
    table: Annotated[str, typer.Option("--table", help="The table whose data files it names.")] = "fact_clicks",
    first: Annotated[
        str | None, typer.Option("--from", metavar="YYYY-MM-DDTHH", help="Only this hour, UTC, and later ones.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="YYYY-MM-DDTHH", help="Only hours before this one.")
    ] = None,
    hour: Annotated[str | None, typer.Option("--hour", metavar="YYYY-MM-DDTHH", help="Only this hour.")] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="TIME", help="The files as they were at this instant, ISO-8601.")
    ] = None,
    hours_out: Annotated[
        str | None,
        typer.Option(
            "--hours-out", metavar="FILE|s3://...", help="Write the versions of the hours as well, as JSON lines."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
) -> None:
    """Make a manifest of a table's current data files, for Redshift's COPY.

    A table's folder holds files that later ones have replaced: COPY from it would load both. Where no file holds any of
    the hours, the manifest has no entries, and COPY refuses it.

    Example: `clickstream redshift-manifest --hour 2026-11-24T10 --out s3://BUCKET/fact_clicks/redshift/10.manifest`
    """
    from analytics.warehouse.places import place_of
    from schemas.tables import FACT_CLICKS, TABLE_NAMES

    span, moment = _span(first, end, hour), _moment(as_of)
    if table not in TABLE_NAMES:
        raise ConfigError(f"--table {table!r} is none of {', '.join(TABLE_NAMES)}")
    if hours_out is not None and (table != FACT_CLICKS.name or span is None):
        raise ConfigError(f"--hours-out is for hours of {FACT_CLICKS.name}: give --from and --to, or --hour")
    place = place_of(out, "--out")
    hours_place = None if hours_out is None else place_of(hours_out, "--hours-out")
    settings = load_settings(os.environ, Path.cwd())

    import boto3
    import msgspec

    from analytics.warehouse.making import make

    s3 = boto3.client("s3") if place.bucket or (hours_place and hours_place.bucket) else None
    report = make(settings, os.environ, table, span, moment, place, hours_place, s3)
    if as_json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        _tell(report)


def _tell(report: ManifestReport) -> None:
    from rich.console import Console

    console = Console(soft_wrap=True, highlight=False, markup=False)
    if report.files:
        console.print(
            f"{report.files} files of {report.table}, {report.rows:,} rows, {report.bytes:,} bytes: {report.out}"
        )
    else:
        console.print(f"no file of {report.table} holds any of that: {report.out} has no entries, and COPY refuses it")
    if report.hours_out:
        console.print(f"the versions of the hours: {report.hours_out}")


def _span(first: str | None, end: str | None, hour: str | None) -> Span | None:
    from analytics.warehouse.manifest import Span

    faults: list[str] = []

    def parsed(option: str, text: str | None) -> int | None:
        try:
            return None if text is None else parse_hour(text)
        except ValueError:
            faults.append(f"{option} {text!r} is not an hour like 2026-11-24T10")
            return None

    from_us, to_us, hour_us = parsed("--from", first), parsed("--to", end), parsed("--hour", hour)
    if hour is not None and (first is not None or end is not None):
        faults.append("give --hour, or --from and --to")
    elif (first is None) != (end is None):
        faults.append("--from and --to go together")
    elif from_us is not None and to_us is not None and to_us <= from_us:
        faults.append("--to is not after --from")
    if faults:
        raise ConfigError(faults)
    if hour_us is not None:
        return Span(hour_us, hour_us + HOUR_US)
    return None if from_us is None or to_us is None else Span(from_us, to_us)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return us_to_datetime(parse_instant_us(text)).astimezone(UTC)
    except ValueError as error:
        raise ConfigError(f"--as-of {text!r} is not an instant like 2026-11-24T10:30:00Z: {error}") from error
