"""The command `verify`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from producers.sending import JsonOption
from schemas.errors import ConfigError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Traffic")(verify)


def verify(
    keys: Annotated[list[Path], typer.Argument(metavar="KEY", help="Answer keys of runs; they add up.")],
    only: Annotated[
        str | None, typer.Option(metavar="CLASS,…", help="Judge these alone, such as raw,facts; see docs/verify.md.")
    ] = None,
    alerts: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="What `watch --json` printed, so that alerts are judged; may be repeated."),
    ] = None,
    shared: Annotated[
        bool, typer.Option("--shared", help="Others send here too: what is not of the key's producers is not extra.")
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="HOUR", help="Judge what arrived since 2026-11-24T03; else since the hour before the run."
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Judge everything, whenever it arrived.")] = False,
    examples: Annotated[int, typer.Option(min=0, help="How many of each difference to name.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """Compare what a run's answer key asks for with what came out: raw lines, tables, quarantine, alerts.

    Exits with 1 where anything differs.

    Example: `clickstream verify key.ndjson.gz --alerts alerts.ndjson`
    """
    import msgspec
    from rich.console import Console

    from producers.verify.judging_key import Question, judge
    from producers.verify.verdict_view import view_of
    from schemas.lake import parse_hour
    from schemas.settings import load_settings

    try:
        since_us = None if since is None else parse_hour(since)
    except ValueError as error:
        raise ConfigError(f"{since!r} is not an hour such as 2026-11-24T03") from error
    question = Question(
        keys=keys,
        only=None if only is None else [name.strip() for name in only.split(",")],
        alerts=alerts or (),
        since_us=since_us,
        is_whole=everything,
        is_shared=shared,
        examples=examples,
    )
    settings = load_settings(os.environ, Path.cwd())
    with Console(stderr=True).status("reading") as status:
        verdict = judge(question, settings, os.environ, lambda step: status.update(f"reading: {step}"))
    if as_json:
        typer.echo(msgspec.json.encode(verdict).decode())
    else:
        console = Console(soft_wrap=True)
        for part in view_of(verdict):
            console.print(part)
    if not verdict.is_right:
        raise typer.Exit(1)
