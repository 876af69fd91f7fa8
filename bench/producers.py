"""What the producers cost and how fast they are, beside a plain boto3 producer on the same machine in the same minutes.

Each leg of the stream has a stack of its own, since the emulator slows down with what it holds, and runs on the cores
that the emulator uses too. Parts: `kpl` (packing and unpacking records), `cpu` (an event made, and put), `rate` (into
the local stack, beside the plain producer), `replay` (a recording into the local stack), `memory` (over many events).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from bench.producers_kpl import aggregate_us, deaggregate_us
from bench.report import add_only, median_of, tell
from infra.local.front_door import FrontDoor
from infra.local.state import active_environment

PARTS = ("kpl", "cpu", "rate", "replay", "memory")
_PROCESSES = 2
_FEW, _MANY = 1_000_000, 10_000_000


def main() -> None:
    """Run the parts that are asked for, and tell their figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3)
    add_only(parser, PARTS)
    options = parser.parse_args()
    console = Console(stderr=True)
    figures: dict[str, float] = {}
    if "kpl" in options.only:
        console.print("kpl: packing and unpacking")
        figures |= aggregate_us() | deaggregate_us()
    measured: dict[str, Callable[[int], dict[str, float]]] = {"cpu": cpu, "rate": rate, "replay": replay}
    for part in [part for part in measured if part in options.only]:
        runs = []
        for number in range(options.runs):
            runs.append(measured[part](options.events))
            console.print(f"{part}, run {number + 1} of {options.runs}: {runs[-1]}")
        figures |= median_of(runs)
    if "rate" in options.only:
        figures["ratio_plain"] = figures["events_per_s"] / figures["plain_events_per_s"]
    if "memory" in options.only:
        console.print(f"memory: {_FEW:,} and {_MANY:,} events")
        figures |= memory()
    figures = {name: round(value, 3) for name, value in figures.items()}
    rows: list[tuple[str, float, str, float | None]] = [
        (name.replace("_", " "), value, "", figures["ratio_plain"] if name == "events_per_s" else None)
        for name, value in figures.items()
        if not name.endswith("_us")
    ]
    tell("producers", rows, {"bench": "producers", "events": options.events, "runs": options.runs} | figures)


def cpu(events: int) -> dict[str, float]:
    """Return µs of CPU an event: made, routed and aggregated; and with the put."""
    made = _process("make", events, dict(os.environ))
    with _stack() as (_, environment):
        put = _process("put", events, environment)
    return {"make_cpu_us_per_event": made["cpu_us_per_event"], "cpu_us_per_event": put["cpu_us_per_event"]}


def rate(events: int) -> dict[str, float]:
    """Return events a second of the command with a process for each core, with one alone, and of the plain producer."""
    with _stack() as (door, _):
        several = door.run_json("simulate", "--events", str(events), "--processes", str(_PROCESSES))
    with _stack() as (door, _):
        one = door.run_json("simulate", "--events", str(events))
    with _stack() as (_, environment):
        plain = _process("plain", events, environment)
    return {
        "events_per_s": several["events_per_s"],
        "one_process_events_per_s": one["events_per_s"],
        "plain_events_per_s": plain["events_per_s"],
    }


def replay(events: int) -> dict[str, float]:
    """Return events a second of a recording that is sent as fast as can be."""
    with _stack() as (door, _):
        recording = str(door.state_dir / "recording.ndjson")
        door.run("simulate", "--events", str(events), "--out", recording)
        replayed = door.run_json("replay", recording)
    return {"replay_events_per_s": replayed["events_per_s"]}


def memory() -> dict[str, float]:
    """Return the peak of a process that makes events, and how it grows."""
    few, many = (_process("make", events, dict(os.environ))["peak_rss_mib"] for events in (_FEW, _MANY))
    return {"peak_rss_mib_1m": few, "peak_rss_mib_10m": many}


@contextmanager
def _stack() -> Iterator[tuple[FrontDoor, dict[str, str]]]:
    with tempfile.TemporaryDirectory(prefix="clickstream-bench-") as folder:
        door = FrontDoor(Path(folder), is_quiet=True)
        door.run("up")
        try:
            yield door, os.environ | (active_environment(door.state_dir) or {})
        finally:
            door.run("down")


def _process(step: str, events: int, environment: dict[str, str]) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.producers_process", step, "--events", str(events)],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    told: dict[str, float] = json.loads(done.stdout)
    return told


if __name__ == "__main__":
    main()
