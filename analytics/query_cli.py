"""The command `query`: what is asked, of which engine, and how the answer is written."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import ConfigError
from schemas.settings import load_settings, state_dir_of

if TYPE_CHECKING:
    from analytics.query.asking import Question
    from analytics.query.outcome import Outcome
    from analytics.query.trino_engine import RunTrino

_ENGINES = ("duckdb", "trino", "athena")
_HISTORY_SHOWN = 20
# Takes what may run a Trino beside the local stack; the front door hands it in.
_run_trino: RunTrino | None = None


def register(app: typer.Typer, trino: RunTrino | None = None) -> None:
    """Add the command.

    Args:
        app: the front door.
        trino: runs a Trino for as long as it is needed; None where none can be run.
    """
    global _run_trino
    _run_trino = trino
    app.command(rich_help_panel="Tables")(query)


def query(
    sql: Annotated[
        str | None, typer.Argument(help="One SELECT in Athena's dialect; - reads it from stdin.", show_default=False)
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the SELECT from a file.")] = None,
    engine: Annotated[str, typer.Option("--engine", help="duckdb, trino or athena.")] = "duckdb",
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="TIME", help="The tables as they were then: ISO 8601 with a zone.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what would be read and what it would cost, and read nothing.")
    ] = False,
    form: Annotated[str, typer.Option("--format", help="table, csv, json or parquet.")] = "table",
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to a file, not to stdout.")] = None,
    history: Annotated[
        int | None, typer.Option("--history", metavar="N", min=1, help="Show the last N queries, and ask nothing.")
    ] = None,
    workgroup: Annotated[
        str | None,
        typer.Option(
            envvar="CLICKSTREAM_ATHENA_WORKGROUP", help="Of Athena; without one, that of the database's name."
        ),
    ] = None,
    trino_url: Annotated[
        str | None,
        typer.Option(envvar="CLICKSTREAM_TRINO_URL", help="A Trino that runs; without one, it is run for the query."),
    ] = None,
) -> None:
    """Answer Athena SQL over the published tables and the models.

    DuckDB answers by itself, and refuses by name what it has otherwise than Athena. Trino, the engine below Athena, is
    run beside the local stack. Athena is asked where the pipeline runs on AWS; its answer comes with what it cost.

    Example: `clickstream query "SELECT event_type, count(*) AS clicks FROM fact_clicks GROUP BY 1 ORDER BY 2 DESC"`

    Example: `clickstream query --explain -f question.sql`

    Example: `clickstream query --engine athena --as-of 2026-11-24T12:00:00Z --format csv -o rows.csv -f question.sql`

    Example: `clickstream query --history 5`
    """
    from analytics.query.answers import Format

    form = "json" if as_json else form
    if history is not None:
        _refuse_beside_history(sql, file, form, output)
        _show_history(history, form)
        return
    text = _sql_text(sql, file)
    faults = []
    if engine not in _ENGINES:
        faults.append(f"--engine {engine!r} is none of {', '.join(_ENGINES)}")
    if form not in tuple(Format):
        faults.append(f"--format {form!r} is none of {', '.join(Format)}")
    if form == Format.PARQUET and output is None and sys.stdout.isatty():
        faults.append("Parquet is not for a terminal: give --output FILE")
    if form == Format.TABLE and output is not None:
        faults.append("--output takes --format csv, json or parquet")
    if explain and form not in (Format.TABLE, Format.JSON):
        faults.append("--explain takes --format table or json")
    moment = _moment(as_of, faults)
    if faults:
        raise ConfigError(faults)
    settings = load_settings(os.environ, Path.cwd())

    from analytics.query.asking import Question

    question = Question(
        text, engine, moment, settings, state_dir_of(os.environ), os.environ, workgroup, trino_url, _run_trino
    )
    if explain:
        _explain(question, form)
    else:
        _write(_noted(question, question.answer), Format(form), output)


def _noted(question: Question, answer: Callable[[], Outcome]) -> Outcome:
    """Answer, and write down what was asked, of an engine that failed too."""
    from analytics.query.history import Asked, History

    history, at, begun = History(question.state_dir), datetime.now(UTC), time.monotonic()

    def note(rows: int | None, scanned: int | None, error: str | None) -> None:
        history.add(
            Asked(
                at=at.isoformat(timespec="seconds"),
                engine=question.engine,
                sql=question.sql,
                seconds=round(time.monotonic() - begun, 3),
                rows=rows,
                bytes=scanned,
                error=error,
            )
        )

    try:
        outcome = answer()
    except KeyboardInterrupt:
        note(None, None, "interrupted")
        raise
    except Exception as error:
        # What an engine says of a row that it failed at may quote it; only what is said of the query itself is kept.
        told = str(error) if isinstance(error, ConfigError) else type(error.__cause__ or error).__name__
        note(None, None, told.partition("\n")[0])
        raise
    note(outcome.rows.num_rows, outcome.scanned_bytes, None)
    return outcome


def _write(outcome: Outcome, form: str, output: Path | None) -> None:
    from rich.console import Console

    from analytics.query.answers import Format, as_bytes, print_answer

    if form == Format.TABLE:
        print_answer(outcome.rows, Console())
    else:
        body = as_bytes(outcome.rows, Format(form))
        if output is None:
            sys.stdout.buffer.write(body)
        else:
            try:
                output.write_bytes(body)
            except OSError as error:
                raise ConfigError(f"cannot write {output}: {error.strerror}") from error
    if outcome.billed_bytes is not None:
        from analytics.query.explanation import cost_usd
        from schemas.pricing.prices import shipped_prices

        Console(stderr=True).print(
            f"query {outcome.query_id}: {outcome.scanned_bytes:,} bytes scanned, {outcome.billed_bytes:,} billed, "
            f"${cost_usd(outcome.billed_bytes, shipped_prices()):.6f}"
        )


def _explain(question: Question, form: str) -> None:
    import msgspec
    from rich.console import Console

    from analytics.query.explanation import show

    explanation = question.explain()
    if isinstance(explanation, str):
        sys.stdout.write(
            msgspec.json.encode({"plan": explanation}).decode() + "\n" if form == "json" else explanation + "\n"
        )
    elif form == "json":
        sys.stdout.write(msgspec.json.encode(explanation).decode() + "\n")
    else:
        show(explanation, Console())


def _refuse_beside_history(sql: str | None, file: Path | None, form: str, output: Path | None) -> None:
    faults = []
    if sql is not None or file is not None:
        faults.append("--history asks nothing: leave out the query")
    if form not in ("table", "json") or output is not None:
        faults.append("--history takes --format table or json, and no --output")
    if faults:
        raise ConfigError(faults)


def _show_history(count: int, form: str) -> None:
    import msgspec
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from analytics.query.answers import print_whole
    from analytics.query.history import History

    asked = History(state_dir_of(os.environ)).latest(count)
    if form == "json":
        sys.stdout.write(msgspec.json.encode(asked).decode() + "\n")
        return
    table = Table()
    for name in ("at, UTC", "engine"):
        table.add_column(name, no_wrap=True)
    for name in ("rows", "seconds", "bytes"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("query")
    for one in asked:
        rows = "failed" if one.error is not None else f"{one.rows:,}"
        scanned = "" if one.bytes is None else f"{one.bytes:,}"
        line = " ".join(one.sql.split())
        told = f"{line}\n{one.error}" if one.error else line
        at = one.at.removesuffix("+00:00").replace("T", " ")
        table.add_row(
            at, one.engine, rows, f"{one.seconds:,.2f}", scanned, Text(told, no_wrap=True, overflow="ellipsis")
        )
    console = Console()
    if console.is_terminal:
        console.print(table)
    else:
        print_whole(table, console)


def _moment(text: str | None, faults: list[str]) -> datetime | None:
    from schemas.instants import parse_instant_us, us_to_datetime

    if text is None:
        return None
    try:
        moment = us_to_datetime(parse_instant_us(text))
    except ValueError:
        faults.append(f"--as-of {text!r} is not like 2026-11-24T12:00:00Z: a zone is required")
        return None
    if moment > datetime.now(UTC):
        faults.append(f"--as-of {text} has not come yet")
    return moment


def _sql_text(sql: str | None, file: Path | None) -> str:
    if (sql is None) == (file is None):
        raise ConfigError("give one query: as the argument, as - for stdin, or with --file")
    if sql == "-":
        return sys.stdin.read()
    if sql is not None:
        return sql
    assert file is not None  # noqa: S101 - one of the two is given
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8") from error
