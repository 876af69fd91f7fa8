"""One process of the producers' benchmark: simulated events on their way, and the CPU time that each step takes.

It says what it took as one line of JSON, its start not counted:

- `make`: events are generated, stamped, encoded, routed and aggregated; what takes the records lets them go.
- `put`: the same into the stream of the `CLICKSTREAM_*` and `AWS_*` variables.
- `plain`: the same events as boto3 alone puts them, one event a record, 500 records a call.

    python -m bench.producers_process make --events 200000
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import boto3

from producers.batching import Record
from producers.lanes import Lanes
from producers.opening import open_producer
from producers.pacing import Backoff
from producers.producer import Producer
from producers.results import Result, Taken
from producers.routing import Shard, address_of
from producers.shop.simulation import simulate
from producers.shop.visitors import Visitors
from producers.stamping import Stamper
from schemas.codec import encode
from schemas.event import ClickEvent
from schemas.instants import HOUR_US
from schemas.settings import load_settings

USERS = 5_000
SHARDS = 4
CALL_RECORDS = 500
_HASH_KEYS = 1 << 128
_END_US = 1_795_000_000_000_000


class _Nowhere:
    """Keeps nothing: a producer that spools here has lost what the benchmark counts."""

    def save(self, unsent: Sequence[tuple[Record, str]]) -> None:
        raise RuntimeError(f"not sent: {unsent[0][1]}")

    def close(self) -> None:
        pass


def main() -> None:
    """Send, and say what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("--events", type=int, required=True)
    options = parser.parse_args()
    # The first events fill the tables that the rest finds filled.
    events = simulate(Visitors(options.events, USERS, _END_US, 24 * HOUR_US), 1)
    cpu_s, wall_s = STEPS[options.step](events)
    told = {
        "events": options.events,
        "cpu_s": cpu_s,
        "wall_s": wall_s,
        "cpu_us_per_event": cpu_s * 1e6 / options.events,
        "events_per_s": options.events / wall_s,
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    sys.stdout.write(json.dumps(told) + "\n")


def make(events: Iterator[ClickEvent]) -> tuple[float, float]:
    """Let records go where nobody takes them, each acknowledged at once."""
    bounds = [_HASH_KEYS * number // SHARDS for number in range(SHARDS + 1)]
    shards = [
        Shard(f"shard-{number}", bounds[number], bounds[number + 1] - 1, is_open=True) for number in range(SHARDS)
    ]

    def shard_of(record: Record) -> Taken:
        hash_key = address_of(record.partition_key, record.explicit_hash_key)
        return Taken(f"shard-{hash_key * SHARDS // _HASH_KEYS}")

    def put(records: Sequence[Record]) -> list[Result]:
        return [shard_of(record) for record in records]

    backoff = Backoff()
    producer = Producer(
        Lanes(shards, backoff, time.monotonic, random.random),
        put,
        lambda: shards,
        _Nowhere(),
        Stamper("bench"),
        backoff=backoff,
        clock=time.monotonic,
        wall_us=lambda: time.time_ns() // 1000,
        uniform=random.random,
    )
    return _send(producer, events)


def put(events: Iterator[ClickEvent]) -> tuple[float, float]:
    """Put events as an application does that embeds the producer."""
    return _send(open_producer(load_settings(os.environ, Path.cwd()).stream), events)


def _send(producer: Producer, events: Iterator[ClickEvent]) -> tuple[float, float]:
    begun = _now()
    with producer:
        for event in events:
            producer.put(event)
    if producer.tally.failed:
        raise RuntimeError(f"not sent: {producer.tally.first_failure}")
    return _since(begun)


def plain(events: Iterator[ClickEvent]) -> tuple[float, float]:
    """Put events without any of our code but what makes them."""
    stream = load_settings(os.environ, Path.cwd()).stream
    client = boto3.client("kinesis")
    begun = _now()
    while batch := list(islice(events, CALL_RECORDS)):
        records = [{"Data": encode(event), "PartitionKey": event.user_id} for event in batch]
        answer = client.put_records(StreamName=stream, Records=records)  # type: ignore[arg-type]
        if answer["FailedRecordCount"]:
            raise RuntimeError("the baseline lost records")
    return _since(begun)


def _now() -> tuple[float, float]:
    return time.process_time(), time.perf_counter()


def _since(begun: tuple[float, float]) -> tuple[float, float]:
    cpu_s, wall_s = _now()
    return cpu_s - begun[0], wall_s - begun[1]


STEPS: dict[str, Callable[[Iterator[ClickEvent]], tuple[float, float]]] = {"make": make, "put": put, "plain": plain}

if __name__ == "__main__":
    main()
