"""Routing and batching: each line in one record, on its shard, within the limits."""

from __future__ import annotations

import pytest

from producers.batching import (
    MAX_AGGREGATE_BYTES,
    MAX_AGGREGATE_LINES,
    MAX_CALL_BYTES,
    MAX_CALL_RECORDS,
    MAX_RECORD_BYTES,
    Batcher,
    Record,
    calls_of,
)
from producers.lines import Line, partition_key_of
from producers.routing import Router, Shard, hash_key_of
from schemas.errors import WorkFailedError
from schemas.kpl import payloads

HALF = 1 << 127
TWO_SHARDS = Router([Shard("shard-1", HALF), Shard("shard-0", 0)])


def test_a_hash_key_is_the_md5_of_the_partition_key() -> None:
    # The well-known digest of an empty text.
    assert hash_key_of("") == 0xD41D8CD98F00B204E9800998ECF8427E


def test_a_key_belongs_to_the_shard_whose_range_holds_its_hash() -> None:
    for number in range(200):
        key = f"user-{number}"
        assert TWO_SHARDS.index_of(key) == (hash_key_of(key) >= HALF)


def test_shards_that_leave_a_gap_at_the_beginning_are_refused() -> None:
    for shards in ([], [Shard("shard-1", HALF)]):
        with pytest.raises(WorkFailedError, match="do not cover"):
            Router(shards)


def test_an_aggregate_is_addressed_to_the_shard_of_its_lines() -> None:
    batcher = Batcher(TWO_SHARDS)
    for number in range(100):
        batcher.add(Line(f"user-{number}", f"user-{number}".encode()))
    low, high = batcher.drain()
    assert (low.explicit_hash_key, high.explicit_hash_key) == ("0", str(HALF))
    assert all(hash_key_of(key.decode()) < HALF for key in payloads(low.data))
    assert all(hash_key_of(key.decode()) >= HALF for key in payloads(high.data))
    assert low.lines + high.lines == 100


def test_an_aggregate_is_closed_by_size_and_by_count() -> None:
    batcher = Batcher(Router([Shard("shard-0", 0)]))
    for _ in range(200):
        batcher.add(Line("ana", b"x" * 1000))
    for _ in range(2 * MAX_AGGREGATE_LINES):
        batcher.add(Line("ana", b"x"))
    drained = batcher.drain()
    assert max(record.lines for record in drained) == MAX_AGGREGATE_LINES
    assert MAX_AGGREGATE_BYTES - 1010 < max(len(record.data) for record in drained) <= MAX_AGGREGATE_BYTES
    assert len(drained) == 6


def test_a_line_too_large_for_an_aggregate_is_a_plain_record_in_its_place() -> None:
    batcher = Batcher(Router([Shard("shard-0", 0)]))
    large = b"x" * (MAX_AGGREGATE_BYTES + 1)
    for data in (b"before", large, b"after"):
        batcher.add(Line("ana", data))
    drained = batcher.drain()
    assert [payloads(record.data) for record in drained] == [[b"before"], [large], [b"after"]]
    assert (drained[1].partition_key, drained[1].explicit_hash_key) == ("ana", None)


def test_without_aggregation_each_line_is_a_record_under_its_own_key() -> None:
    batcher = Batcher(TWO_SHARDS, aggregate=False)
    for number in range(3):
        batcher.add(Line(f"user-{number}", b"data"))
    assert len(batcher) == 3
    assert batcher.drain() == [Record(f"user-{number}", b"data", 1) for number in range(3)]
    assert len(batcher) == 0 and batcher.drain() == []


def test_it_is_full_by_records_and_by_bytes() -> None:
    by_count = Batcher(TWO_SHARDS, aggregate=False)
    for _ in range(MAX_CALL_RECORDS):
        assert not by_count.is_full
        by_count.add(Line("ana", b"x"))
    assert by_count.is_full
    by_bytes = Batcher(TWO_SHARDS, aggregate=False)
    for _ in range(4):
        by_bytes.add(Line("ana", b"x" * MAX_RECORD_BYTES))
    assert by_bytes.is_full


def test_calls_keep_the_order_and_the_limits() -> None:
    records = [Record("k", b"x" * (MAX_RECORD_BYTES - 1), 1)] * 12 + [Record("k", b"y", 1)] * 1200
    calls = list(calls_of(records))
    assert [record for call in calls for record in call] == records
    assert max(len(call) for call in calls) == MAX_CALL_RECORDS
    assert max(sum(record.size_bytes for record in call) for call in calls) <= MAX_CALL_BYTES


def test_the_partition_key_is_the_user_or_else_a_digest() -> None:
    assert partition_key_of("ana", b"data") == "ana"
    assert partition_key_of("ü" * 256, b"data") == "ü" * 256
    assert (
        partition_key_of("x" * 257, b"one") == partition_key_of("x" * 257, b"two") != partition_key_of("y" * 257, b"")
    )
    assert len(partition_key_of(None, b"one")) == 64 and partition_key_of("", b"one") != partition_key_of("", b"two")
