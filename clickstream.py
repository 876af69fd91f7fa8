"""The front door: one console script whose commands are those of the packages.

Before a command runs, the variables of a local stack that lives in this folder are put into the environment, so that
every command finds its services by the standard AWS variables. An error that the pipeline raises on purpose is told
in one line and becomes the exit code: 1 the work failed, 2 usage or configuration is wrong and nothing was done.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.markup import escape

import analytics.enrich_cli
import analytics.models_cli
import analytics.query_cli
import analytics.sql_cli
import analytics.warehouse_cli
import batch_compaction.cli
import batch_compaction.hours_cli
import batch_compaction.maintain_cli
import batch_compaction.quarantine_cli
import batch_compaction.rollback_cli
import batch_compaction.validate_cli
import infra.cost_cli
import infra.local.cli
import infra.local.demo_cli
import infra.local.trino.cli
import producers.load_cli
import producers.record_cli
import producers.replay_cli
import producers.simulate_cli
import producers.verify_cli
import stream_jobs.cli
import stream_jobs.dead_letters_cli
from infra.local.state import active_environment
from schemas.errors import ClickstreamError, ConfigError, MissingSettingsError
from schemas.settings import state_dir_of

if TYPE_CHECKING:
    from infra.local.trino.server import Trino

# Commands that make or look at the stack themselves.
_STACK_COMMANDS = {"up", "down", "status", "demo", "trino"}

app = typer.Typer(
    name="clickstream",
    help="A clickstream pipeline: events in, purchase alerts and queryable tables out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for package in (
    infra.local.demo_cli,
    infra.local.cli,
    infra.local.trino.cli,
    producers.simulate_cli,
    producers.replay_cli,
    producers.record_cli,
    producers.load_cli,
    producers.verify_cli,
    stream_jobs.cli,
    stream_jobs.dead_letters_cli,
    batch_compaction.cli,
    analytics.enrich_cli,
    analytics.sql_cli,
    analytics.warehouse_cli,
    batch_compaction.hours_cli,
    batch_compaction.rollback_cli,
    batch_compaction.maintain_cli,
    batch_compaction.quarantine_cli,
    batch_compaction.validate_cli,
    analytics.models_cli,
    infra.cost_cli,
):
    package.register(app)


def _local_trino(tell: Callable[[str], None]) -> AbstractContextManager[Trino]:
    """Give the Trino that runs beside the local stack, or run one; analytics itself knows no stack."""
    from infra.local.trino.service import trino_for

    return trino_for(os.environ, tell)


analytics.query_cli.register(app, trino=_local_trino)


@app.callback()
def use_local_stack(context: typer.Context) -> None:
    """Clickstream: events in, purchase alerts and queryable tables out."""
    is_help = not {"--help", "-h"}.isdisjoint(sys.argv)
    if is_help or context.invoked_subcommand in _STACK_COMMANDS or os.environ.get("AWS_ENDPOINT_URL"):
        return
    if stack := active_environment(state_dir_of(os.environ)):
        for variable in [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL_")]:
            del os.environ[variable]
        os.environ.update(stack)


def main() -> None:
    """Run one command and exit with its code."""
    try:
        app()
    except Exception as error:
        code = _tell(error)
        if code is None:
            raise
        sys.exit(code)


def _tell(error: Exception) -> int | None:
    """Print an expected error and return its exit code; None for one that nobody expected."""
    from botocore.exceptions import BotoCoreError, ClientError

    console = Console(stderr=True, soft_wrap=True)
    is_local = not os.environ.get("AWS_ENDPOINT_URL")
    if isinstance(error, MissingSettingsError) and error.missing and is_local:
        console.print(
            "[bold red]not started:[/] no local stack runs here: start one with `clickstream up`, "
            f"or name a deployment by {', '.join(error.missing)}"
        )
        return 2
    if isinstance(error, ConfigError):
        for fault in error.faults:
            console.print(f"[bold red]not started:[/] {escape(fault)}")
        if isinstance(error, MissingSettingsError):
            console.print(
                "no local stack runs here: `clickstream up` starts one and sets all of this"
                if is_local
                else "AWS_ENDPOINT_URL is set, so no local stack is looked for: unset it to use one"
            )
        return 2
    if isinstance(error, ClickstreamError | BotoCoreError | ClientError | OSError):
        console.print(f"[bold red]failed:[/] {escape(str(error))}")
        return 1
    return None


if __name__ == "__main__":
    main()
