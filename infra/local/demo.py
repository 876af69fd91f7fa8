"""The whole pipeline on this machine, end to end, as a user would run it: each step is a command of the front door.

Starts the stack, the alert job and a subscriber, sends simulated events, compacts, and reconciles what the producer
says with what came out. Everything it starts it stops.
"""

from __future__ import annotations

import gzip
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from infra.local.description import connect
from infra.local.front_door import FrontDoor, RunningCommand
from infra.local.reconciliation import Found, Produced, Report, SeenAlert, reconcile
from infra.local.state import active_environment
from schemas import lake
from schemas.attestation import read_attestation
from schemas.errors import ConfigError
from schemas.settings import state_dir_of, variable_of

QUIET_S = 30
FAULTS = {"--duplicates": 0.02, "--late": 0.01, "--corrupt": 0.005}
_COUNTS = """SELECT (SELECT count(*) FROM fact_clicks) AS facts, (SELECT count(*) FROM conflicts) AS conflicts,
    (SELECT count(*) FROM attestations) AS attestations"""
_PURCHASES = "SELECT click_id FROM fact_clicks WHERE event_type = 'purchase'"
_TOP_PAGES = """SELECT page_url, count(*) AS views, count(DISTINCT user_id) AS users FROM fact_clicks
    WHERE event_type = 'page_view' AND page_url IS NOT NULL GROUP BY page_url ORDER BY views DESC, page_url LIMIT 5"""
# The simulated shop sells in one currency without a minor unit.
_HOURLY_REVENUE = """SELECT date_trunc('hour', event_timestamp) AS event_hour,
    element_at(metadata, 'currency') AS currency, count(*) AS purchases,
    sum(CAST(element_at(metadata, 'amount_minor') AS bigint)) *
        CASE WHEN element_at(metadata, 'currency') = 'JPY' THEN 1.00 ELSE 0.01 END AS revenue
    FROM fact_clicks WHERE event_type = 'purchase'
    GROUP BY date_trunc('hour', event_timestamp), element_at(metadata, 'currency') ORDER BY 1, 2"""
_QUARANTINE_COUNTS = "SELECT reason, count(*) AS n FROM quarantine GROUP BY reason"


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What a demo sends.

    Attributes:
        events: simulated events, before duplicates.
        rate: events per second; below what the emulated SNS and SQS carry, so that the latency is the pipeline's.
    """

    events: int
    seed: int
    rate: int


@dataclass(frozen=True, slots=True)
class Demo:
    """What a demo found: the verdict, and the answers that its report shows."""

    report: Report
    top_pages: list[dict[str, Any]]
    hourly_revenue: list[dict[str, Any]]


def run_demo(plan: DemoPlan, keep: bool, console: Console) -> Demo:
    """Run the pipeline once from a fresh stack.

    Raises:
        ConfigError: a stack is running here already.
        WorkFailedError: a step failed; the message holds the end of its log.
    """
    door = FrontDoor(state_dir_of(os.environ))
    if _is_live(door.state_dir):
        raise ConfigError("a local stack is running here: `clickstream down` stops it, then run the demo again")
    started = time.monotonic()
    with ExitStack() as cleanup:
        console.print("[bold]1/5[/] starting the local stack: emulated AWS and the Firehose stand-in")
        if not keep:
            cleanup.callback(door.run, "down")
        door.run("up")
        console.print("[bold]2/5[/] starting the alert job on Flink (the JVM takes its time) and a subscriber")
        with door.beside("alerts", "--max-alert-age", "off") as alerts, door.beside("watch", "--json") as watch:
            alerts.wait_until(lambda: alerts.said("running"), "running")
            watch.wait_until(lambda: watch.said("watching"), "watching")
            console.print(f"[bold]3/5[/] sending {plan.events:,} events at {plan.rate:,}/s, faults included")
            produced = _simulate(door, plan)
            door.run("flush")
            console.print("[bold]4/5[/] compacting raw objects to tables, open hours included")
            compacted = door.run_json("compact", "--include-open")
            door.run("enrich")
            _await_alerts(alerts, watch, produced.purchases)
        console.print("[bold]5/5[/] asking the tables, counting the raw bucket, comparing")
        found = _find(door, compacted, watch.objects())
        top_pages = door.query(_TOP_PAGES)
        hourly_revenue = door.query(_HOURLY_REVENUE)
    return Demo(reconcile(produced, found, time.monotonic() - started), top_pages, hourly_revenue)


def _is_live(folder: Path) -> bool:
    try:
        return active_environment(folder) is not None
    except ConfigError:
        return False  # the remains of a dead stack, which `up` cleans


def _simulate(door: FrontDoor, plan: DemoPlan) -> Produced:
    arguments = {"--events": plan.events, "--seed": plan.seed, "--rate": plan.rate}
    flags = [str(part) for pair in (arguments | FAULTS).items() for part in pair]
    summary = door.run_json("simulate", *flags)
    counted = {name: summary.get(name) for name in ("sent", "attestations")}
    return msgspec.convert(counted | summary["answer"], Produced)


def _await_alerts(alerts: RunningCommand, watch: RunningCommand, expected: int) -> None:
    """Wait until every purchase was alerted, or until none came for a while: then some are missing, which is told."""
    seen, quiet_since = 0, time.monotonic()
    while (now := len({alert["event_id"] for alert in watch.objects()})) < expected:
        alerts.require_alive()
        watch.require_alive()
        if now > seen:
            seen, quiet_since = now, time.monotonic()
        if time.monotonic() - quiet_since > QUIET_S:
            return
        time.sleep(0.2)


def _find(door: FrontDoor, compacted: dict[str, Any], received: Sequence[dict[str, Any]]) -> Found:
    [counts] = door.query(_COUNTS)
    attested = Counter(
        read_attestation(line) is not None for line in raw_lines(active_environment(door.state_dir) or {})
    )
    return Found(
        raw=attested[False],
        raw_attestations=attested[True],
        attestations=counts["attestations"],
        facts=counts["facts"],
        duplicates=sum(hour["duplicates"] for hour in compacted["hours"]),
        conflicts=counts["conflicts"],
        quarantined={row["reason"]: row["n"] for row in door.query(_QUARANTINE_COUNTS)},
        purchases=[row["click_id"] for row in door.query(_PURCHASES)],
        alerts=msgspec.convert(received, list[SeenAlert]),
    )


def raw_lines(environment: dict[str, str]) -> Iterator[bytes]:
    """Yield the lines in the raw bucket, blank ones left out, by a route of their own: no code of the compaction."""
    s3 = connect(environment).s3
    bucket = environment[variable_of("raw_bucket")]
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=lake.RAW_PREFIX):
        for item in page.get("Contents", ()):
            with gzip.open(s3.get_object(Bucket=bucket, Key=item["Key"])["Body"]) as content:
                yield from (line for line in content if line.strip())
