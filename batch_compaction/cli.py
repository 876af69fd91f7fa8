"""The command `compact`."""

from __future__ import annotations

import os
import sys
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from batch_compaction.hour_options import named_hours
from batch_compaction.process import loading
from schemas.errors import ConfigError, WorkFailedError
from schemas.settings import load_settings

if TYPE_CHECKING:
    from batch_compaction.report import RunReport
    from batch_compaction.run import Run
    from schemas.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Tables")(compact)


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
    redo: Annotated[
        bool, typer.Option("--redo", help="Publish the given hours although they were rolled back.")
    ] = False,
    memory: Annotated[
        int,
        typer.Option("--memory", metavar="MIB", min=640, help="About how much memory to take; the rest goes to disk."),
    ] = 1280,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
    metrics: Annotated[
        bool, typer.Option("--metrics", help="Print the figures as a line of CloudWatch's embedded metric format, too.")
    ] = False,
) -> None:
    """Build the star schema from what is new in the raw bucket.

    An event hour is published once it is closed: 20 minutes after its end. Late events repair their hour. A run over
    nothing new commits nothing. An hour that fails a blocking check is held back and stays as it was, and the exit code
    is 1. Two runs at once are safe: the one that commits second plans again, and says so.

    Example: `clickstream compact --hour 2026-11-24T10`
    """
    policy_hours = _hours(hour)
    if redo and not policy_hours:
        raise ConfigError("--redo is for named hours: give --hour")
    settings = load_settings(os.environ, Path.cwd())
    with loading(os.environ):
        import boto3

        from batch_compaction.checks import CHECK_NAMES
        from batch_compaction.find import find, find_all
        from batch_compaction.lake_tables import open_lake
        from batch_compaction.limits import load_limits
        from batch_compaction.notifications import Queue
        from batch_compaction.plan import HourPolicy
        from batch_compaction.progress import Progress
        from batch_compaction.run import MEBIBYTE, Run
        from batch_compaction.verdicts import acceptance_of

    s3, now_us = boto3.client("s3"), time.time_ns() // 1000
    queue = Queue(boto3.client("sqs"), settings.raw_objects_queue_url) if settings.raw_objects_queue_url else None
    acceptance = acceptance_of(accept or [], why, policy_hours, CHECK_NAMES)
    run = Run(
        s3=s3,
        find=lambda: find_all(s3, settings.raw_bucket) if reconcile else find(s3, settings.raw_bucket, queue, now_us),
        lake=open_lake(settings, os.environ),
        policy=HourPolicy(now_us, include_open, policy_hours),
        run_id=uuid.uuid4().hex,
        on_step=lambda _: None,
        limits=load_limits(Path.cwd(), CHECK_NAMES),
        acceptance=acceptance,
        memory_bytes=memory * MEBIBYTE,
        rebuild_users=rebuild_dims,
        redo=redo,
        progress=Progress(),
    )
    report = _followed(run)
    _tell(report, settings, as_json, metrics)
    if report.held:
        held = "; ".join(f"{name}: {', '.join(faults)}" for name, faults in report.held.items())
        raise WorkFailedError(f"hours were held back and stay as they were: {held}")


def _followed(run: Run) -> RunReport:
    """Compact, telling each step, and return the report with what it took."""
    import msgspec

    from batch_compaction.run import compact
    from batch_compaction.telling import Stopwatch, peak_memory_bytes, telling

    watch = Stopwatch()
    with telling(os.environ, run.run_id, run.progress) as tell:

        def on_step(step: str) -> None:
            watch.step(step)
            tell(step)

        report = compact(replace(run, on_step=on_step))
    watch.stop()
    seconds = {phase: round(taken_s, 3) for phase, taken_s in watch.seconds.items()}
    return msgspec.structs.replace(report, seconds=seconds, peak_memory_bytes=peak_memory_bytes())


def _tell(report: RunReport, settings: Settings, as_json: bool, metrics: bool) -> None:
    if as_json:
        import msgspec

        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        from rich.console import Console

        from batch_compaction.report_view import show

        show(report, Console())
    if metrics:
        from batch_compaction.report import metrics_of

        sys.stdout.write(metrics_of(report, settings.database, time.time_ns() // 1000).decode() + "\n")


def _hours(texts: list[str] | None) -> frozenset[int] | None:
    if not texts:
        return None
    hours, faults = named_hours(texts)
    if faults:
        raise ConfigError(faults)
    return frozenset(hours)
