"""Long runs of the producers through the whole pipeline, each judged by `clickstream verify` against its answer key.

Every fault there is under many seeds, a producer that is killed again and again, and a load while shards are split and
merged. Each case ends with what it counted, or with the first run that did not come out right.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from infra.local.front_door import FrontDoor
from schemas.errors import WorkFailedError

EVERYTHING = Path(__file__).parent / "faults" / "everything.toml"
SEEDS = range(1, 11)
SEED_EVENTS = 20_000
KILLS = 10
KILLED_EVENTS = 60_000
LOAD_RATE = 1_000
LOAD_MINUTES = 1.0
_RESHARDING = """
[[split]]
at = 0.3

[[merge]]
at = 0.7
"""
_ALERTS_S = 180


def seeds(folder: Path) -> dict[str, Any]:
    """Send visits with every fault, once for each of ten seeds."""
    counted: Counter[str] = Counter()
    for seed in SEEDS:
        with judged(folder / str(seed)) as run:
            options = ("--events", str(SEED_EVENTS), "--rate", "2000", "--schema-mix", "0.2", "--processes", "2")
            run.send("simulate", *options, "--seed", str(seed), "--faults", str(EVERYTHING))
        counted.update(run.counted)
    return {"seeds": len(SEEDS), **counted}


def kills(folder: Path) -> dict[str, Any]:
    """Kill the producer at ten random moments, each time beginning where it was; then let it end."""
    random = Random(11)
    with judged(folder) as run:
        options = ("--events", str(KILLED_EVENTS), "--rate", "3000", "--resume", str(folder / "position"))
        for _ in range(KILLS):
            with run.door.beside("simulate", *options, "--answer-key", str(run.key)) as producer:
                time.sleep(random.uniform(1.2, 3.0))
                producer.kill()
        run.send("simulate", *options)
    return {"kills": KILLS, **run.counted}


def resharding(folder: Path) -> dict[str, Any]:
    """Split a shard and merge two while a load of two processes runs."""
    with judged(folder) as run:
        plan = folder / "resharding.toml"
        plan.write_text(_RESHARDING)
        options = ("--rate", str(LOAD_RATE), "--minutes", str(LOAD_MINUTES), "--processes", "2")
        run.send("load", *options, "--faults", str(plan), "--report", str(folder / "report"))
    return run.counted


class Run:
    """A run of a producer, with a stack, the alert job and a subscriber to itself.

    Attributes:
        key: where its answer key is to be.
        counted: what was judged, by class, once it has been.
    """

    def __init__(self, door: FrontDoor) -> None:
        self.door = door
        self.key = door.state_dir / "key.ndjson.gz"
        self.counted: dict[str, Any] = {}

    def send(self, command: str, *options: str) -> None:
        """Run a producer's command to its end."""
        self.door.run_json(command, *options, "--answer-key", str(self.key))

    def judge(self, alerts: Path) -> None:
        """Have what came out judged.

        Raises:
            WorkFailedError: it differs from the key.
        """
        verdict = self.door.run_json("verify", str(self.key), "--alerts", str(alerts))
        self.counted = {grade["name"]: grade["got"] for grade in verdict["classes"]}


@contextmanager
def judged(folder: Path) -> Iterator[Run]:
    """Give a run a place of its own; at the end deliver, compact, wait for its alerts, and judge."""
    door = FrontDoor(folder, is_quiet=True)
    run = Run(door)
    door.run("up")
    try:
        with door.beside("alerts") as job, door.beside("watch", "--json") as watch:
            job.wait_until(lambda: job.said("running"), "running")
            watch.wait_until(lambda: watch.said("watching"), "watching")
            yield run
            door.run("flush")
            door.run("compact", "--include-open")
            _await_alerts(run, watch.output)
        run.judge(watch.output)
    finally:
        door.run("down")


def _await_alerts(run: Run, received: Path) -> None:
    """Wait until nothing more is missing but what the end of the alert job brings, its receipts."""
    end_s = time.monotonic() + _ALERTS_S
    while True:
        try:
            run.door.run_json("verify", str(run.key), "--only", "alerts", "--alerts", str(received))
        except WorkFailedError:
            if time.monotonic() > end_s:
                raise
            time.sleep(1)
        else:
            return
