"""The commands of Trino: fetch, up, status, down."""

from __future__ import annotations

import os
from typing import Annotated

import msgspec
import typer
from rich.console import Console

_AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line of stdout.")]
_told = Console(stderr=True, highlight=False)


def register(app: typer.Typer) -> None:
    """Add the commands of Trino."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")
    group.command("fetch")(fetch)
    group.command("up")(up)
    group.command("status")(status)
    group.command("down")(down)
    app.add_typer(
        group, name="trino", rich_help_panel="Local stack", help="Trino, the stand-in for Athena beside the stack."
    )


def fetch(as_json: _AsJson = False) -> None:
    """Bring Trino and its Java into the user's cache folder, once: about 900 MB come, and 310 MB stay.

    From Maven Central, or from the Maven repository that CLICKSTREAM_MAVEN_REPOSITORY names. What is not the pinned
    file is refused.

    Example: `clickstream trino fetch`
    """
    from infra.local.trino.installation import fetch as get

    is_new, found = get(os.environ, _told.print)
    _told.print(f"Trino is {'fetched' if is_new else 'here already'}: {found.server}")
    _print(as_json, {"fetched": is_new, "server": str(found.server), "java": str(found.java)})


def up(as_json: _AsJson = False) -> None:
    """Start Trino on the tables of the local stack, or say that it runs.

    Example: `clickstream trino up`
    """
    from infra.local.trino.service import start

    is_new, trino = start(os.environ, _told.print)
    _told.print(f"Trino {'runs' if is_new else 'runs already'}: {trino.url}, catalog awsdatacatalog")
    _print(as_json, {"started": is_new, "url": trino.url})


def status(as_json: _AsJson = False) -> None:
    """Tell whether Trino can be asked; exit 1 if it cannot.

    Example: `clickstream trino status --json`
    """
    from infra.local.trino.service import problem_of

    problem = problem_of(os.environ)
    _told.print(problem or "Trino runs and answers")
    _print(as_json, {"running": problem is None, "problem": problem})
    if problem:
        raise typer.Exit(1)


def down(as_json: _AsJson = False) -> None:
    """Stop Trino; the stack and its tables stay.

    Example: `clickstream trino down`
    """
    from infra.local.trino.service import stop

    ran = stop(os.environ)
    _told.print("Trino is stopped" if ran else "no Trino was running")
    _print(as_json, {"stopped": ran})


def _print(as_json: bool, value: object) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(value).decode())
