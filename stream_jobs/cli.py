"""The commands `alerts` and `watch`."""

from __future__ import annotations

import json
import os
import signal
import threading
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from schemas.settings import load_settings, state_dir_of

_PANEL = "Alerts"
_errors = Console(stderr=True, highlight=False, soft_wrap=True)


class Start(StrEnum):
    """Where a job without saved state begins to read."""

    TRIM_HORIZON = "trim-horizon"
    LATEST = "latest"


def register(app: typer.Typer) -> None:
    """Add the commands to the front door."""
    app.command("alerts", rich_help_panel=_PANEL)(alerts)
    app.command("watch", rich_help_panel=_PANEL)(watch)


def alerts(
    start: Annotated[
        Start, typer.Option("--from", help="Where to begin when there is no saved state.")
    ] = Start.TRIM_HORIZON,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget the saved state of this stream.")] = False,
    checkpoint_seconds: Annotated[
        float, typer.Option("--checkpoint-seconds", min=0.5, help="Seconds between checkpoints.")
    ] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object on stdout.")] = False,
) -> None:
    """Run the purchase-alert job in the foreground, from where it last stood, until Ctrl-C or SIGTERM.

    Example: `clickstream alerts --from latest`
    """
    from stream_jobs.alerting import AlertsConfig, AlertsRun

    settings = load_settings(os.environ, Path.cwd())
    folder = state_dir_of(os.environ) / "alerts"
    config = AlertsConfig(settings, folder, start.value, fresh, checkpoint_seconds)
    status = AlertsRun(config, lambda text: _errors.print(text, markup=False)).run()
    counters = status.get("counters", {})
    if as_json:
        typer.echo(json.dumps(status))
    else:
        for name, count in counters.items():
            typer.echo(f"{name:<18} {json.dumps(count)}")


def watch(
    count: Annotated[int | None, typer.Option("--count", min=1, help="End after so many alerts.")] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", min=0, help="End after so many seconds.")] = None,
    idle_seconds: Annotated[
        float | None, typer.Option("--idle-seconds", min=0, help="End after so many seconds without an alert.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each alert.")] = False,
) -> None:
    """Show purchase alerts as they arrive at a subscriber, through a queue of its own.

    Example: `clickstream watch --count 20`
    """
    import msgspec

    from stream_jobs import aws_calls
    from stream_jobs.watching import Bounds, SeenAlert, line_of, subscribed, summary
    from stream_jobs.watching import watch as watch_queue

    settings = load_settings(os.environ, Path.cwd())
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    sns, sqs = aws_calls.client("sns"), aws_calls.client("sqs")
    shown: list[SeenAlert] = []
    with subscribed(sns, sqs, settings.alerts_topic_arn) as queue_url:
        _errors.print(f"watching {settings.alerts_topic_arn}", markup=False)
        bounds = Bounds(count, seconds, idle_seconds)
        for alert in watch_queue(sqs, queue_url, bounds, stopped.is_set, _tell_foreign):
            shown.append(alert)
            typer.echo(msgspec.json.encode(alert).decode() if as_json else line_of(alert))
    _errors.print(json.dumps(summary(shown)), markup=False)


def _tell_foreign(message_id: str) -> None:
    _errors.print(f"message {message_id} is no purchase alert, passed over", markup=False)
