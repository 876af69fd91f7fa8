"""CPU time an event of packing and unpacking aggregated records, beside AWS's library and the least there is to do.

Events of 350 bytes from a shop's users, about 134 an aggregate of 50,000 bytes. Ours and the others take turns, on one
core, and each figure is a median of several turns. Ends with one line of JSON.

    python -m bench.producers_kpl
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping

from bench.kpl_reference import Put, aggregates_of, data_by_protobuf, records_of
from bench.report import median_of
from bench.stream_input import ARRIVAL_US, Pool
from schemas.codec import decode
from schemas.event import ClickEvent
from schemas.kpl import DIGEST_BYTES, MAGIC, Aggregator, payloads, user_records

AGGREGATE_BYTES = 50_000
_RECORDS = 60
TURNS = 15


def aggregate_us(turns: int = TURNS) -> dict[str, float]:
    """Return µs of CPU an event for packing events, keys included, into aggregates.

    `aggregate_us` is ours, `aggregate_hash_keys_us` ours with an explicit hash key for each event,
    `aggregate_library_us` that of aws-kinesis-agg, and `aggregate_floor_us` to join the events and take their digest.
    """
    puts = events()
    keyed: list[Put] = [(key, data, str(number)) for number, (key, data, _) in enumerate(puts)]
    per_aggregate = len(puts) // len(list(our_aggregates(puts)))
    cases: dict[str, Callable[[], object]] = {
        "aggregate_us": lambda: list(our_aggregates(puts)),
        "aggregate_hash_keys_us": lambda: list(our_aggregates(keyed)),
        "aggregate_library_us": lambda: list(aggregates_of(puts, AGGREGATE_BYTES)),
        "aggregate_floor_us": lambda: list(_joined(puts, per_aggregate)),
    }
    return {**_cpu_us(cases, len(puts), turns), "events_per_aggregate": per_aggregate}


def deaggregate_us(turns: int = TURNS) -> dict[str, float]:
    """Return µs of CPU an event for unpacking events from aggregates.

    `deaggregate_us` is ours for the data alone, `deaggregate_keys_us` ours with keys and places,
    `deaggregate_library_us` that of aws-kinesis-agg, `deaggregate_protobuf_us` protobuf's own with the digest checked,
    and `deaggregate_floor_us` the digest alone.
    """
    puts = events()
    blobs = list(our_aggregates(puts))
    cases: dict[str, Callable[[], object]] = {
        "deaggregate_us": lambda: [payloads(blob) for blob in blobs],
        "deaggregate_keys_us": lambda: [user_records(blob, "outer") for blob in blobs],
        "deaggregate_library_us": lambda: list(records_of(blobs)),
        "deaggregate_protobuf_us": lambda: [_by_protobuf(blob) for blob in blobs],
        "deaggregate_floor_us": lambda: [_is_whole(blob) for blob in blobs],
    }
    return _cpu_us(cases, len(puts), turns)


def events() -> list[Put]:
    """Return the events with their users as keys, without hash keys."""
    pool = Pool(_RECORDS)
    puts: list[Put] = []
    for line in (line for number in range(_RECORDS) for line in pool.lines(number)):
        event = decode(line, ARRIVAL_US)
        if not isinstance(event, ClickEvent):
            raise TypeError(f"not an event: {event}")
        puts.append((event.user_id, line, None))
    return puts


def our_aggregates(puts: list[Put]) -> Iterator[bytes]:
    """Give the aggregates that ours makes of events."""
    aggregator = Aggregator(AGGREGATE_BYTES)
    add = aggregator.add
    for key, data, hash_key in puts:
        if not add(key, data, hash_key):
            yield aggregator.drain()
            add(key, data, hash_key)
    yield aggregator.drain()


def _joined(puts: list[Put], per_aggregate: int) -> Iterator[bytes]:
    held: list[bytes] = []
    for _, data, _ in puts:
        held.append(data)
        if len(held) == per_aggregate:
            message = b"".join(held)
            yield message + hashlib.md5(message, usedforsecurity=False).digest()
            held.clear()


def _is_whole(blob: bytes) -> bool:
    message = memoryview(blob)[len(MAGIC) : -DIGEST_BYTES]
    return hashlib.md5(message, usedforsecurity=False).digest() == blob[-DIGEST_BYTES:]


def _by_protobuf(blob: bytes) -> list[bytes]:
    if not _is_whole(blob):
        raise ValueError("a wrong digest")
    return data_by_protobuf(blob[len(MAGIC) : -DIGEST_BYTES])


def _cpu_us(cases: Mapping[str, Callable[[], object]], count: int, turns: int) -> dict[str, float]:
    """Return the median µs of CPU an event of each case; the first turn warms up and does not count."""
    taken = [{name: _once_us(case, count) for name, case in cases.items()} for _ in range(turns + 1)]
    return {name: round(value, 3) for name, value in median_of(taken[1:]).items()}


def _once_us(case: Callable[[], object], count: int) -> float:
    begun_s = time.process_time()
    case()
    return (time.process_time() - begun_s) * 1e6 / count


def main() -> None:
    """Measure both."""
    figures = {**aggregate_us(), **deaggregate_us()}
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
