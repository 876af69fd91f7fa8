from __future__ import annotations

import gzip
import json
from base64 import b64decode

from infra.local.firehose import Arrival, Buffer, BufferHints, LakeObject
from schemas.instants import SECOND_US, parse_instant_us
from schemas.kpl import Aggregator
from schemas.lake import is_firehose_object

NOON_US = parse_instant_us("2026-11-24T12:00:00Z")
OBJECT_ID = "0b7b3f4e-5a61-4a6e-8d0e-2f0d9f3f2a11"
HINTS = BufferHints(max_bytes=1000, max_age_us=10 * SECOND_US)


def arrival(data: bytes, at_us: int = NOON_US, shard: str = "shard-0", number: int = 1) -> Arrival:
    return Arrival(data, at_us, shard, str(number))


def aggregate(*payloads: bytes) -> bytes:
    aggregator = Aggregator(max_bytes=100_000)
    for payload in payloads:
        assert aggregator.add("user", payload)
    return aggregator.drain()


def buffer_of(*arrivals: Arrival) -> Buffer:
    buffer = Buffer("clicks", HINTS, {})
    for each in arrivals:
        buffer.add(each)
    return buffer


def only_object(buffer: Buffer) -> LakeObject:
    (item,) = buffer.drain(OBJECT_ID).objects
    return item


def test_an_empty_buffer_is_never_due_and_delivers_nothing() -> None:
    buffer = buffer_of()
    assert not buffer.is_due(NOON_US)
    assert buffer.drain(OBJECT_ID).objects == ()


def test_a_buffer_is_due_at_the_age_of_its_oldest_record() -> None:
    buffer = buffer_of(arrival(b"new", NOON_US + 5 * SECOND_US), arrival(b"old", NOON_US))
    assert not buffer.is_due(NOON_US + 10 * SECOND_US - 1)
    assert buffer.is_due(NOON_US + 10 * SECOND_US)


def test_a_buffer_is_due_at_its_size_whatever_its_age() -> None:
    buffer = buffer_of(arrival(b"x" * 998))
    assert not buffer.is_due(NOON_US)
    buffer.add(arrival(b""))
    assert buffer.is_due(NOON_US)


def test_records_are_delimited_once_and_aggregates_taken_apart() -> None:
    item = only_object(buffer_of(arrival(b"a"), arrival(b"b\n"), arrival(aggregate(b"c", b"d\n"))))
    assert gzip.decompress(item.body) == b"a\nb\nc\nd\n"


def test_the_folder_and_the_name_come_from_the_arrival_of_the_oldest_record() -> None:
    item = only_object(buffer_of(arrival(b"late", NOON_US), arrival(b"early", NOON_US - SECOND_US)))
    folder = "clickstream/year=2026/month=11/day=24/hour=11/"
    assert item.key == f"{folder}clicks-1-2026-11-24-11-59-59-{OBJECT_ID}.json.gz"


def test_equal_records_give_equal_bytes() -> None:
    assert only_object(buffer_of(arrival(b"a"))) == only_object(buffer_of(arrival(b"a")))


def test_a_broken_aggregate_goes_to_the_error_prefix_with_its_bytes() -> None:
    damaged = aggregate(b"a", b"b")[:-1] + b"?"
    buffer = buffer_of(arrival(b"fine", number=1), arrival(damaged, number=2))
    delivery = buffer.drain(OBJECT_ID)
    good, bad = delivery.objects
    assert gzip.decompress(good.body) == b"fine\n"
    folder = "clickstream-errors/deaggregation-failed/year=2026/month=11/day=24/hour=12/"
    assert bad.key == f"{folder}clicks-1-2026-11-24-12-00-00-{OBJECT_ID}.json"
    assert is_firehose_object(good.key)
    assert is_firehose_object(bad.key)
    (line,) = map(json.loads, bad.body.splitlines())
    assert b64decode(line.pop("rawData")) == damaged
    assert line == {
        "errorCode": "Kpl.BrokenFrame",
        "errorMessage": "the digest does not match",
        "arrivalTimestamp": "2026-11-24T12:00:00.000000Z",
        "shardId": "shard-0",
        "sequenceNumber": "2",
    }
    assert (delivery.records, delivery.errors) == (1, 1)


def test_a_delivery_says_how_far_it_reaches_in_every_shard() -> None:
    buffer = Buffer("clicks", HINTS, {"shard-9": "90"})
    buffer.add(arrival(b"a", shard="shard-0", number=4))
    buffer.add(arrival(b"b", shard="shard-1", number=7))
    assert buffer.drain(OBJECT_ID).positions == {"shard-0": "4", "shard-1": "7", "shard-9": "90"}
