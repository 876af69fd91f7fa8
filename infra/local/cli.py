"""The commands of the local stack: up, status, flush, down."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from infra.local.schedule import DAILY_S, HOURLY_S
from infra.local.state import Intervals, Stack, active_environment, dead_parts, read_stack
from schemas.errors import ConfigError
from schemas.settings import load_alerting, state_dir_of

_AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line of stdout.")]
_PANEL = "Local stack"
_told = Console(stderr=True, highlight=False)


def register(app: typer.Typer) -> None:
    """Add the commands of the local stack."""
    app.command("up", rich_help_panel=_PANEL)(up)
    app.command("status", rich_help_panel=_PANEL)(status)
    app.command("flush", rich_help_panel=_PANEL)(flush)
    app.command("down", rich_help_panel=_PANEL)(down)
    app.command("env", rich_help_panel=_PANEL)(env)


def up(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the emulator; 0 takes a free one.")] = 0,
    firehose_seconds: Annotated[float, typer.Option(min=0, help="Deliver raw data at this age.")] = 10.0,
    firehose_mib: Annotated[float, typer.Option(min=0.001, help="Deliver raw data at this size.")] = 4.0,
    schedule: Annotated[
        bool, typer.Option("--schedule", help="Compact every hour; reconcile and validate every day.")
    ] = False,
    hourly_s: Annotated[
        float, typer.Option("--hourly-seconds", min=1, help="How long an hour of the schedule is.")
    ] = HOURLY_S,
    daily_s: Annotated[
        float, typer.Option("--daily-seconds", min=1, help="How long a day of the schedule is.")
    ] = DAILY_S,
    as_json: _AsJson = False,
) -> None:
    """Start the emulated AWS services and what runs beside them, or say that they run.

    Example: `clickstream up --firehose-seconds 5`
    """
    from infra.local.stack import Options
    from infra.local.stack import up as start

    folder = state_dir_of(os.environ)
    alerting = load_alerting(os.environ, Path.cwd())
    if not schedule and (hourly_s, daily_s) != (HOURLY_S, DAILY_S):
        raise ConfigError("--hourly-seconds and --daily-seconds go with --schedule")
    intervals = Intervals(hourly_s, daily_s) if schedule else None
    _told.print("starting the local stack (a few seconds) …")
    done, stack = start(folder, Options(port, firehose_seconds, firehose_mib, alerting, intervals))
    said = {
        "started": "the local stack is up",
        "running": "the local stack is already up, with the options that it was started with",
        "changed": "the local stack is already up, with the changed rules or schedule from now on",
        "mended": "a part beside the emulator was gone and runs again, from where it was",
    }
    _told.print(f"{said[done]}: {stack.endpoint}, state in {folder}")
    if as_json:
        _print_json({"done": done, "endpoint": stack.endpoint, "environment": stack.environment})


def status(as_json: _AsJson = False) -> None:
    """Tell whether the local stack runs, and how far it is; exit 1 if any part of it does not run.

    Example: `clickstream status --json`
    """
    from rich.table import Table

    from infra.local.stack import status as inspect

    found = inspect(state_dir_of(os.environ))
    if as_json:
        _print_json(msgspec.to_builtins(found))
    else:
        table = Table(title="local stack", show_header=False)
        for name, value in msgspec.to_builtins(found).items():
            parts = value.items() if isinstance(value, dict) else [("", value)]
            for part, detail in parts:
                is_process = name == "processes"
                table.add_row(f"{name} {part}".strip(), _process(detail) if is_process else _shown(detail))
        Console().print(table)
    if not found.running:
        raise typer.Exit(1)


def flush(
    timeout_s: Annotated[float, typer.Option(min=0, help="How long to wait.")] = 60.0, as_json: _AsJson = False
) -> None:
    """Deliver everything that is in the stream now to the raw bucket, without waiting for size or age.

    Example: `clickstream flush`
    """
    from infra.local.stack import flush as deliver

    folder = state_dir_of(os.environ)
    progress = deliver(folder, _running(), timeout_s)
    _told.print(f"delivered {progress.delivered_records:,} records in {progress.delivered_objects:,} objects so far")
    if as_json:
        _print_json(msgspec.to_builtins(progress))


def down(as_json: _AsJson = False) -> None:
    """Stop the local stack; what the emulator held was in memory and is gone, the logs stay.

    Example: `clickstream down`
    """
    from infra.local.stack import down as stop

    was_there = stop(state_dir_of(os.environ))
    text = "stopped; the emulator's data was volatile and is gone" if was_there else "no local stack was running"
    _told.print(text)
    if as_json:
        _print_json({"stopped": was_there})


def _running() -> Stack:
    stack = read_stack(state_dir_of(os.environ))
    if stack is None:
        raise ConfigError("no local stack runs here: run `clickstream up`")
    if dead := dead_parts(stack):
        raise ConfigError(f"the local stack is broken ({', '.join(dead)} gone): run `clickstream up` to mend it")
    return stack


def _process(found: Mapping[str, object]) -> str:
    return f"pid {found['pid']}" + ("" if found["alive"] else ", gone")


def _shown(value: object) -> str:
    """Return a value of the status as a person reads it."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case list():
            return ", ".join(map(_shown, value)) or "none"
        case dict():
            return ", ".join(f"{name} {_shown(part)}" for name, part in value.items()) or "none"
        case _:
            return str(value)


def _print_json(value: object) -> None:
    typer.echo(msgspec.json.encode(value).decode())


def env() -> None:
    """Print what makes a shell talk to the local stack: an export line for each variable.

    Example: `clickstream env > stack.sh`, or at once `eval "$(clickstream env)"`
    """
    variables = active_environment(state_dir_of(os.environ))
    if variables is None:
        raise ConfigError("there is no local stack: start it with `clickstream up`")
    for name, value in sorted(variables.items()):
        typer.echo(f"export {name}={shlex.quote(value)}")
