"""The whole pipeline on this machine, end to end, as a user would run it: each step is a command of the front door.

Starts the stack, the alert job and a subscriber, sends simulated events, compacts, and reconciles what the producer
says with what came out. Everything it starts it stops.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from infra.local.reconciliation import Found, Produced, Report, reconcile
from infra.local.state import active_environment, state_dir_of
from schemas import lake
from schemas.errors import ConfigError, WorkFailedError

START_TIMEOUT_S = 180
ALERTS_TIMEOUT_S = 120
STOP_TIMEOUT_S = 60
_COMMAND = (sys.executable, "-m", "clickstream")
_FACT_COUNTS = """
SELECT (SELECT count(*) FROM fact_clicks) AS facts,
       (SELECT count(*) FROM conflicts) AS conflicts
"""
_PURCHASES = "SELECT click_id FROM fact_clicks WHERE event_type = 'purchase'"
_QUARANTINE_COUNTS = "SELECT reason, count(*) AS rows FROM quarantine GROUP BY reason"


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What a demo sends.

    Attributes:
        events: simulated events, before duplicates.
        rate: events per second; below what the emulated SNS and SQS carry, so that the latency is the pipeline's.
        sql_folder: where the queries of the report lie.
    """

    events: int
    seed: int
    rate: int
    sql_folder: Path


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
    folder = state_dir_of(os.environ)
    if _is_live(folder):
        raise ConfigError("a local stack is running here: `clickstream down` stops it, then run the demo again")
    started = time.monotonic()
    with ExitStack() as cleanup:
        console.print("[bold]1/5[/] starting the local stack: emulated AWS and the Firehose stand-in")
        if not keep:
            cleanup.callback(lambda: subprocess.run([*_COMMAND, "down"], stdout=subprocess.DEVNULL, check=False))
        _run("up")
        console.print("[bold]2/5[/] starting the alert job on Flink (the JVM takes its time) and a subscriber")
        logs = folder / "logs"
        alerts = cleanup.enter_context(_child("alerts", logs))
        with _child("watch", logs, "--json") as watch:
            alerts.wait_until(lambda: _alerts_running(folder), "running")
            watch.wait_until(lambda: "watching" in watch.log.read_text(), "watching")
            console.print(f"[bold]3/5[/] sending {plan.events:,} events at {plan.rate:,}/s, faults included")
            produced = _simulate(plan)
            _run("flush")
            console.print("[bold]4/5[/] compacting raw objects to tables, open hours included")
            compacted = json.loads(_run("compact", "--include-open", "--json"))
            _await_alerts(watch, produced.purchases)
        received = watch.lines()
        console.print("[bold]5/5[/] asking the tables, counting the raw bucket, comparing")
        found = _find(compacted, received, folder)
        top_pages = _query(plan.sql_folder / "top_pages.sql")
        hourly_revenue = _query(plan.sql_folder / "hourly_revenue.sql")
    return Demo(reconcile(produced, found, time.monotonic() - started), top_pages, hourly_revenue)


def _is_live(folder: Path) -> bool:
    try:
        return active_environment(folder) is not None
    except ConfigError:
        return False  # the remains of a dead stack, which `up` cleans


def _run(*arguments: str) -> str:
    """Run a command of the front door to its end and return its stdout; its progress goes to our stderr."""
    done = subprocess.run([*_COMMAND, *arguments], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise WorkFailedError(f"`clickstream {' '.join(arguments)}` failed with exit code {done.returncode}")
    return done.stdout


@dataclass(frozen=True, slots=True)
class _Child:
    """A command that runs beside us, its stdout and stderr in files."""

    name: str
    process: subprocess.Popen[bytes]
    output: Path
    log: Path

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not condition():
            if self.process.poll() is not None:
                raise WorkFailedError(f"`clickstream {self.name}` ended before it was {what}:\n{self._log_end()}")
            if time.monotonic() > deadline:
                raise WorkFailedError(f"`clickstream {self.name}` was not {what} in time:\n{self._log_end()}")
            time.sleep(0.1)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise WorkFailedError(f"`clickstream {self.name}` did not stop in time:\n{self._log_end()}") from None

    def _log_end(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


@contextmanager
def _child(name: str, folder: Path, *arguments: str) -> Iterator[_Child]:
    output, log = folder / f"demo-{name}.out", folder / f"demo-{name}.log"
    with output.open("wb") as stdout, log.open("wb") as stderr:
        process = subprocess.Popen([*_COMMAND, name, *arguments], stdout=stdout, stderr=stderr)
    child = _Child(name, process, output, log)
    try:
        yield child
    finally:
        child.stop()


def _alerts_running(folder: Path) -> bool:
    status = folder / "alerts" / "status.json"
    return status.is_file() and json.loads(status.read_bytes()).get("state") == "running"


def _simulate(plan: DemoPlan) -> Produced:
    arguments = {"--events": plan.events, "--seed": plan.seed, "--rate": plan.rate}
    faults = {"--duplicates": 0.02, "--late": 0.01, "--corrupt": 0.005}
    flags = [str(part) for pair in (arguments | faults).items() for part in pair]
    summary = json.loads(_run("simulate", *flags, "--json").splitlines()[-1])
    return msgspec.convert({"sent": summary["sent"], **summary["answer"]}, Produced)


def _await_alerts(watch: _Child, expected: int) -> None:
    """Wait until every purchase was alerted, or until none came for a while: then some are missing, which is told."""
    seen, quiet_since = 0, time.monotonic()
    while (now := len({alert["event_id"] for alert in watch.lines()})) < expected:
        if now > seen:
            seen, quiet_since = now, time.monotonic()
        if time.monotonic() - quiet_since > ALERTS_TIMEOUT_S / 4:
            return
        time.sleep(0.2)


def _find(compacted: dict[str, Any], received: Sequence[dict[str, Any]], folder: Path) -> Found:
    [counts] = _query(_FACT_COUNTS)
    return Found(
        raw=_count_raw_lines(active_environment(folder) or {}),
        facts=counts["facts"],
        duplicates=sum(hour["duplicates"] for hour in compacted["hours"]),
        conflicts=counts["conflicts"],
        quarantined={row["reason"]: row["rows"] for row in _query(_QUARANTINE_COUNTS)},
        purchases=[row["click_id"] for row in _query(_PURCHASES)],
        alerts=[alert["event_id"] for alert in received],
        latencies_ms=[alert["latency_ms"] for alert in received],
    )


def _query(sql: str | Path) -> list[dict[str, Any]]:
    arguments = ("--file", str(sql)) if isinstance(sql, Path) else (sql,)
    rows: list[dict[str, Any]] = json.loads(_run("query", "--format", "json", *arguments))
    return rows


def _count_raw_lines(environment: dict[str, str]) -> int:
    """Count the lines in the raw bucket by a route of their own: no code of the compaction."""
    import boto3

    session = boto3.Session(
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_DEFAULT_REGION"],
    )
    s3 = session.client("s3", endpoint_url=environment["AWS_ENDPOINT_URL"])
    bucket = environment["CLICKSTREAM_RAW_BUCKET"]
    lines = 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=lake.RAW_PREFIX):
        for item in page.get("Contents", ()):
            body = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"]
            with gzip.open(body) as content:
                lines += sum(1 for line in content if line.strip())
    return lines
