"""The command `cost`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    import msgspec

ENVIRONMENTS = Path(__file__).resolve().parent / "terraform" / "envs"
SIZES = "sizes.auto.tfvars.json"
Record = TypeVar("Record", bound="msgspec.Struct")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Deployment")(cost)


def cost(
    environment: Annotated[
        str, typer.Option("--environment", "-e", metavar="NAME", help="The environment: dev, staging or prod.")
    ] = "prod",
    sizes: Annotated[
        Path | None,
        typer.Option("--sizes", metavar="FILE", help="A file of sizes in place of the environment's, in its form."),
    ] = None,
    events_per_s: Annotated[float | None, typer.Option(help="What if so many events come a second.")] = None,
    event_bytes: Annotated[float | None, typer.Option(help="What if an event has so many bytes as JSON.")] = None,
    no_aggregate: Annotated[
        bool, typer.Option("--no-aggregate", help="What if each event is a record of its own.")
    ] = False,
    on_demand: Annotated[
        bool | None, typer.Option("--on-demand/--provisioned", help="What if the stream has no shards, or has some.")
    ] = None,
    shards: Annotated[int | None, typer.Option(help="What if a provisioned stream has so many shards.")] = None,
    retention_hours: Annotated[int | None, typer.Option(help="What if the stream keeps records so long.")] = None,
    raw_days: Annotated[int | None, typer.Option(help="What if raw objects are deleted after so many days.")] = None,
    table_days: Annotated[float | None, typer.Option(help="What if facts are deleted after so many days.")] = None,
    hot_days: Annotated[
        float | None, typer.Option(help="What if Redshift keeps so many days of facts in tables of its own.")
    ] = None,
    parallelism: Annotated[int | None, typer.Option(help="What if the alert job has so many units.")] = None,
    producers: Annotated[int | None, typer.Option(help="What if so many processes put events.")] = None,
    queries_per_day: Annotated[float | None, typer.Option(help="What if Athena gets so many queries.")] = None,
    query_days: Annotated[float | None, typer.Option(help="What if a query names so many days.")] = None,
    warehouse_hours: Annotated[
        float | None, typer.Option(help="What if Redshift works so many hours a day; 0 is without it.")
    ] = None,
    dropped_files: Annotated[float | None, typer.Option(help="What if others drop so many files a day.")] = None,
    months: Annotated[int | None, typer.Option(help="What if the lake is so many months old.")] = None,
    measured: Annotated[
        Path | None,
        typer.Option(
            "--measured",
            metavar="REPORT",
            help="Take bytes, records and their units from this JSON report of `clickstream load`.",
        ),
    ] = None,
    scanned: Annotated[
        Path | None,
        typer.Option(
            "--scanned",
            metavar="FIGURES",
            help="Take bytes of raw objects, tables and queries from what `make bench-scan` kept as JSON.",
        ),
    ] = None,
    prices: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A TOML file of prices in place of the shipped ones.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say what a month of an environment costs on AWS, and what a million events do, each figure with its formula.

    Example: `clickstream cost --environment prod --events-per-s 5000 --no-aggregate`
    """
    import msgspec
    from rich.console import Console

    from infra.cost_view import table_of, told_of
    from schemas.errors import ConfigError
    from schemas.pricing.month import estimate_month
    from schemas.pricing.prices import read_prices, shipped_prices
    from schemas.pricing.scanned import read_scanned
    from schemas.pricing.shape import measured_shape, shape_of
    from schemas.pricing.sizes import Assumptions, check, read_sizes

    path = sizes or sizes_file(environment)
    known = _changed(
        read_sizes(_read(path, "--sizes"), str(path)),
        expected_events_per_s=events_per_s,
        event_bytes=event_bytes,
        retention_hours=retention_hours,
        parallelism=parallelism,
        raw_expire_after_days=raw_days,
    )
    known = _changed(
        known,
        capacity=_changed(
            known.capacity,
            mode=None if on_demand is None else ("ON_DEMAND" if on_demand else "PROVISIONED"),
            shards=shards,
        ),
        warehouse=_changed(known.warehouse, enabled=None if warehouse_hours is None else warehouse_hours > 0),
    )
    assumed = _changed(
        Assumptions(),
        aggregate=False if no_aggregate else None,
        producers=producers,
        queries_per_day=queries_per_day,
        query_days=query_days,
        warehouse_hours_per_day=warehouse_hours,
        dropped_files_per_day=dropped_files,
        months=months,
        table_days=table_days,
        hot_days=hot_days,
        **({} if scanned is None else read_scanned(_read(scanned, "--scanned"), scanned.name).per_event()),
    )
    check([known, assumed], "the options")
    if measured is not None and (no_aggregate or event_bytes is not None or producers is not None):
        raise ConfigError("--measured says how large events and records are: leave out what else would say it")
    shape = (
        shape_of(known, assumed) if measured is None else measured_shape(_read(measured, "--measured"), measured.name)
    )
    if measured is not None:
        known = _changed(known, event_bytes=shape.event_bytes)
        assumed = _changed(assumed, aggregate=shape.records < 1)
    paid = shipped_prices() if prices is None else read_prices(_read_text(prices, "--prices"), str(prices))
    estimate = estimate_month(known, assumed, shape, paid)
    if as_json:
        sys.stdout.write(msgspec.json.encode(estimate).decode() + "\n")
        return
    console = Console()
    console.print(table_of(estimate))
    for line in told_of(estimate):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def sizes_file(environment: str) -> Path:
    """Return the file of an environment's sizes.

    Raises:
        ConfigError: there is no such environment.
    """
    from schemas.errors import ConfigError

    known = sorted(path.parent.name for path in ENVIRONMENTS.glob(f"*/{SIZES}"))
    if environment not in known:
        raise ConfigError(f"--environment {environment!r} is none of {', '.join(known)}")
    return ENVIRONMENTS / environment / SIZES


def _changed(record: Record, **changes: object) -> Record:
    import msgspec

    return msgspec.structs.replace(record, **{name: value for name, value in changes.items() if value is not None})


def _read(path: Path, option: str) -> bytes:
    from schemas.errors import ConfigError

    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{option} cannot be read: {error}") from error


def _read_text(path: Path, option: str) -> str:
    from schemas.errors import ConfigError

    try:
        return _read(path, option).decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{option} cannot be read: {error}") from error
