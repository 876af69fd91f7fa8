"""The command `maintain`."""

from __future__ import annotations

import os
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.instants import DAY_US, HOUR_US
from schemas.settings import load_settings

if TYPE_CHECKING:
    from rich.console import Console

    from batch_compaction.maintain import MaintenanceReport


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Tables")(maintain)


def maintain(
    keep: Annotated[
        int, typer.Option("--keep", metavar="DAYS", min=1, help="How long a replaced snapshot can be read.")
    ] = 7,
    keep_tags: Annotated[
        int, typer.Option("--keep-tags", metavar="DAYS", min=1, help="How long the tag of a closed day stays.")
    ] = 90,
    grace: Annotated[
        int,
        typer.Option("--grace", metavar="HOURS", min=1, help="How long a file stays after nothing refers to it."),
    ] = 24,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
) -> None:
    """Keep the tables up: merge pieces, tag closed days, expire old snapshots, remove files without use.

    Rows never change. Safe beside a running compaction.

    Example: `clickstream maintain --dry-run`
    """
    settings = load_settings(os.environ, Path.cwd())

    import boto3
    import msgspec
    from rich.console import Console
    from rich.markup import escape

    from batch_compaction.lake_tables import open_lake
    from batch_compaction.maintain import Maintenance, maintain
    from batch_compaction.maintain_plan import Retention

    with Console(stderr=True).status("maintaining") as status:
        report = maintain(
            Maintenance(
                s3=boto3.client("s3"),
                lake=open_lake(settings, os.environ),
                retention=Retention(time.time_ns() // 1000, keep * DAY_US, keep_tags * DAY_US, grace * HOUR_US),
                run_id=uuid.uuid4().hex,
                is_dry=dry_run,
                on_step=lambda step: status.update(escape(f"maintaining: {step}")),
            )
        )
    if as_json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        _show(report, Console())


def _show(report: MaintenanceReport, output: Console) -> None:
    from rich.table import Table

    table = Table(title="would be done" if report.is_dry else "done")
    table.add_column("table")
    names = ("merged partitions", "merged manifests", "tags", "tags removed", "snapshots expired", "orphans", "bytes")
    for name in names:
        table.add_column(name, justify="right")
    for item in report.tables:
        numbers = (
            item.merged_partitions,
            item.merged_manifests,
            len(item.tags),
            len(item.tags_removed),
            item.snapshots_expired,
            item.orphans,
            item.orphan_bytes,
        )
        table.add_row(item.table, *map(str, numbers))
    output.print(table)
