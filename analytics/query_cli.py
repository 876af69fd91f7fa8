"""The command `query`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import ConfigError
from schemas.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Tables")(query)


def query(
    sql: Annotated[str | None, typer.Argument(help="One SELECT in Athena's dialect.", show_default=False)] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the SELECT from a file.")] = None,
    form: Annotated[str, typer.Option("--format", help="table, csv, json or parquet.")] = "table",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to a file, not to stdout.")] = None,
) -> None:
    """Answer Athena SQL over the published tables.

    Example: `clickstream query "SELECT event_type, count(*) AS clicks FROM fact_clicks GROUP BY 1 ORDER BY 2 DESC"`
    """
    from analytics.query.answers import Format, as_bytes, as_table

    text = _sql_text(sql, file)
    if form not in tuple(Format):
        raise ConfigError(f"--format {form!r} is none of {', '.join(Format)}")
    if form == Format.PARQUET and output is None and sys.stdout.isatty():
        raise ConfigError("Parquet is not for a terminal: give --output FILE")
    if form == Format.TABLE and output is not None:
        raise ConfigError("--output takes --format csv, json or parquet")
    settings = load_settings(os.environ, Path.cwd())

    from rich.console import Console

    from analytics.published import open_published
    from analytics.query.duckdb_engine import answer
    from analytics.query.translation import translate

    translated = translate(text, settings.database)
    published = open_published(settings, os.environ, names=translated.tables)
    rows = answer(translated, settings.database, {name: table.dataset() for name, table in published.tables.items()})
    if form == Format.TABLE:
        Console().print(as_table(rows))
        return
    body = as_bytes(rows, Format(form))
    if output is None:
        sys.stdout.buffer.write(body)
    else:
        output.write_bytes(body)


def _sql_text(sql: str | None, file: Path | None) -> str:
    if (sql is None) == (file is None):
        raise ConfigError("give one query: as the argument, or with --file")
    if sql is not None:
        return sql
    assert file is not None  # noqa: S101 - one of the two is given
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from error
