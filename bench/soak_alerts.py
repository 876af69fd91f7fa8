"""Long runs of the alert job under what production does to it: kills, failing services, an outage, steady traffic.

Each case starts a stack of its own, drives the real commands, listens as a real subscriber does, and ends with what it
counted, or with the first promise that was broken.
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from bench.soak_arena import DRAIN_S, arena, wait
from bench.soak_clock import shifting_clock
from bench.soak_traffic import Traffic
from infra.local.front_door import FrontDoor, RunningCommand
from schemas.errors import WorkFailedError

KILLS = 20
KILLED_EVENTS = 20_000
FAULTY_SECONDS = 180
OUTAGE_SECONDS = 300
STEADY_SECONDS = 600
STEADY_RATE = 1_000
CLOCK_SHIFTS_S = (-600, 7_200, -10_800, 30, -30, 0)


def kills(folder: Path) -> dict[str, Any]:
    """Kill the job and its JVM twenty times at random while events come in."""
    random = Random(7)
    with arena(folder) as place:
        traffic = Traffic(place.kinesis(), KILLED_EVENTS, per_s=75, purchases=0.15)
        with traffic.running():
            for _ in range(KILLS):
                with place.door.beside("alerts", "--checkpoint-seconds", "1") as job:
                    time.sleep(random.uniform(2, 16))
                    job.kill()
            with place.door.beside("alerts", "--checkpoint-seconds", "1"):
                traffic.wait()
                place.await_alerts(traffic.sold)
        return {"kills": KILLS, "events": traffic.sent} | place.verdict(traffic.sold)


def faults(folder: Path) -> dict[str, Any]:
    """Have every service fail in every way, the stream resharded twice, and broken bytes in one record of a hundred."""
    with arena(folder) as place, place.door.beside("alerts", "--checkpoint-seconds", "2") as job:
        job.wait_until(lambda: job.said("running"), "running")
        traffic = Traffic(place.kinesis(), FAULTY_SECONDS * 300, per_s=300, purchases=0.1, broken=0.01)
        plan: list[dict[str, Any]] = [
            {"sns.PublishBatch": {"error": "Throttling", "times": 50}},
            {"sns.PublishBatch": {"error": "InternalError", "times": 20}},
            {"sns.PublishBatch": {"error": "InternalError", "applied": True, "times": 5}},
            {"sns.PublishBatch": {"ratio": 0.5, "times": 60}},
            {"sns.PublishBatch": {"delay_s": 35, "times": 2}},
            {"s3.PutObject": {"error": "ServiceUnavailable", "status": 503, "times": 40}},
            {"sqs.SendMessageBatch": {"error": "InternalError", "times": 3}},
            {"sqs.SendMessageBatch": {"ratio": 0.5, "times": 10}},
            {"kinesis.GetRecords": {"error": "ProvisionedThroughputExceededException", "times": 60}},
            {"kinesis.GetRecords": {"error": "InternalFailure", "times": 20}},
            {
                "kinesis.GetRecords": {"error": "ExpiredIteratorException", "status": 400, "times": 5},
                "kinesis.GetShardIterator": {"error": "InternalFailure", "times": 5},
            },
            {"kinesis.ListShards": {"error": "LimitExceededException", "times": 5}},
        ]
        with traffic.running():
            for number, fault in enumerate(plan):
                with place.failing(fault):
                    if number == 3:
                        place.split()
                    if number == 7:
                        place.merge()
                    time.sleep(FAULTY_SECONDS / len(plan))
            traffic.put(traffic.odd_events())
            traffic.wait()
            place.await_alerts(traffic.sold)
        job.require_alive()
        place.await_letters(traffic.broken_records)
        # The job tells its counters once a second.
        wait(lambda: place.status()["counters"]["too_old"] == 1, DRAIN_S, lambda: "the old purchase was not counted")
        told = place.status()
        if told["restarts"]:
            raise WorkFailedError(f"a fault that can be waited out restarted the job: {told['last_failure']}")
        found = {"events": traffic.sent, "broken_records": traffic.broken_records, "counters": told["counters"]}
        return found | place.verdict(traffic.sold)


def outage(folder: Path) -> dict[str, Any]:
    """Have the topic refuse everything for five minutes while events come in."""
    with arena(folder) as place, place.door.beside("alerts") as job:
        job.wait_until(lambda: job.said("running"), "running")
        traffic = Traffic(place.kinesis(), (OUTAGE_SECONDS + 60) * 300, per_s=300, purchases=0.1)
        with traffic.running():
            time.sleep(10)
            with place.failing({"sns.PublishBatch": {"error": "Throttling", "times": 10**6}}):
                time.sleep(OUTAGE_SECONDS)
                held_back = place.status()["behind_ms"]
            begun_s = time.monotonic()
            traffic.wait()
            place.await_alerts(traffic.sold)
        job.require_alive()
        found = place.verdict(traffic.sold)
        if found["repeated"] or place.status()["restarts"]:
            raise WorkFailedError("a topic that took nothing was called a topic that may have taken something")
        return {"behind_ms_at_the_end": held_back, "drained_s": round(time.monotonic() - begun_s, 1)} | found


def clock_jumps(folder: Path) -> dict[str, Any]:
    """Set the job's clock back and forth, by minutes and hours, while events come in."""
    variables, shift = shifting_clock(folder)
    with arena(folder, variables) as place, place.door.beside("alerts", "--checkpoint-seconds", "2") as job:
        job.wait_until(lambda: job.said("running"), "running")
        traffic = Traffic(place.kinesis(), 60_000, per_s=300, purchases=0.1)
        seen = []
        with traffic.running():
            for seconds in CLOCK_SHIFTS_S:
                shift(seconds)
                before = len(place.message_ids)
                time.sleep(20)
                seen.append(len(place.message_ids) - before)
                if not seen[-1]:
                    raise WorkFailedError(f"with the clock {seconds} s off no alert came for 20 s")
            traffic.wait()
            place.await_alerts(traffic.sold)
        job.require_alive()
        told = place.status()
        if told["restarts"]:
            raise WorkFailedError(f"a clock that jumps restarted the job: {told['last_failure']}")
        return {"alerts_in_20_s": dict(zip(map(str, CLOCK_SHIFTS_S), seen, strict=True))} | place.verdict(traffic.sold)


def steady(folder: Path) -> dict[str, Any]:
    """Run alerts and watch beside `simulate --rate 1000` for ten minutes: flat memory, flat latency, equal counts."""
    door = FrontDoor(folder, is_quiet=True)
    door.run("up")
    samples: dict[str, list[float]] = defaultdict(list)
    with ExitStack() as cleanup:
        cleanup.callback(door.run, "down")
        job = cleanup.enter_context(door.beside("alerts"))
        watch = cleanup.enter_context(door.beside("watch", "--json"))
        job.wait_until(lambda: job.said("running"), "running")
        watch.wait_until(lambda: watch.said("watching"), "watching")
        events, rate = str(STEADY_SECONDS * STEADY_RATE), str(STEADY_RATE)
        shop = cleanup.enter_context(door.beside("simulate", "--events", events, "--rate", rate, "--json"))
        while shop.process.poll() is None:
            for name, command in (("alerts", job), ("watch", watch)):
                command.require_alive()
                samples[name].append(resident_mib(command))
            time.sleep(5)
        sold = shop.objects()[-1]["answer"]["purchases"]
        watch.wait_until(lambda: len({alert["event_id"] for alert in watch.objects()}) >= sold, "given every alert")
        alerts = watch.objects()
    latencies = [alert["latency_ms"] for alert in alerts]
    minute = max(1, len(latencies) * 60 // STEADY_SECONDS)
    found = {
        "purchases": sold,
        "alerts": len(alerts),
        "distinct": len({alert["event_id"] for alert in alerts}),
        "p50_ms_first_and_last_minute": [
            round(median(latencies[:minute]), 1),
            round(median(latencies[-minute:]), 1),
        ],
        "p99_ms": round(sorted(latencies)[len(latencies) * 99 // 100], 1),
        "resident_mib": {
            name: {"after_a_minute": of_one[12], "half": of_one[len(of_one) // 2], "end": of_one[-1]}
            for name, of_one in samples.items()
        },
    }
    first, last = found["p50_ms_first_and_last_minute"]
    grown = [name for name, of_one in samples.items() if of_one[-1] > 1.15 * of_one[len(of_one) // 2]]
    if not sold == len(alerts) == found["distinct"] or last > 2 * first or grown:
        raise WorkFailedError(f"not steady: {json.dumps(found)}")
    return found


def resident_mib(command: RunningCommand) -> float:
    """Return the memory of a command and all that it started."""
    pages = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        # Source: proc(5), fields 6 (session) and 24 (resident pages), counted from after the name.
        if int(fields[3]) == command.process.pid:
            pages += int(fields[21])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)
