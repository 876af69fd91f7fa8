"""The alert job's speed beside its baselines, on the same machine in the same minutes; ends with one line of JSON.

Four parts, each of which can be run alone with `--only`:

- decode: decode, filter and dedupe of one slot; beside it the same job as PyFlink usually does it (one event a record,
  JSON parsed for each), a plain Python consumer, and Flink SQL. No emulator takes part. Every job runs in a process of
  its own, the jobs of a run one after another, so that a slow minute of the machine meets all of them.
- publish: the whole job with 3 % purchases where a call to SNS or S3 takes 20 ms.
- state: what a million remembered event ids take of a checkpoint.
- alerts: latency through the local stack, from the producer's put to the subscriber's queue.

Rates are medians of the runs, ratios medians of each run's ratio. How each is measured: `stream_input`, `stream_feed`,
`stream_baselines`, `stream_plain`, `stream_alerts`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.report import add_only, median_of, tell
from bench.stream_alerts import measure
from bench.stream_input import RECORD_EVENTS, RECORD_PURCHASES, Pool

# What a case's process tells: figures by name.
Told = dict[str, float]
PARTS = ("decode", "publish", "state", "alerts")
RATE = 1_000
# Case -> its figure. What is ours:
OURS = {"decode": "events_per_s_slot"}
# The same with every record crossing from Python to Java and back: less than what it makes behind a Java connector.
CROSSING = {"decode-crossing": "events_per_s_slot_crossing"}
WHOLE = {"whole": "publish_events_per_s_slot"}
# What stands beside `decode`; told as a rate, and as ours over it.
BASELINES = {
    "per-event": "pyflink_per_event",
    "per-event-polled": "pyflink_per_event_polled",
    "aggregated": "plain_python",
    "one-event": "plain_python_one_event",
    "sql": "flink_sql",
}
# In PyFlink's default mode, for information; in the first run only, for it takes its time to start.
ONCE = {"per-event-process": "pyflink_per_event_process_mode"}
PLAIN = ("aggregated", "one-event")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_only(parser, PARTS)
    parser.add_argument("--runs", type=int, default=3, help="runs of the parts decode and publish")
    parser.add_argument("--window", type=float, default=15, help="seconds for which a rate is measured")
    parser.add_argument("--seconds", type=float, default=300, help="seconds for which alert latency is measured")
    parser.add_argument("--lines", type=int, default=4_000_000, help="events in the file for jobs that read files")
    parser.add_argument("--ids", type=int, default=300_000, help="event ids for the size of the state")
    parser.add_argument("--quick", action="store_true", help="one short run of everything, to see whether it works")
    options = parser.parse_args()
    if options.quick:
        options.runs, options.window, options.seconds, options.lines, options.ids = 1, 5, 20, 2_000_000, 60_000
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="clickstream-bench-") as folder:
        bench = _Bench(Path(folder), options.window, Console(stderr=True))
        if "decode" in options.only:
            figures |= bench.rates({**OURS, **BASELINES, **CROSSING}, ONCE, options.runs, options.lines)
        if "publish" in options.only:
            figures |= bench.rates(WHOLE, {}, options.runs, 0)
        if "state" in options.only:
            figures |= bench.state(options.ids)
    if "alerts" in options.only:
        figures |= measure(RATE, options.seconds)
    tell("alert job", rows_of(figures), {"bench": "stream", "runs": options.runs} | figures)


class _Bench:
    def __init__(self, folder: Path, window_s: float, console: Console) -> None:
        self._folder = folder
        self._window_s = window_s
        self._console = console
        self._count = 0

    def rates(self, cases: Mapping[str, str], once: Mapping[str, str], runs: int, line_events: int) -> dict[str, Any]:
        """Return what `runs` of each case told, and a single run of some."""
        lines = self._write_lines(line_events) if line_events else []
        told: dict[str, list[Told]] = {}
        for number in range(runs):
            self._console.print(f"run {number + 1} of {runs}")
            for case in (*cases, *(() if number else once)):
                told.setdefault(case, []).append(self._rate(case, lines))
        return figures_of(told, {**cases, **once})

    def state(self, ids: int) -> dict[str, Any]:
        """Return what a million ids take with each backend."""
        found = {backend: self._run("stream_case", backend, "--ids", str(ids)) for backend in ("hashmap", "rocksdb")}
        return {
            "state_ids": found["hashmap"]["ids"],
            "state_bytes_per_million_ids": {
                backend: round(told["bytes_per_million_ids"]) for backend, told in found.items()
            },
        }

    def _rate(self, case: str, lines: Sequence[str]) -> Told:
        module, arguments = ("stream_plain", []) if case in PLAIN else ("stream_case", lines)
        told = self._run(module, case, "--seconds", str(self._window_s), *arguments)
        self._console.print(f"  {case}: {told['events_per_s']:,.0f} events/s")
        return told

    def _run(self, module: str, case: str, *arguments: str) -> Told:
        self._count += 1
        folder = self._folder / f"{self._count:03d}-{case}"
        own_folder = [] if case in PLAIN else ["--folder", str(folder)]
        command = [sys.executable, "-m", f"bench.{module}", case, *own_folder, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{case} failed:\n{done.stderr[-4_000:]}")
        told: Told = json.loads(done.stdout.splitlines()[-1])
        return told

    def _write_lines(self, events: int) -> list[str]:
        """Write the file of one event a line, and return the arguments that name it."""
        folder = self._folder / "lines"
        folder.mkdir()
        pool = Pool()
        records = -(-events // RECORD_EVENTS)
        with (folder / "events.json").open("wb") as file:
            for number in range(records):
                file.write(b"\n".join(pool.lines(number)) + b"\n")
        return ["--lines", str(folder), "--line-purchases", str(records * RECORD_PURCHASES)]


def figures_of(told: Mapping[str, Sequence[Told]], names: Mapping[str, str]) -> dict[str, Any]:
    """Return the medians of every case, and our rate over each baseline's.

    Args:
        told: case -> what its runs told; runs of the same place ran beside each other.
        names: case -> the name of its figure.
    """
    figures: dict[str, Any] = {}
    for case, runs in told.items():
        name = names[case]
        medians = median_of(runs)
        is_ours = case in (*OURS, *CROSSING, *WHOLE)
        figures[name if is_ours else f"{name}_events_per_s"] = round(medians["events_per_s"])
        if is_ours:
            figures[f"{name}_start_s"] = round(medians["start_s"], 1)
            figures[f"{name}_cpu_us_per_event"] = round(medians["cpu_us_per_event"], 2)
        else:
            pairs = zip(told["decode"], runs, strict=False)
            ratio = statistics.median(ours["events_per_s"] / theirs["events_per_s"] for ours, theirs in pairs)
            figures[f"ratio_{name}"] = round(ratio, 2)
    return figures


def rows_of(figures: Mapping[str, Any]) -> list[tuple[str, float, str, float | None]]:
    """Return the rows of the table: rates beside that of `decode`, and the latencies."""
    yardstick = figures.get(OURS["decode"])
    rates = [
        name
        for name in figures
        if name in (*OURS.values(), *CROSSING.values(), *WHOLE.values()) or name.endswith("_events_per_s")
    ]
    latencies = [name for name in figures if name.endswith("_ms") and isinstance(figures[name], float)]
    rows: list[tuple[str, float, str, float | None]] = [
        (name.removesuffix("_events_per_s"), figures[name], "events/s", yardstick and figures[name] / yardstick)
        for name in rates
    ]
    return rows + [(name.removesuffix("_ms"), figures[name], "ms", None) for name in latencies]


if __name__ == "__main__":
    main()
