"""Pacing by a clock of the test's own: no limit until a throttle, then what the shard was seen to take."""

from __future__ import annotations

import math

from producers.pacing import Backoff, Pace

KIB = 1024
MIB = 1024 * KIB


class Shard:
    """Takes so many bytes a second, counted by the second, and throttles the rest."""

    def __init__(self, bytes_per_s: float) -> None:
        self.bytes_per_s = bytes_per_s
        self.pace = Pace()
        self.now_s = 0.0
        self.taken: list[float] = []
        self.throttles: list[float] = []
        self._second = -1
        self._in_second = 0

    def send(self, seconds: float, *, size: int = 50 * KIB, every_s: float = 0.01) -> None:
        """Send whenever the pace lets, at most so often."""
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            if self.pace.ready_s <= self.now_s:
                self.pace.spend(size, 1, self.now_s)
                if int(self.now_s) != self._second:
                    self._second, self._in_second = int(self.now_s), 0
                if self._in_second + size <= self.bytes_per_s:
                    self._in_second += size
                    self.taken.append(self.now_s)
                    self.pace.acknowledged(size, 1, self.now_s)
                else:
                    self.throttles.append(self.now_s)
                    self.pace.throttled(self.now_s)
            self.now_s += every_s


def test_without_a_throttle_nothing_waits() -> None:
    shard = Shard(100 * MIB)
    shard.send(2)
    assert len(shard.taken) == 200 and shard.pace.bytes_per_s == math.inf


def test_after_a_few_throttles_nearly_all_is_taken_at_nearly_the_rate_of_the_shard() -> None:
    shard = Shard(MIB)
    shard.send(20)
    before_s = shard.now_s
    shard.send(30)
    taken = [at_s for at_s in shard.taken if at_s >= before_s]
    throttles = [at_s for at_s in shard.throttles if at_s >= before_s]
    assert len(taken) * 50 * KIB / 30 > 0.75 * MIB
    assert len(throttles) < 0.1 * len(taken)


def test_a_shard_shared_with_others_is_followed_down_to_its_share() -> None:
    shard = Shard(150 * KIB)
    shard.send(20)
    before = len(shard.throttles)
    shard.send(20)
    assert shard.pace.bytes_per_s < 400 * KIB
    assert len(shard.throttles) - before < 60
    assert len(shard.taken) * 50 * KIB / 40 > 0.8 * 150 * KIB


def test_throttles_of_one_cause_lower_the_rate_once() -> None:
    pace = Pace()
    pace.throttled(10.0)
    rate = pace.bytes_per_s
    assert rate == 0.8 * MIB
    for _ in range(50):
        pace.throttled(10.5)
    assert pace.bytes_per_s == rate
    pace.throttled(11.0)
    assert pace.bytes_per_s < 0.8 * rate


def test_what_was_seen_to_be_taken_counts_more_than_what_a_shard_is_said_to_take() -> None:
    pace = Pace()
    for number in range(40):
        pace.acknowledged(MIB, 1, number / 10)
    pace.throttled(4.0)
    assert 7 * MIB < pace.bytes_per_s < 9 * MIB


def test_plain_records_are_paced_by_their_number() -> None:
    pace = Pace()
    pace.throttled(0.0)
    now_s, sent = 0.0, 0
    while now_s < 1.0:
        while pace.ready_s <= now_s:
            pace.spend(300, 1, now_s)
            sent += 1
        now_s += 0.01
    assert 700 < sent < 900


def test_a_rate_grows_slowly_and_is_forgotten_after_a_minute_without_a_throttle() -> None:
    pace = Pace()
    pace.throttled(0.0)
    pace.spend(1, 1, 10.0)
    assert pace.bytes_per_s == 0.8 * MIB + 0.5 * MIB
    pace.spend(1, 1, 61.0)
    assert pace.bytes_per_s == math.inf and pace.ready_s == -math.inf


def test_it_never_falls_to_nothing() -> None:
    pace = Pace()
    for second in range(100):
        pace.throttled(float(second))
    assert pace.bytes_per_s >= 64 * KIB
    pace.spend(MIB, 1, 100.0)
    assert pace.ready_s < 120


def test_the_wait_doubles_up_to_a_cap_and_is_jittered() -> None:
    backoff = Backoff(first_s=0.1, longest_s=0.5)
    assert [backoff.wait_s(failures, 1.0) for failures in (1, 2, 3, 4, 9, 10**6)] == [0.1, 0.2, 0.4, 0.5, 0.5, 0.5]
    assert backoff.wait_s(3, 0.0) == 0
