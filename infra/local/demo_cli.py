"""The command `demo` and the report that it shows."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schemas.errors import ConfigError, WorkFailedError
from schemas.settings import load_settings, state_dir_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from infra.local.demo import Demo
    from infra.smoke import SmokeReport

CHART_WIDTH = 30
DEMO_EVENTS, SMOKE_EVENTS = 100_000, 1_000


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    events: Annotated[
        int | None,
        typer.Option(help="Simulated events, before duplicates.", show_default="100000, with --aws 1000"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the simulation.")] = 1,
    rate: Annotated[int, typer.Option(help="Events per second.")] = 3_000,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack running, to query the tables.")] = False,
    aws: Annotated[
        bool, typer.Option("--aws", help="Smoke test: through the deployment that the settings name, and back out.")
    ] = False,
    scheduled: Annotated[
        bool,
        typer.Option("--scheduled", help="With --aws: the deployment's schedule compacts, which takes up to an hour."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as one JSON object, last.")] = False,
) -> None:
    """Run the whole pipeline on this machine and reconcile both ends.

    Simulated shop events, with duplicates, late and corrupt ones, go through Kinesis; the Flink job alerts a real
    subscriber; Firehose's stand-in fills the raw bucket; the compaction builds the tables. Exit code 1 when the counts
    of both ends differ.

    With --aws nothing is started: marked events go through the deployment that the settings name, beside its traffic,
    in an event hour that is kept for it; each is looked for in the raw bucket, the tables, the receipts and at a
    subscriber, and the hour is rolled back.

    Example: `clickstream demo --events 20000 --seed 7 --keep`
    """
    if events is None:
        events = SMOKE_EVENTS if aws else DEMO_EVENTS
    faults = [f"--{name} is {value}, not above 0" for name, value in (("events", events), ("rate", rate)) if value < 1]
    if aws and keep:
        faults.append("--keep is for a stack of this machine, and --aws starts none")
    if scheduled and not aws:
        faults.append("--scheduled is for --aws: on this machine nothing else compacts")
    if faults:
        raise ConfigError(faults)

    # A plain SIGTERM would leave behind what the demo started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if aws:
        return _smoke(events, scheduled, as_json)

    import msgspec
    from rich.console import Console

    from infra.local.demo import DemoPlan, run_demo

    progress = Console(stderr=True)
    result = run_demo(DemoPlan(events, seed, rate), keep, progress)
    show(result, progress if as_json else Console())
    if keep:
        progress.print('the stack runs on: try `clickstream query "SELECT ..."`, then `clickstream down`')
    if as_json:
        sys.stdout.write(msgspec.json.encode(result.report).decode() + "\n")
    if not result.report.reconciled:
        raise WorkFailedError("the counts differ: " + "; ".join(result.report.differences))


def _smoke(events: int, is_scheduled: bool, as_json: bool) -> None:
    import msgspec
    from rich.console import Console

    from infra.local.front_door import FrontDoor
    from infra.local.state import active_environment
    from infra.smoke import SmokePlan, run_smoke

    load_settings(os.environ, Path.cwd())
    state_dir = state_dir_of(os.environ)
    if not os.environ.get("AWS_ENDPOINT_URL") and active_environment(state_dir):
        raise ConfigError("a local stack runs here, and its commands would talk to it: `clickstream down`, then again")
    state_dir.mkdir(parents=True, exist_ok=True)
    progress = Console(stderr=True)
    plan = SmokePlan(events, time.time_ns() // 1000, is_scheduled)
    report = run_smoke(plan, FrontDoor(state_dir, keeps_settings=True), state_dir, progress)
    if as_json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        _show_smoke(report, Console())
    if report.faults:
        raise WorkFailedError(f"the deployment does not do what it should: {'; '.join(report.faults)}")


def _show_smoke(report: SmokeReport, console: Console) -> None:
    from rich.table import Table

    table = Table(title=f"{report.sent:,} events of {report.hour}, through the deployment and back out")
    table.add_column("class")
    for name in ("expected", "got"):
        table.add_column(name, justify="right")
    for grade in report.verdict["classes"]:
        told = [f"{grade[name]:,}" for name in ("expected", "got")] if "got" in grade else ["", "not asked"]
        table.add_row(grade["name"], *told)
    table.add_row("removed facts", f"{report.sent:,}", f"{report.removed_facts:,}")
    console.print(table)
    console.print(", ".join(f"{name} {seconds:g} s" for name, seconds in report.seconds.items()))


def show(demo: Demo, console: Console) -> None:
    """Print the report for a person."""
    from rich.table import Table

    report = demo.report
    counts = Table(title="where every event went", show_header=False)
    counts.add_column()
    counts.add_column(justify="right")
    counts.add_column()
    quarantined = sum(report.quarantined.values())
    rows: list[tuple[str, int | str, str]] = [
        ("sent", report.sent, "the producer's own count"),
        ("in raw", report.raw, f"lines in S3 without attestations; redelivered {report.redelivered}"),
        ("attestations", report.attestations, "lines by which the producer attests the others"),
        ("facts", report.facts, "one row for each event id"),
        ("duplicates", report.duplicates, "said twice, kept once"),
        ("conflicts", report.conflicts, "an id of a fact with another payload"),
        ("quarantined", quarantined, ", ".join(f"{reason} {n}" for reason, n in sorted(report.quarantined.items()))),
        ("purchases", report.purchases, "in the facts"),
        ("alerts", report.alerts, f"received by an SQS subscriber; repeated {report.repeated_alerts}"),
        (
            "alert latency",
            " / ".join(f"{value:.0f}" for value in report.alert_latency_ms.values()),
            "ms p50 / p95 / p99, from the arrival in Kinesis to the subscriber",
        ),
    ]
    for name, value, meaning in rows:
        counts.add_row(name, f"{value:,}" if isinstance(value, int) else value, meaning)
    console.print(counts)
    console.print(_pages_table(demo.top_pages))
    console.print(_revenue_chart(demo.hourly_revenue))
    verdict = "[bold green]reconciled[/]" if report.reconciled else "[bold red]NOT reconciled[/]"
    console.print(f"{verdict}: sent = facts + duplicates + quarantined, purchases = alerts ({report.seconds} s)")
    for difference in report.differences:
        console.print(f"  [red]{difference}[/]")


def _pages_table(pages: list[dict[str, Any]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title="top pages")
    table.add_column("page")
    table.add_column("views", justify="right")
    table.add_column("users", justify="right")
    for page in pages:
        table.add_row(Text(page["page_url"]), f"{page['views']:,}", f"{page['users']:,}")
    return table


def _revenue_chart(rows: list[dict[str, Any]]) -> Table:
    """Return one bar an hour, of the currency with the most purchases: amounts of several do not add up."""
    from rich.table import Table

    purchases: Counter[str] = Counter()
    for row in rows:
        purchases[row["currency"]] += row["purchases"]
    currency = purchases.most_common(1)[0][0] if purchases else None
    charted = [row for row in rows if row["currency"] == currency]
    table = Table(title=f"hourly revenue in {currency or 'no currency'}, one of {len(purchases)}")
    table.add_column("hour, UTC")
    table.add_column("purchases", justify="right")
    table.add_column("revenue", justify="right")
    table.add_column("", no_wrap=True)
    largest = max((row["revenue"] or 0 for row in charted), default=0) or 1
    for row in charted:
        revenue = row["revenue"] or 0
        bar = "\N{FULL BLOCK}" * round(CHART_WIDTH * revenue / largest)
        table.add_row(row["event_hour"][:16], f"{row['purchases']:,}", f"{revenue:,.2f}", f"[cyan]{bar}[/]")
    return table
