"""Every line between its put and its end: one lane for each open shard, and what becomes of a call's answers.

Pure: the clock and the draws are arguments, nothing here waits or sends, and it is not safe for use from several
threads. Each line stays in exactly one place of one lane until it is settled: acknowledged, or given up.

Order: a lane has one call under way at most, and what a call was refused goes out before what waits behind it. An
aggregating lane sends one record a call, so the lines of a shard, and so of a partition key, first arrive in the order
in which they were put. Lanes of plain records send many a call, where a refused one comes after others of its call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from producers.batching import (
    FULL_AGGREGATE_BYTES,
    MAX_AGGREGATE_BYTES,
    MAX_AGGREGATE_LINES,
    MAX_CALL_BYTES,
    MAX_CALL_RECORDS,
    Record,
    plain_record,
    refusal_of,
)
from producers.lane import AT_ONCE, MAX_BUFFERED_S, Lane, Parcel
from producers.lines import Line
from producers.pacing import Backoff
from producers.results import Refused, Result, Settlement, Taken
from producers.routing import Router, Shard, address_of
from schemas.kpl import MAGIC, UserRecord, foreign_records, user_records

# A call that goes out anyway takes along the lines of other shards that have waited for half of that time.
_COMPANY_S = MAX_BUFFERED_S / 2
# Users return, so most keys are known; the bound keeps memory flat.
_KNOWN_KEYS = 1 << 16


class UnsendableError(Exception):
    """No stream can ever take a line; the message says why."""


class Lanes:
    """The lanes of one stream.

    Args:
        shards: all shards of the stream.
        aggregate: pack many lines into one record; without it each line is a record.
        backoff: how often, and how late, a refused record is put again.
        clock: seconds that never go back.
        uniform: draws from [0, 1).

    Attributes:
        count: lines put so far.
        held_lines: of these, how many are not settled.
        held_bytes: the size of the finished records that are not settled; beside them each lane has one open aggregate.
        in_flight: calls under way.
        attestations: attestations that are not settled.

    Raises:
        WorkFailedError: the shards leave a hash key without an open one.
    """

    def __init__(
        self,
        shards: Iterable[Shard],
        backoff: Backoff,
        clock: Callable[[], float],
        uniform: Callable[[], float],
        *,
        aggregate: bool = True,
    ) -> None:
        self.count = 0
        self.held_lines = 0
        self.held_bytes = 0
        self.in_flight = 0
        self.attestations = 0
        self._aggregate = aggregate
        self._backoff = backoff
        self._clock = clock
        self._uniform = uniform
        self._company_s = _COMPANY_S if aggregate else 1e9
        self._landed: list[tuple[Parcel, str]] = []
        self._lay(shards)

    def _lay(self, shards: Iterable[Shard]) -> None:
        self._router = Router(shards)
        self._lanes = [Lane(shard) for shard in self._router.shards]
        self._lane_of: dict[str, Lane] = {}
        self._full_records = max(1, MAX_CALL_RECORDS // len(self._lanes))

    @property
    def settled(self) -> int:
        """How many lines, counted from the first put, are settled with all before them."""
        landed = (parcel.place for parcel, _ in self._landed)
        oldest = min((*(lane.oldest for lane in self._lanes), *landed))
        return self.count if oldest == math.inf else int(oldest)

    @property
    def is_remap_due(self) -> bool:
        """Whether the shards have changed; until `remap` no call may begin."""
        return bool(self._landed)

    def add(self, line: Line) -> bool:
        """Take a line in, and say whether something has become due.

        Raises:
            UnsendableError: no stream can take it; it counts as put, and as settled.
        """
        place = self.count
        self.count = place + 1
        # Runs for each event: nearly all of them come to an open aggregate of a user who is known.
        key, data, _, hash_key = line
        lane = self._lane_of.get(key)
        if (
            lane is None
            or hash_key is not None
            or not self._aggregate
            or not 0 < lane.lines < MAX_AGGREGATE_LINES - 1
            or data.startswith(MAGIC)
            or not lane.aggregator.add(key, data)
        ):
            has_become_due = self._insert(line, place)
        else:
            lane.lines += 1
            is_full = lane.due_s != AT_ONCE and lane.aggregator.size_bytes >= FULL_AGGREGATE_BYTES
            has_become_due = is_full and self._note_added(lane, place)
        self.held_lines += 1
        return has_become_due

    def _insert(self, line: Line, place: int) -> bool:
        key, data, _, hash_key = line
        lane = self._lane_of.get(key) if hash_key is None else None
        if lane is None or len(data) > MAX_AGGREGATE_BYTES:
            if refusal := refusal_of(line):
                raise UnsendableError(refusal)
            lane = self._find(key, hash_key)
        # Inside of an aggregate nobody would look for another, be it whole or broken.
        if not self._aggregate or data.startswith(MAGIC):
            return self._queue(lane, Parcel(plain_record(line), place))
        if lane.lines >= MAX_AGGREGATE_LINES or not lane.aggregator.add(key, data, hash_key):
            self._close_aggregate(lane)
            if not lane.aggregator.add(key, data, hash_key):
                return self._queue(lane, Parcel(plain_record(line), place))
        lane.lines += 1
        return self._note_added(lane, place)

    def _note_added(self, lane: Lane, place: int) -> bool:
        if lane.lines == 1:
            lane.place = place
            lane.opened_s = self._clock()
            if lane.due_s == math.inf:
                lane.due_s = lane.opened_s + MAX_BUFFERED_S
                return True
        if lane.due_s != AT_ONCE and (lane.queue or lane.is_full):
            lane.due_s = AT_ONCE
            return not lane.flying
        return False

    def add_attestation(self, partition_key: str, data: bytes) -> None:
        """Take a record in that stands behind all lines put so far and is none of them."""
        self.attestations += 1
        self._queue(self._find(partition_key, None), Parcel(Record(partition_key, data, 0), self.count))

    def _find(self, key: str, hash_key: str | None) -> Lane:
        lane = self._lanes[self._router.index_of(address_of(key, hash_key))]
        if hash_key is None:
            if len(self._lane_of) >= _KNOWN_KEYS:
                self._lane_of.clear()
            self._lane_of[key] = lane
        return lane

    def _close_aggregate(self, lane: Lane) -> None:
        """Make a record of the open lines of a lane."""
        if lane.lines:
            key, data = lane.aggregator.partition_key, lane.aggregator.drain()
            record = Record(key, data, lane.lines, str(lane.shard.start), is_aggregate=True)
            lane.lines = 0
            lane.queue.append(Parcel(record, lane.place))
            self.held_bytes += record.size_bytes

    def _queue(self, lane: Lane, parcel: Parcel) -> bool:
        """Let a record wait behind all else in a lane, and say whether it has become due."""
        self._close_aggregate(lane)
        lane.queue.append(parcel)
        self.held_bytes += parcel.record.size_bytes
        was_due_s = lane.due_s
        if self._aggregate or len(lane.queue) >= self._full_records or parcel.record.size_bytes > FULL_AGGREGATE_BYTES:
            lane.due_s = AT_ONCE
        elif was_due_s == math.inf:
            lane.due_s = self._clock() + MAX_BUFFERED_S
        return lane.due_s < was_due_s and not lane.flying

    def hurry(self) -> None:
        """Make all that waits due now."""
        for lane in self._lanes:
            if lane.due_s < math.inf:
                lane.due_s = AT_ONCE

    def next_ready_s(self) -> float:
        """Return when a call can be made; infinite while only an answer can change that."""
        if self._landed:
            return math.inf
        return min(lane.ready_s for lane in self._lanes)

    def take(self, now_s: float) -> list[Parcel]:
        """Return what one call should put now, oldest first; nothing where nothing is ready.

        The call is under way until `settle` is told of its answer.
        """
        if self.next_ready_s() > now_s:
            return []
        lanes = [
            lane
            for lane in self._lanes
            if not lane.flying and max(lane.due_s - self._company_s, lane.resume_s, lane.pace.ready_s) <= now_s
        ]
        call: list[Parcel] = []
        call_bytes = 0
        for lane in sorted(lanes, key=lambda lane: lane.oldest):
            if not lane.queue:
                self._close_aggregate(lane)
            most = 1 if self._aggregate else MAX_CALL_RECORDS
            while (
                lane.queue and len(lane.flying) < most and len(call) < MAX_CALL_RECORDS and lane.pace.ready_s <= now_s
            ):
                size_bytes = lane.queue[0].record.size_bytes
                if call_bytes + size_bytes > MAX_CALL_BYTES:
                    break
                parcel = lane.queue.popleft()
                lane.flying.append(parcel)
                lane.pace.spend(size_bytes, 1, now_s)
                call.append(parcel)
                call_bytes += size_bytes
            lane.note_due()
        self.in_flight += 1
        return call

    def settle(self, call: Sequence[Parcel], results: Sequence[Result], now_s: float) -> Settlement:
        """Note the answer to a call, one result for each record in their order."""
        self.in_flight -= 1
        settlement = Settlement()
        by_parcel = dict(zip(call, results, strict=True))
        for lane in self._lanes:
            if lane.flying and lane.flying[0] in by_parcel:
                self._settle_lane(lane, by_parcel, settlement, now_s)
        return settlement

    def _settle_lane(self, lane: Lane, results: dict[Parcel, Result], settlement: Settlement, now_s: float) -> None:
        flying, lane.flying = lane.flying, []
        is_throttled = is_refused = False
        again: list[Parcel] = []
        for parcel in flying:
            result = results[parcel]
            if isinstance(result, Taken):
                lane.pace.acknowledged(parcel.record.size_bytes, 1, now_s)
                if result.shard_id == lane.shard.shard_id:
                    self._note_taken(parcel.record, parcel.record.lines, settlement)
                else:
                    self._landed.append((parcel, result.shard_id))
                continue
            is_refused = True
            is_throttled |= result.is_throttle
            if self._may_retry(parcel, result, now_s):
                again.append(parcel)
                settlement.retried += 1
                settlement.throttled += result.is_throttle
            else:
                self._note_end(parcel.record, parcel.record.lines)
                settlement.given_up.append((parcel.record, result.reason))
                if result.is_whole_call:
                    settlement.failure = result.reason
        lane.queue.extendleft(reversed(again))
        if is_throttled:
            lane.pace.throttled(now_s)
        lane.failures = lane.failures + 1 if is_refused else 0
        if is_refused:
            lane.resume_s = now_s + self._backoff.wait_s(lane.failures, self._uniform())
        lane.note_due()

    def _may_retry(self, parcel: Parcel, refused: Refused, now_s: float) -> bool:
        if refused.is_throttle:
            parcel.throttled_since_s = min(parcel.throttled_since_s, now_s)
            return now_s - parcel.throttled_since_s < self._backoff.throttled_s
        parcel.tries += 1
        return refused.may_retry and parcel.tries < self._backoff.tries

    def _note_taken(self, record: Record, lines: int, settlement: Settlement) -> None:
        settlement.records += 1
        settlement.bytes += len(record.data)
        settlement.lines += lines
        settlement.attestations += record.lines == 0
        self._note_end(record, lines)

    def _note_end(self, record: Record, lines: int) -> None:
        self.held_bytes -= record.size_bytes
        self.held_lines -= lines
        self.attestations -= record.lines == 0

    def remap(self, shards: Sequence[Shard]) -> Settlement:
        """Lay the lanes anew for the shards as they are now, while no call is under way.

        What waits is packed for them. A record that landed on another shard than it was made for, and holds a line that
        does not belong there, is settled by none of its lines: they all wait again, before all that was put after them.
        Whoever reads a shard may leave out the whole record, as the Kinesis Client Library does.

        Raises:
            WorkFailedError: the shards leave a hash key without an open one; then nothing has changed.
        """
        settlement = Settlement()
        by_id = {shard.shard_id: shard for shard in shards}
        before, landed = self._lanes, self._landed
        self._lay(shards)
        self._landed = []
        # A record or its lines, by the place of the first.
        waiting: list[tuple[int, list[Line], Record | None]] = []
        for parcel, shard_id in landed:
            astray = _lines_astray(parcel.record, by_id.get(shard_id))
            self._note_taken(parcel.record, parcel.record.lines - len(astray), settlement)
            settlement.remapped += len(astray)
            waiting.append((parcel.place, astray, None))
        for lane in before:
            self._close_aggregate(lane)
            for parcel in lane.queue:
                self.held_bytes -= parcel.record.size_bytes
                is_packed = parcel.record.is_aggregate
                lines = _lines_of(parcel.record) if is_packed else []
                waiting.append((parcel.place, lines, None if is_packed else parcel.record))
        for place, lines, record in sorted(waiting, key=lambda waits: waits[0]):
            for line in lines:
                self._insert(line, place)
            if record is not None:
                lane = self._lanes[self._router.index_of(address_of(record.partition_key, record.explicit_hash_key))]
                self._queue(lane, Parcel(record, place))
        self.hurry()
        return settlement

    def drain(self) -> list[Record]:
        """Return every record that is not settled, also of calls under way, whose answers then count no more."""
        left = [parcel for parcel, _ in self._landed]
        for lane in self._lanes:
            self._close_aggregate(lane)
            left += [*lane.flying, *lane.queue]
        self._landed = []
        self._lay(self._router.shards)
        self.held_lines = self.held_bytes = self.attestations = self.in_flight = 0
        return [parcel.record for parcel in sorted(left, key=lambda parcel: parcel.place)]


def _lines_of(aggregate: Record) -> list[Line]:
    return _as_lines(user_records(aggregate.data, aggregate.partition_key))


def _lines_astray(record: Record, landed_on: Shard | None) -> list[Line]:
    """Return the lines of a record that landed where one of them does not belong; a plain one is always at home."""
    if not record.is_aggregate or landed_on is None:
        return []
    found = user_records(record.data, record.partition_key)
    return _as_lines(found) if foreign_records(found, landed_on.start, landed_on.end) else []


def _as_lines(found: Iterable[UserRecord]) -> list[Line]:
    return [Line(user.partition_key, user.data, None, user.explicit_hash_key) for user in found]
