"""The command `enrich`."""

from __future__ import annotations

import os
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.settings import load_settings

if TYPE_CHECKING:
    from rich.console import Console

    from analytics.enrichment.run import EnrichmentReport


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Tables")(enrich)


def enrich(
    rebuild: Annotated[
        bool, typer.Option("--all", help="Make the table anew from all facts: texts that no fact has any more go.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
) -> None:
    """Say in dim_user_agents what the user agents of new facts tell: browser, system, device, bot or not.

    Reads the hours that changed since the last run. Rules of another version make every row anew, without the facts. A
    run over nothing new commits nothing. Safe beside a running compaction, and beside another run.

    Example: `clickstream enrich`
    """
    settings = load_settings(os.environ, Path.cwd())

    from importlib.metadata import version

    import msgspec
    from rich.console import Console

    from analytics.enrichment.agents import LIBRARY_DATA, AgentParser, rules_version
    from analytics.enrichment.run import Enrichment, enrich
    from batch_compaction.lake_tables import open_lake

    with Console(stderr=True).status("enriching") as status:
        report = enrich(
            Enrichment(
                lake=open_lake(settings, os.environ),
                parser=AgentParser(rules_version(version(LIBRARY_DATA))),
                run_id=uuid.uuid4().hex,
                on_step=lambda step: status.update(f"enriching: {step}"),
                rebuild=rebuild,
            )
        )
    if as_json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        _show(report, Console())


def _show(report: EnrichmentReport, output: Console) -> None:
    if not report.is_committed:
        output.print(f"nothing new: dim_user_agents has {report.texts:,} texts, by rules {report.rules_version}")
        return
    output.print(
        f"{report.hours_read:,} hours read: {report.new_texts:,} new texts, {report.reread_texts:,} read anew, "
        f"{report.removed_texts:,} removed; dim_user_agents has {report.texts:,}, by rules {report.rules_version}"
    )
    if report.left_out_facts:
        output.print(f"{report.left_out_facts:,} facts have a text that is too long for a row, or that found no room")
