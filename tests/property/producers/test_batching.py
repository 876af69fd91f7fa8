"""Batching conserves: every line is in exactly one record of one call, in order within its shard."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from producers.batching import MAX_CALL_BYTES, MAX_CALL_RECORDS, Batcher, Record, calls_of
from producers.lines import Line
from producers.routing import Router, Shard, hash_key_of
from schemas.kpl import user_records

users = st.sampled_from([f"user-{number}" for number in range(12)])
sizes = st.one_of(st.integers(0, 400), st.sampled_from([50_000, 60_000]))
starts = st.sets(st.integers(1, 2**128 - 1), max_size=4)


@given(st.lists(st.tuples(users, sizes, st.booleans()), max_size=60), starts, st.booleans())
def test_every_line_is_in_one_record_on_its_shard_in_order(
    put: list[tuple[str, int, bool]], inner_starts: set[int], aggregate: bool
) -> None:
    router = Router([Shard(str(start), start) for start in {0, *inner_starts}])
    batcher = Batcher(router, aggregate=aggregate)
    records: list[Record] = []
    expected: dict[int, list[tuple[str, bytes]]] = defaultdict(list)
    for count, (user, size, drains) in enumerate(put):
        line = Line(user, f"{count}:".encode() + b"x" * size)
        expected[router.index_of(user)].append((user, line.data))
        batcher.add(line)
        if drains:
            records += batcher.drain()
    records += batcher.drain()
    assert sum(record.lines for record in records) == len(put)
    found: dict[int, list[tuple[str, bytes]]] = defaultdict(list)
    for record in records:
        hash_key = int(record.explicit_hash_key or hash_key_of(record.partition_key))
        owner = max(index for index, shard in enumerate(router.shards) if shard.start <= hash_key)
        found[owner] += [(user.partition_key, user.data) for user in user_records(record.data, record.partition_key)]
    assert found == expected


@given(st.lists(st.integers(0, 1_048_000), max_size=1200))
def test_calls_conserve_records_within_the_limits(record_sizes: list[int]) -> None:
    blank = bytes(1_048_000)
    records = [Record("k", blank[:size], 1) for size in record_sizes]
    calls = list(calls_of(records))
    assert [record for call in calls for record in call] == records
    for call in calls:
        assert 1 <= len(call) <= MAX_CALL_RECORDS
        assert sum(record.size_bytes for record in call) <= MAX_CALL_BYTES
