"""One Flink job of the stream benchmark in a process of its own, for a process has one JVM; ends with one line of JSON.

python -m bench.stream_case decode --folder /tmp/case --seconds 10
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyflink.common import Configuration
from pyflink.datastream import StreamExecutionEnvironment

from bench.stream_baselines import run_per_event, run_per_event_polled, run_sql
from bench.stream_input import FETCH_RECORDS, RECORD_EVENTS, RECORD_PURCHASES
from bench.stream_meter import Meter, Sample
from bench.stream_ours import run_decode, run_decode_crossing, run_ids, run_whole
from stream_jobs import runtime

CHECKPOINT_S = 10.0
WARM_UP_S = 5.0
EVENTS_PER_PURCHASE = RECORD_EVENTS / RECORD_PURCHASES
# A failure must show, not be mended.
_OPTIONS = {"restart-strategy.type": "none"}


@dataclass(frozen=True, slots=True)
class Case:
    """A job to measure.

    Attributes:
        start: puts it into an environment, given a folder, and starts it.
        counted: the vertex whose input is counted, one record for each purchase.
        options: Flink's, beside those of the alert job.
    """

    start: Callable[[StreamExecutionEnvironment, Path], Any]
    counted: str = "dedupe"
    options: Mapping[str, str] = field(default_factory=dict)


CASES = {
    "decode": Case(run_decode),
    "decode-crossing": Case(run_decode_crossing),
    # What it takes in is out again within a second: its lane holds no more.
    "whole": Case(run_whole, counted="publish"),
    "per-event": Case(run_per_event),
    "per-event-polled": Case(run_per_event_polled),
    "per-event-process": Case(run_per_event, options={"python.execution-mode": "process"}),
    "sql": Case(run_sql, counted="Deduplicate"),
}
BACKENDS = ("hashmap", "rocksdb")


def main() -> None:
    """Run one case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", choices=[*CASES, *BACKENDS])
    parser.add_argument("--folder", type=Path, required=True, help="for the job's files; empty or not there")
    parser.add_argument("--seconds", type=float, default=10, help="how long to measure")
    parser.add_argument(
        "--lines", type=Path, help="folder of files with one event a line, for the jobs that read files"
    )
    parser.add_argument("--line-purchases", type=int, default=0, help="how many purchases those files hold")
    parser.add_argument("--ids", type=int, default=300_000, help="how many ids the state is to hold")
    options = parser.parse_args()
    if options.case in BACKENDS:
        found = state_size(options.case, options.folder, options.ids)
    else:
        found = rate(CASES[options.case], options.folder, options.lines, options.seconds, options.line_purchases)
    sys.stdout.write(json.dumps(found) + "\n")


def rate(case: Case, folder: Path, lines: Path | None, seconds: float, line_purchases: int) -> dict[str, Any]:
    """Return the steady rate of a job, and what else is to be known of the run."""
    begun_s = time.monotonic()
    environment, rest_port = _environment(folder, CHECKPOINT_S, case.options)
    job = case.start(environment, lines or folder)
    meter = Meter(rest_port, job)
    first = meter.wait_until(case.counted, lambda sample: sample.records > 0)

    # Files end: where time would take more, their second half is measured but for its end.
    def is_over(sample: Sample, begin_s: float, seconds: float, share: float) -> bool:
        return sample.at_s >= begin_s + seconds or 0 < line_purchases * share <= sample.records

    begin = meter.wait_until(case.counted, lambda sample: is_over(sample, first.at_s, WARM_UP_S, 0.5))
    begin_cpu_s = meter.cpu_s()
    end = meter.wait_until(case.counted, lambda sample: is_over(sample, begin.at_s, seconds, 0.85))
    events = (end.records - begin.records) * EVENTS_PER_PURCHASE
    cpu_s = meter.cpu_s() - begin_cpu_s
    checkpoints = meter.checkpoints()["counts"]
    return {
        "events_per_s": events / (end.at_s - begin.at_s),
        "cpu_us_per_event": cpu_s * 1e6 / events,
        "start_s": first.at_s - begun_s,
        "checkpoints": checkpoints["completed"],
    }


def state_size(backend: str, folder: Path, ids: int) -> dict[str, Any]:
    """Return what the ids of so many purchases take of a checkpoint."""
    fetches = -(-ids // (FETCH_RECORDS * RECORD_PURCHASES))
    held = fetches * FETCH_RECORDS * RECORD_PURCHASES
    environment, rest_port = _environment(folder, 2, {"state.backend.type": backend})
    job = run_ids(environment, folder, fetches)
    meter = Meter(rest_port, job)
    meter.wait_until("dedupe", lambda sample: sample.records == held)
    full_ms = time.time() * 1000
    deadline_s = time.monotonic() + 60
    while (latest := meter.checkpoints()["latest"]["completed"]) is None or latest["trigger_timestamp"] < full_ms:
        if time.monotonic() > deadline_s:
            raise RuntimeError(f"no checkpoint in time, the latest is {latest}")
        time.sleep(0.25)
    return {
        "ids": held,
        "bytes_per_million_ids": meter.state_bytes("dedupe", latest["id"]) * 1e6 / held,
        "checkpoint_ms": latest["end_to_end_duration"],
    }


def _environment(folder: Path, checkpoint_s: float, more: Mapping[str, str]) -> tuple[StreamExecutionEnvironment, int]:
    config = runtime.FlinkConfig(
        folder=folder / "flink",
        logs=folder / "log",
        checkpoint_s=checkpoint_s,
        checkpoint_timeout_s=600,
        restart_point=None,
        rest_port=runtime.free_port(),
    )
    environment = runtime.make_environment(config)
    options = Configuration()
    for key, value in {**_OPTIONS, **more}.items():
        options.set_string(key, value)
    environment.configure(options)
    return environment, config.rest_port


if __name__ == "__main__":
    main()
