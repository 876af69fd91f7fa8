"""The commands `models run`, `test`, `build`, `docs` and `list`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schemas.errors import WorkFailedError
from schemas.settings import load_settings, state_dir_of

if TYPE_CHECKING:
    from analytics.modelling.running import ModelsReport, Run

_Select = Annotated[
    list[str] | None,
    typer.Option("--select", "-s", metavar="SELECTOR", help="Only these, in dbt's notation; repeatable."),
]
_Target = Annotated[str, typer.Option("--target", metavar="ENGINE", help="duckdb, athena or redshift.")]
_Full = Annotated[bool, typer.Option("--full-refresh", help="Compute every hour anew, not only those that changed.")]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the front door."""
    commands = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")
    for command in (run, test, build, docs):
        commands.command()(command)
    commands.command("list")(list_models)
    app.add_typer(
        commands,
        name="models",
        help="Sessions, funnels, revenue and more, built from the published tables by dbt.",
        rich_help_panel="Tables",
    )


def run(
    select: _Select = None, full_refresh: _Full = False, target: _Target = "duckdb", as_json: _Json = False
) -> None:
    """Build the models: what changed since the last run, hour by hour.

    Example: `clickstream models run --select +sessions`
    """
    _build("run", select, target, as_json, full_refresh)


def test(select: _Select = None, target: _Target = "duckdb", as_json: _Json = False) -> None:
    """Test the models, and, where none is selected, how fresh what they are built from is.

    Example: `clickstream models test --select revenue_hourly`
    """
    _build("test", select, target, as_json)


def build(
    select: _Select = None, full_refresh: _Full = False, target: _Target = "duckdb", as_json: _Json = False
) -> None:
    """Build the models and test each one before the next is built on it.

    Example: `clickstream models build --json`
    """
    _build("build", select, target, as_json, full_refresh)


def docs(target: _Target = "duckdb", as_json: _Json = False) -> None:
    """Write a page of every model and column with the way they came about, and print where it is.

    Example: `clickstream models docs`
    """
    from analytics.modelling.running import mirror_sources

    work = _run_of("docs", target)
    work.dbt.check()
    with _progress("writing the documentation"):
        mirror_sources(work)
        work.dbt.invoke("docs", "generate", "--static", settings=work.settings)
    page = work.dbt.folder / "static_index.html"
    if as_json:
        _print_json({"page": str(page)})
    else:
        typer.echo(page)


def list_models(select: _Select = None, target: _Target = "duckdb", as_json: _Json = False) -> None:
    """List the models, seeds and tests; nothing is built.

    Example: `clickstream models list --select resource_type:model`
    """
    work = _run_of("list", target)
    work.dbt.check()
    outcome = work.dbt.invoke("list", *_selected(select), settings=work.settings)
    if as_json:
        _print_json({"nodes": outcome.lines})
    else:
        typer.echo("\n".join(outcome.lines))


def _run_of(command: str, target: str, options: tuple[str, ...] = ()) -> Run:
    settings = load_settings(os.environ, Path.cwd())

    from analytics.modelling.dbt import Dbt
    from analytics.modelling.running import Run

    return Run(command, Dbt(target, state_dir_of(os.environ)), settings, os.environ, options)


def _selected(select: list[str] | None) -> tuple[str, ...]:
    return ("--select", *select) if select else ()


def _build(command: str, select: list[str] | None, target: str, as_json: bool, full_refresh: bool = False) -> None:
    options = (*_selected(select), *(("--full-refresh",) if full_refresh else ()))
    work = _run_of(command, target, options)

    from analytics.modelling.running import run_models

    with _progress("copying the sources") as tell:
        report = run_models(
            work,
            lambda count, total: tell(f"copying the sources: {count:,} of {total:,}"),
            lambda name, index, total: tell(f"{index} of {total}: {name}"),
        )
    if as_json:
        _print_json(report)
    else:
        _show(report)
    if report.failed:
        raise WorkFailedError(f"{len(report.failed)} failed or were left out: {', '.join(report.failed)}")


def _show(report: ModelsReport) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    output = Console()
    if report.models:
        table = Table(title=f"models on {report.target}")
        for name in ("model", "status"):
            table.add_column(name)
        for name in ("hours", "seconds"):
            table.add_column(name, justify="right")
        for step in report.models:
            hours = report.hours.get(step.name)
            table.add_row(step.name, step.status, "" if hours is None else f"{hours:,}", f"{step.seconds:.2f}")
        output.print(table)
    passed = sum(step.status == "pass" for step in report.tests)
    if report.tests:
        output.print(f"{passed:,} of {len(report.tests):,} tests passed")
    for step in (*report.models, *report.tests):
        if step.is_failed or step.status == "warn":
            output.print(f"[bold]{escape(step.name)}[/] {step.status}: {escape((step.message or '').strip())}")
    output.print(f"the models are in {report.database}", soft_wrap=True)


def _print_json(value: Any) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


@contextmanager
def _progress(doing: str) -> Iterator[Any]:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(doing, total=None)
        yield lambda text: progress.update(task, description=text)
