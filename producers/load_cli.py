"""The command `load`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from producers.sending import JsonOption, KeyOption, PlainOption

_INTERRUPTED = 130


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Traffic")(load)


def load(
    profile: Annotated[str, typer.Option(metavar="PROFILE", help="The shape: steady, ramp, spike or soak.")] = "steady",
    rate: Annotated[
        float, typer.Option(help="Events a second; a ramp ends with it, a spike has it in its middle.")
    ] = 1000,
    minutes: Annotated[float, typer.Option(help="How long.")] = 5,
    processes: Annotated[int, typer.Option(min=1, max=256, help="Producer processes that share the load.")] = 1,
    users: Annotated[int, typer.Option(min=1, help="How many users the shop has.")] = 5_000,
    seed: Annotated[int, typer.Option(help="The same seed and options give the same visits.")] = 1,
    no_aggregate: PlainOption = False,
    tolerate: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the events due that may be late by more than a second.")
    ] = 0.01,
    kpus: Annotated[int, typer.Option(min=1, help="Processing units of the alert job, for the estimate.")] = 2,
    prices: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A TOML file of prices in place of the shipped ones.")
    ] = None,
    report: Annotated[
        Path,
        typer.Option(metavar="PATH", help="A folder for the report, or its file: NAME.json and NAME.html are written."),
    ] = Path("load-reports"),
    faults: Annotated[
        Path | None,
        typer.Option(metavar="PLAN", help="A plan of faults of the stream, at shares of the time; see docs/faults.md."),
    ] = None,
    answer_key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put events when a schedule says so, whatever the stream does, and judge whether it kept up.

    Example: `clickstream load --profile spike --rate 5000 --minutes 2 --processes 2`
    """
    import os

    import boto3
    import msgspec
    from rich.console import Console

    from producers.faults.plan_options import plan_of_options
    from producers.load.assessment import Setup
    from producers.load.load_run import report_files, run_load, write_report
    from producers.load.load_summary import summary_of, told_of
    from producers.load.page import page_of
    from producers.load.profiles import profile_of
    from schemas.errors import ConfigError, WorkFailedError
    from schemas.pricing.prices import read_prices, shipped_prices
    from schemas.settings import load_settings, state_dir_of

    profile_of(profile, rate, minutes * 60)
    plan = plan_of_options(faults, duplicates=0, late=0, corrupt=0)
    if not plan.is_quiet:
        raise ConfigError(
            f"{faults}: a load measures each event, so its plan has faults of the stream alone; "
            "`clickstream simulate` takes faults of events"
        )
    try:
        paid = shipped_prices() if prices is None else read_prices(prices.read_text(encoding="utf-8"), str(prices))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--prices cannot be read: {error}") from error
    target = report_files(report, profile)
    settings = load_settings(os.environ, Path.cwd())
    setup = Setup(
        profile=profile,
        rate=rate,
        minutes=minutes,
        processes=processes,
        users=users,
        seed=seed,
        aggregate=not no_aggregate,
        tolerate=tolerate,
        kpus=kpus,
        stream=settings.stream,
        started="",
    )
    console = Console(stderr=True)
    found, is_interrupted, spools = run_load(
        setup,
        paid,
        faults=plan,
        key=answer_key,
        s3=boto3.client("s3"),
        bucket=settings.curated_bucket,
        state_dir=state_dir_of(os.environ),
        console=console,
    )
    if as_json:
        print(msgspec.json.encode(summary_of(found, target)).decode(), flush=True)  # noqa: T201 - the promised last line
    else:
        for line in told_of(found):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    write_report(found, page_of(found), target)
    if not as_json:
        console.print(f"report: {target.html}", highlight=False, markup=False, soft_wrap=True)
    if not found.verdict.is_held:
        saved = f"; what could not be sent is saved in {', '.join(spools)}" if spools else ""
        raise WorkFailedError("; ".join(found.verdict.reasons) + saved)
    if is_interrupted:
        raise typer.Exit(_INTERRUPTED)
