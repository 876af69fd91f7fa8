"""Whatever a stream answers, every line ends once, and the lines of a user first arrive in the order of their put."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from producers.batching import MAX_CALL_BYTES, MAX_CALL_RECORDS, Record
from producers.lane import MAX_BUFFERED_S, Parcel
from producers.lanes import Lanes
from producers.lines import Line
from producers.pacing import Backoff
from producers.results import Refused, Result, Taken
from producers.routing import Shard, address_of
from schemas.hash_keys import MAX_HASH_KEY
from schemas.kpl import foreign_records, user_records

THROTTLE = Refused("throttled", is_throttle=True)
FAILURE = Refused("failed")
CALL_FAILURE = Refused("no answer", is_whole_call=True)
USERS = [f"user-{number}" for number in range(8)]


@dataclass
class Stream:
    """A stream that takes records where their hash key says, and is read as a KCL consumer reads it.

    Attributes:
        shards: all, closed ones too.
        read: the lines in the order in which they came, without records that hold a line of another shard.
    """

    shards: list[Shard] = field(
        default_factory=lambda: [
            Shard("shard-0", 0, (MAX_HASH_KEY + 1) // 2 - 1),
            Shard("shard-1", (MAX_HASH_KEY + 1) // 2, MAX_HASH_KEY),
        ]
    )
    read: list[tuple[str, bytes]] = field(default_factory=list)

    def take(self, record: Record) -> Taken:
        hash_key = address_of(record.partition_key, record.explicit_hash_key)
        shard = next(shard for shard in self.shards if shard.is_open and shard.owns(hash_key))
        users = user_records(record.data, record.partition_key)
        if not foreign_records(users, shard.start, shard.end):
            self.read += [(user.partition_key, user.data) for user in users]
        return Taken(shard.shard_id)

    def reshard(self, choice: int) -> None:
        """Split a shard in two, or merge two neighbours."""
        live = sorted((shard for shard in self.shards if shard.is_open), key=lambda shard: shard.start)
        place = choice % len(live)
        if choice % 2 and place + 1 < len(live):
            old, bounds = live[place : place + 2], [(live[place].start, live[place + 1].end)]
        else:
            only = live[place]
            middle = (only.start + only.end) // 2
            old, bounds = [only], [(only.start, middle), (middle + 1, only.end)]
        closed = [Shard(shard.shard_id, shard.start, shard.end, is_open=False) for shard in old]
        kept = [shard for shard in self.shards if shard not in old]
        made = [Shard(f"shard-{len(self.shards) + number}", *bound) for number, bound in enumerate(bounds)]
        self.shards = kept + closed + made


class Run:
    def __init__(self, *, aggregate: bool, backoff: Backoff) -> None:
        self.now_s = 1000.0
        self.stream = Stream()
        self.lanes = Lanes(self.stream.shards, backoff, lambda: self.now_s, lambda: 0.5, aggregate=aggregate)
        self.put: list[tuple[str, bytes]] = []
        self.given_up: list[tuple[str, bytes]] = []
        self.flying: list[list[Parcel]] = []
        self.sent = self.failed = 0
        self.has_failed = False

    def add(self, user: str, size: int) -> None:
        line = Line(user, f"{len(self.put)}:".encode() + b"x" * size)
        self.put.append((user, line.data))
        self.lanes.add(line)

    def call(self) -> None:
        if self.lanes.is_remap_due and not self.flying:
            self.sent += self.lanes.remap(self.stream.shards).lines
        call = self.lanes.take(self.now_s)
        if call:
            assert not self.lanes.is_remap_due
            assert len(call) <= MAX_CALL_RECORDS
            assert sum(parcel.record.size_bytes for parcel in call) <= MAX_CALL_BYTES
            self.flying.append(call)

    def answer(self, choice: int, verdicts: list[int]) -> None:
        if not self.flying:
            return
        call = self.flying.pop(choice % len(self.flying))
        results: list[Result] = []
        if verdicts[0] == 4:
            results = [CALL_FAILURE] * len(call)
        elif verdicts[0] == 5:
            for parcel in call:
                self.stream.take(parcel.record)
            results = [CALL_FAILURE] * len(call)
        else:
            for number, parcel in enumerate(call):
                verdict = verdicts[number % len(verdicts)]
                results.append({1: THROTTLE, 2: FAILURE}.get(verdict) or self.stream.take(parcel.record))
        settlement = self.lanes.settle(call, results, self.now_s)
        self.sent += settlement.lines
        for record, _ in settlement.given_up:
            self.failed += record.lines
            users = user_records(record.data, record.partition_key)
            self.given_up += [(user.partition_key, user.data) for user in users]
        self.has_failed |= bool(settlement.failure)

    def finish(self) -> None:
        self.lanes.hurry()
        for _ in range(10_000):
            while self.flying:
                self.answer(0, [0])
            if self.lanes.settled == len(self.put):
                return
            self.call()
            if not self.flying and (ready_s := self.lanes.next_ready_s()) < math.inf:
                self.now_s = max(self.now_s, ready_s)
        raise AssertionError("it does not end")

    def check(self) -> None:
        ended = set(self.stream.read) | set(self.given_up)
        assert set(self.put[: self.lanes.settled]) <= ended


steps = st.one_of(
    st.tuples(
        st.just("add"), st.sampled_from(USERS), st.one_of(st.integers(0, 300), st.sampled_from([30_000, 270_000]))
    ),
    st.tuples(st.just("call"), st.sampled_from([0.0, MAX_BUFFERED_S, 1.0]), st.just(0)),
    st.tuples(st.just("answer"), st.integers(0, 3), st.lists(st.integers(0, 5), min_size=1, max_size=4)),
    st.tuples(st.just("reshard"), st.integers(0, 9), st.just(0)),
)


def run_of(script: list[tuple[str, object, object]], *, aggregate: bool, backoff: Backoff) -> Run:
    run = Run(aggregate=aggregate, backoff=backoff)
    for kind, first, second in script:
        if kind == "add":
            run.add(first, second)  # type: ignore[arg-type]
        elif kind == "call":
            run.now_s += first  # type: ignore[operator]
            run.call()
        elif kind == "answer":
            run.answer(first, second)  # type: ignore[arg-type]
        else:
            run.stream.reshard(first)  # type: ignore[arg-type]
        run.check()
    run.finish()
    run.check()
    return run


def first_arrivals(lines: list[tuple[str, bytes]]) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for user, data in dict.fromkeys(lines):
        found.setdefault(user, []).append(data)
    return found


PATIENT = Backoff(tries=10**6, throttled_s=math.inf)


@given(st.lists(steps, max_size=60))
def test_every_line_arrives_and_a_users_lines_first_arrive_in_order(script: list[tuple[str, object, object]]) -> None:
    run = run_of(script, aggregate=True, backoff=PATIENT)
    assert first_arrivals(run.stream.read) == first_arrivals(run.put)
    assert (run.sent, run.failed, run.lanes.held_lines, run.lanes.held_bytes) == (len(run.put), 0, 0, 0)


@given(st.lists(steps, max_size=60))
def test_every_line_arrives_when_each_is_a_record_of_its_own(script: list[tuple[str, object, object]]) -> None:
    run = run_of(script, aggregate=False, backoff=PATIENT)
    assert set(run.stream.read) == set(run.put)
    assert (run.sent, run.failed, run.lanes.held_lines, run.lanes.held_bytes) == (len(run.put), 0, 0, 0)


@given(st.lists(steps, max_size=60), st.booleans())
def test_with_little_patience_every_line_is_counted_once(
    script: list[tuple[str, object, object]], aggregate: bool
) -> None:
    run = run_of(script, aggregate=aggregate, backoff=Backoff(tries=2, throttled_s=0.5))
    assert run.sent + run.failed == len(run.put) == run.lanes.settled
    assert max(Counter(run.given_up).values(), default=1) == 1
    assert set(run.stream.read) | set(run.given_up) == set(run.put)
    assert (run.lanes.held_lines, run.lanes.held_bytes) == (0, 0)


@given(st.lists(steps, max_size=40), st.booleans())
def test_what_is_drained_and_what_arrived_is_all_that_was_put(
    script: list[tuple[str, object, object]], aggregate: bool
) -> None:
    run = Run(aggregate=aggregate, backoff=PATIENT)
    for kind, first, second in script:
        if kind == "add":
            run.add(first, second)  # type: ignore[arg-type]
        elif kind == "answer":
            run.answer(first, second)  # type: ignore[arg-type]
        else:
            run.now_s += 0.1
            run.call()
    drained = run.lanes.drain()
    left = [(user.partition_key, user.data) for r in drained for user in user_records(r.data, r.partition_key)]
    assert sum(record.lines for record in drained) == len(left) == len(run.put) - run.sent
    assert set(left) | set(run.stream.read) == set(run.put)
    assert run.lanes.settled == len(run.put)
