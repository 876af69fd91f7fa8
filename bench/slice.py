"""Events per second of each leg of the demo, beside yardsticks that run on the same machine in the same minutes.

The legs run one after another from a fresh stack, each as the command that a user types, its start included but for
the alert job, whose start is told apart. Yardsticks: a bare `orjson.loads` of every raw line, and a plain producer that
puts one event a record, 500 records a call.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import orjson
from rich.console import Console

from bench.report import median_of, tell
from infra.local.demo import raw_lines
from infra.local.description import Clients, connect
from infra.local.front_door import FrontDoor
from infra.local.state import active_environment

_QUESTION = """SELECT u.country, count(*) AS clicks, count(DISTINCT f.user_id) AS users
    FROM fact_clicks AS f JOIN dim_users AS u ON u.user_id = f.user_id
    GROUP BY u.country ORDER BY clicks DESC, u.country"""
CALL_RECORDS = 500


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    console = Console(stderr=True)
    runs = []
    for number in range(options.runs):
        console.print(f"run {number + 1} of {options.runs}, {options.events:,} events")
        with tempfile.TemporaryDirectory(prefix="clickstream-bench-") as folder:
            door = FrontDoor(Path(folder), is_quiet=True)
            door.run("up")
            try:
                runs.append(one_run(door, options.events, console))
            finally:
                door.run("down")
    figures = median_of(runs)
    yardstick = figures["orjson_loads_events_per_s"]
    rates = [name for name in figures if name.endswith("_events_per_s")]
    ratios = {
        f"{name.removesuffix('_events_per_s')}_ratio_orjson": round(figures[name] / yardstick, 4) for name in rates
    }
    ratios["produce_ratio_plain"] = round(figures["produce_events_per_s"] / figures["plain_put_events_per_s"], 2)
    rows: list[tuple[str, float, str, float | None]] = [
        (name.removesuffix("_per_s").replace("_", " "), figures[name], "per second", figures[name] / yardstick)
        for name in rates
    ]
    rows += [(name.replace("_", " "), figures[name], "seconds", None) for name in figures if name.endswith("_seconds")]
    tell(
        "legs of the demo",
        rows,
        {"bench": "slice", "events": options.events, "runs": options.runs}
        | {name: round(value, 3) for name, value in figures.items()}
        | ratios,
    )


def one_run(door: FrontDoor, events: int, console: Console) -> dict[str, float]:
    """Return the figures of one pass over a fresh stack."""
    environment = active_environment(door.state_dir) or {}
    clients = connect(environment)
    figures: dict[str, float] = {}

    def timed(name: str, work: Callable[[], object], count: int) -> None:
        begun_s = time.perf_counter()
        work()
        figures[f"{name}_events_per_s"] = count / (time.perf_counter() - begun_s)
        console.print(f"  {name}: {figures[f'{name}_events_per_s']:,.0f} events/s")

    produced = door.run_json("simulate", "--events", str(events))
    figures["produce_events_per_s"] = produced["events_per_s"]
    timed("deliver", lambda: door.run("flush"), produced["sent"])
    lines = [line.rstrip(b"\n") for line in raw_lines(environment)]
    timed("orjson_loads", lambda: [orjson.loads(line) for line in lines], len(lines))
    timed("compact", lambda: door.run("compact", "--all"), len(lines))
    timed("query", lambda: door.query(_QUESTION), len(lines))
    figures |= alert_figures(door, produced["sent"], produced["answer"]["purchases"])
    plain = lines[: max(1, len(lines) // 5)]
    clients.kinesis.create_stream(StreamName="plain", ShardCount=2)
    timed("plain_put", lambda: put_plain(clients, plain), len(plain))
    return figures


def alert_figures(door: FrontDoor, events: int, purchases: int) -> dict[str, float]:
    """Return how long the job takes to start, and how fast it works off the whole stream, alerts sent included."""
    begun_s = time.perf_counter()
    with door.beside("watch", "--json") as watch:
        watch.wait_until(lambda: watch.said("watching"), "watching")
        with door.beside("alerts") as alerts:
            alerts.wait_until(lambda: alerts.said("running"), "running")
            running_s = time.perf_counter()
            watch.wait_until(lambda: len(watch.objects()) >= purchases, "given every alert")
            drained_s = time.perf_counter() - running_s
    return {
        "alert_job_start_seconds": running_s - begun_s,
        "alerts_backlog_events_per_s": events / drained_s,
        "alerts_backlog_alerts_per_s": purchases / drained_s,
    }


def put_plain(clients: Clients, lines: list[bytes]) -> None:
    """Put one event a record, as a producer without aggregation does."""
    for start in range(0, len(lines), CALL_RECORDS):
        records = [
            {"Data": line, "PartitionKey": str(number)}
            for number, line in enumerate(lines[start : start + CALL_RECORDS])
        ]
        answer = clients.kinesis.put_records(StreamName="plain", Records=records)  # type: ignore[arg-type]
        if answer["FailedRecordCount"]:
            raise RuntimeError("the yardstick lost records")


if __name__ == "__main__":
    main()
