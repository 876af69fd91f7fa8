"""Lanes: when something goes, with what, and where it goes after a split or a merge."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest

from producers.batching import (
    FULL_AGGREGATE_BYTES,
    MAX_AGGREGATE_BYTES,
    MAX_AGGREGATE_LINES,
    MAX_CALL_RECORDS,
    MAX_RECORD_BYTES,
    Record,
)
from producers.lane import MAX_BUFFERED_S, Parcel
from producers.lanes import Lanes, UnsendableError
from producers.lines import Line
from producers.pacing import Backoff
from producers.results import Refused, Result, Settlement, Taken
from producers.routing import Shard, address_of
from schemas.hash_keys import MAX_HASH_KEY, hash_key_of
from schemas.kpl import MAGIC, payloads, user_records

HALF = (MAX_HASH_KEY + 1) // 2
LOW, HIGH = Shard("low", 0, HALF - 1), Shard("high", HALF, MAX_HASH_KEY)
WHOLE = Shard("whole", 0, MAX_HASH_KEY)
LOW_USER = next(user for user in map(str, range(99)) if hash_key_of(user) < HALF)
HIGH_USER = next(user for user in map(str, range(99)) if hash_key_of(user) >= HALF)
THROTTLE = Refused("slow down", is_throttle=True)


class Bench:
    def __init__(self, *shards: Shard, aggregate: bool = True, backoff: Backoff | None = None) -> None:
        self.now_s = 100.0
        self.lanes = Lanes(
            shards or (LOW, HIGH), backoff or Backoff(), lambda: self.now_s, lambda: 1.0, aggregate=aggregate
        )

    def add(self, *lines: tuple[str, bytes]) -> None:
        for user, data in lines:
            self.lanes.add(Line(user, data))

    def take(self, after_s: float = 0.0) -> list[Parcel]:
        self.now_s += after_s
        return self.lanes.take(self.now_s)

    def settle(self, call: Sequence[Parcel], result_of: Callable[[Record], Result]) -> Settlement:
        return self.lanes.settle(call, [result_of(parcel.record) for parcel in call], self.now_s)


def taken_at_home(record: Record) -> Taken:
    return Taken("low" if address_of(record.partition_key, record.explicit_hash_key) < HALF else "high")


def lines_of(call: Sequence[Parcel]) -> list[bytes]:
    return [line for parcel in call for line in payloads(parcel.record.data)]


def test_an_aggregate_is_addressed_to_the_shard_of_its_lines() -> None:
    bench = Bench()
    bench.add(*((str(number), str(number).encode()) for number in range(100)))
    low, high = sorted(bench.take(MAX_BUFFERED_S), key=lambda parcel: int(parcel.record.explicit_hash_key or 0))
    assert (low.record.explicit_hash_key, high.record.explicit_hash_key) == ("0", str(HALF))
    assert all(hash_key_of(key.decode()) < HALF for key in payloads(low.record.data))
    assert all(hash_key_of(key.decode()) >= HALF for key in payloads(high.record.data))
    assert low.record.lines + high.record.lines == 100


def test_a_line_waits_for_others_no_longer_than_the_bound() -> None:
    bench = Bench()
    assert bench.lanes.next_ready_s() == math.inf
    bench.add((LOW_USER, b"x"))
    assert bench.lanes.next_ready_s() == bench.now_s + MAX_BUFFERED_S
    assert bench.take() == []
    assert lines_of(bench.take(MAX_BUFFERED_S)) == [b"x"]


def test_a_call_takes_along_what_has_waited_for_half_of_the_bound() -> None:
    bench = Bench()
    bench.add((LOW_USER, b"first"))
    bench.now_s += MAX_BUFFERED_S / 2
    bench.add((HIGH_USER, b"second"))
    assert lines_of(bench.take(MAX_BUFFERED_S / 2)) == [b"first", b"second"]


@pytest.mark.parametrize(
    ("size", "most"), [(1000, FULL_AGGREGATE_BYTES // 1000 + 1), (1, MAX_AGGREGATE_LINES)], ids=["bytes", "count"]
)
def test_a_full_aggregate_goes_at_once(size: int, most: int) -> None:
    bench = Bench(WHOLE)
    added = 0
    while not bench.take():
        added += 1
        became_due = bench.lanes.add(Line(LOW_USER, b"x" * size))
    assert became_due and most - 3 <= added <= most


def test_what_waits_behind_a_call_grows_into_fewer_larger_records() -> None:
    bench = Bench(WHOLE)
    data = [f"{number}:".encode() + b"x" * 1000 for number in range(600)]
    bench.add(*((LOW_USER, line) for line in data[:60]))
    call = bench.take()
    bench.add(*((LOW_USER, line) for line in data[60:]))
    assert bench.take() == []
    taken = lines_of(call)
    sizes = []
    while call:
        bench.settle(call, lambda _: Taken("whole"))
        if call := bench.take(MAX_BUFFERED_S):
            sizes.append(len(call[0].record.data))
            taken += lines_of(call)
    assert taken == data
    assert len(sizes) == 3 and MAX_AGGREGATE_BYTES - 1100 < max(sizes) <= MAX_AGGREGATE_BYTES


def test_a_line_too_large_for_an_aggregate_is_a_plain_record_in_its_place() -> None:
    bench = Bench(WHOLE)
    large = b"x" * (MAX_AGGREGATE_BYTES + 1)
    bench.add((LOW_USER, b"before"), (LOW_USER, large), (LOW_USER, b"after"))
    found = []
    for _ in range(3):
        call = bench.take(MAX_BUFFERED_S)
        found += [(payloads(p.record.data), p.record.explicit_hash_key) for p in call]
        bench.settle(call, lambda _: Taken("whole"))
    assert found == [([b"before"], "0"), ([large], None), ([b"after"], "0")]


def test_what_begins_as_an_aggregate_is_a_plain_record_in_its_place() -> None:
    bench = Bench(WHOLE)
    frame = MAGIC + b"broken"
    bench.add((LOW_USER, b"before"), (LOW_USER, b"too"), (LOW_USER, frame), (LOW_USER, b"after"))
    found = []
    for _ in range(3):
        call = bench.take(MAX_BUFFERED_S)
        found += [
            (parcel.record.data if parcel.record.lines == 1 else None, parcel.record.is_aggregate) for parcel in call
        ]
        bench.settle(call, lambda _: Taken("whole"))
    assert [is_aggregate for _, is_aggregate in found] == [True, False, True]
    assert found[1][0] == frame


def test_a_line_with_an_explicit_hash_key_goes_where_that_says() -> None:
    bench = Bench()
    bench.lanes.add(Line(LOW_USER, b"x", None, str(HALF)))
    (parcel,) = bench.take(MAX_BUFFERED_S)
    assert bench.settle([parcel], taken_at_home).lines == 1
    assert address_of(parcel.record.partition_key, parcel.record.explicit_hash_key) == HALF


def test_what_no_stream_can_take_is_refused_and_counts_as_settled() -> None:
    bench = Bench()
    bench.add((LOW_USER, b"x"))
    with pytest.raises(UnsendableError, match="a record may hold"):
        bench.lanes.add(Line(LOW_USER, b"x" * MAX_RECORD_BYTES))
    bench.settle(bench.take(1.0), taken_at_home)
    assert bench.lanes.settled == bench.lanes.count == 2


def test_a_refused_record_goes_out_again_before_what_waits_behind_it() -> None:
    bench = Bench(WHOLE)
    bench.add((LOW_USER, b"first"))
    call = bench.take(1.0)
    bench.add((LOW_USER, b"second"))
    settlement = bench.settle(call, lambda _: THROTTLE)
    assert (settlement.retried, settlement.throttled, settlement.lines) == (1, 1, 0)
    assert bench.lanes.settled == 0
    for expected in (b"first", b"second"):
        call = bench.take(1.0)
        assert lines_of(call) == [expected]
        bench.settle(call, lambda _: Taken("whole"))
    assert bench.lanes.settled == 2


def test_a_shard_that_refuses_holds_up_no_other() -> None:
    bench = Bench()
    bench.add((LOW_USER, b"low"), (HIGH_USER, b"high"))
    bench.settle(bench.take(1.0), lambda record: Refused("no") if record.explicit_hash_key == "0" else Taken("high"))
    bench.add((HIGH_USER, b"more"))
    bench.lanes.hurry()
    assert lines_of(bench.take()) == [b"more"]


def test_settled_are_the_lines_before_the_first_that_is_not() -> None:
    bench = Bench()
    bench.add((LOW_USER, b"0"), (HIGH_USER, b"1"), (LOW_USER, b"2"))
    bench.settle(bench.take(1.0), lambda record: Refused("no") if record.explicit_hash_key != "0" else Taken("low"))
    assert (bench.lanes.settled, bench.lanes.held_lines) == (1, 1)


def test_without_aggregation_each_line_is_a_record_under_its_own_key() -> None:
    bench = Bench(aggregate=False)
    bench.add(*((str(number), b"data") for number in range(3)))
    assert bench.take() == []
    call = bench.take(MAX_BUFFERED_S)
    assert [parcel.record for parcel in call] == [Record(str(number), b"data", 1) for number in range(3)]


def test_plain_records_go_when_they_fill_a_call() -> None:
    bench = Bench(WHOLE, aggregate=False)
    bench.add(*((LOW_USER, b"x") for _ in range(MAX_CALL_RECORDS + 20)))
    assert len(bench.take()) == MAX_CALL_RECORDS


def test_tries_and_patience_are_bounded_and_a_failed_call_is_told_from_a_failed_record() -> None:
    bench = Bench(backoff=Backoff(tries=2, throttled_s=5.0))
    bench.add((LOW_USER, b"low"), (HIGH_USER, b"high"))
    failed = Refused("no", is_whole_call=True)
    bench.settle(bench.take(1.0), lambda _: failed)
    settlement = bench.settle(bench.take(9.0), lambda r: failed if r.explicit_hash_key == "0" else Refused("no"))
    assert [record.lines for record, _ in settlement.given_up] == [1, 1]
    assert settlement.failure == "no"
    bench.add((LOW_USER, b"low"))
    waited_s = 0.0
    while not settlement.given_up or settlement.failure:
        settlement = bench.settle(bench.take(1.0), lambda _: THROTTLE)
        waited_s += 1
    assert 5 <= waited_s <= 7


def split_low() -> tuple[Shard, ...]:
    middle = HALF // 2
    closed = Shard("low", 0, HALF - 1, is_open=False)
    return closed, Shard("low-low", 0, middle - 1), Shard("low-high", middle, HALF - 1), HIGH


def users_of(start: int, end: int, count: int) -> list[str]:
    return [user for user in map(str, range(999)) if start <= hash_key_of(user) <= end][:count]


def test_after_a_split_a_record_with_lines_of_both_halves_is_put_again_before_all_else() -> None:
    bench = Bench()
    middle = HALF // 2
    stay, move = users_of(0, middle - 1, 3), users_of(middle, HALF - 1, 3)
    bench.add(*((user, f"{user} first".encode()) for user in (*stay, *move)))
    call = bench.take(1.0)
    bench.add(*((user, f"{user} second".encode()) for user in (*stay, *move)))
    settlement = bench.settle(call, lambda _: Taken("low-low"))
    assert settlement.lines == 0
    assert bench.lanes.is_remap_due and bench.lanes.next_ready_s() == math.inf and bench.take(1.0) == []
    assert bench.lanes.settled == 0
    settlement = bench.lanes.remap(split_low())
    assert (settlement.lines, settlement.records, settlement.remapped) == (0, 1, 6)
    found = {p.record.explicit_hash_key: payloads(p.record.data) for p in bench.take()}
    for users, first_hash_key in ((stay, 0), (move, middle)):
        assert found[str(first_hash_key)] == [f"{user} {nth}".encode() for nth in ("first", "second") for user in users]


def test_no_call_begins_while_one_is_under_way_after_a_split() -> None:
    bench = Bench()
    bench.add((LOW_USER, b"low"))
    low = bench.take(1.0)
    bench.add((HIGH_USER, b"high"))
    high = bench.take(1.0)
    bench.settle(low, lambda _: Taken("low-low"))
    bench.add((LOW_USER, b"low again"))
    assert bench.take(1.0) == [] and bench.lanes.in_flight == 1
    bench.settle(high, lambda _: THROTTLE)
    bench.lanes.remap(split_low())
    assert bench.lanes.in_flight == 0
    assert b"high" in lines_of(bench.take(1.0))


def test_after_a_merge_nothing_is_put_again_and_what_waits_goes_to_the_merged_shard() -> None:
    bench = Bench()
    bench.add((LOW_USER, b"low"), (HIGH_USER, b"high"))
    call = bench.take(1.0)
    bench.add((HIGH_USER, b"high again"), (LOW_USER, b"low again"))
    bench.settle(call, lambda _: Taken("whole"))
    settlement = bench.lanes.remap([WHOLE])
    assert (settlement.lines, settlement.remapped) == (2, 0)
    (parcel,) = bench.take(1.0)
    assert payloads(parcel.record.data) == [b"high again", b"low again"]


def test_a_plain_record_is_at_home_wherever_it_lands() -> None:
    bench = Bench(aggregate=False)
    bench.add((LOW_USER, b"low"))
    bench.settle(bench.take(1.0), lambda _: Taken("low-high"))
    settlement = bench.lanes.remap(split_low())
    assert (settlement.lines, settlement.remapped, bench.lanes.settled) == (1, 0, 1)


def test_an_attestation_stands_behind_the_lines_before_it_and_is_none() -> None:
    bench = Bench(WHOLE)
    bench.add((LOW_USER, b"line"))
    bench.lanes.add_attestation("producer", b"attestation")
    bench.add((LOW_USER, b"behind"))
    assert (bench.lanes.count, bench.lanes.attestations) == (2, 1)
    found = []
    while call := bench.take(1.0):
        found += [(lines_of([parcel]), parcel.record.lines) for parcel in call]
        settlement = bench.settle(call, lambda _: Taken("whole"))
        if settlement.attestations:
            assert bench.lanes.attestations == 0 and settlement.lines == 0
    assert found == [([b"line"], 1), ([b"attestation"], 0), ([b"behind"], 1)]


def test_an_attestation_that_is_not_settled_holds_the_settled_lines_at_its_place() -> None:
    bench = Bench()
    bench.add((LOW_USER, b"line"))
    bench.lanes.add_attestation(HIGH_USER, b"attestation")
    bench.add((LOW_USER, b"behind"))
    bench.settle(bench.take(1.0), lambda record: Taken("low") if record.lines else THROTTLE)
    assert bench.lanes.settled == 1
    bench.lanes.remap([LOW, HIGH])
    bench.settle(bench.take(9.0), taken_at_home)
    assert bench.lanes.settled == 2


def test_drained_are_all_records_in_the_order_of_put() -> None:
    bench = Bench()
    bench.add((LOW_USER, b"0"))
    bench.take(1.0)
    bench.add((HIGH_USER, b"1"), (LOW_USER, b"2"))
    drained = bench.lanes.drain()
    assert [user.data for record in drained for user in user_records(record.data, "")] == [b"0", b"1", b"2"]
    assert (bench.lanes.settled, bench.lanes.in_flight, bench.lanes.held_bytes) == (3, 0, 0)
    assert bench.lanes.next_ready_s() == math.inf
