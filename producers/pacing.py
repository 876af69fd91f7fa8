"""How fast a shard is given records, and how long to wait after a failure.

Pure: the clock's seconds and the draws are arguments. A shard has no limit until it throttles for the first time; then
two token buckets, of bytes and of records, begin with what every shard takes, or more where more was seen, and follow
what this one was seen to take: down by a share at a throttle, up by a little each second.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

# Source: Kinesis Data Streams quotas: a shard takes 1 MiB and 1000 records a second.
_SHARD_BYTES_PER_S = 1024 * 1024
_SHARD_RECORDS_PER_S = 1000
# Twenty seconds from nothing to all that a shard takes, so that probing for room costs few throttles.
_GROWTH = 1 / 20
# Asking for a little more than is taken costs less than to notice late that a shard takes more again.
_FLOOR = 1 / 16
_DECREASE = 0.8
# One cause throttles several records; within this time they count as one.
_SAME_CAUSE_S = 1.0
_FORGET_AFTER_S = 60.0
# What may be sent at once, in seconds of the rate: at most, after a pause; and at least, so that a slow shard is not
# given its records one call each.
_BURST_S = 0.25
_LEAST_S = 0.1


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often to try, for how long, and how long to wait in between.

    Attributes:
        tries: calls with one record in all, those that were throttled not counted.
        throttled_s: for how long a record may be throttled. Throttles say that the stream is slower than its producers,
            which waiting mends, so they are borne for longer than failures.
        first_s: the longest wait before the second try; each further one doubles it.
        longest_s: the cap of that.
    """

    tries: int = 8
    throttled_s: float = 60.0
    first_s: float = 0.05
    longest_s: float = 2.0

    def wait_s(self, failures: int, uniform: float) -> float:
        """Return the wait after so many failed tries, for a uniform draw from [0, 1).

        Full jitter, so that producers who were throttled together do not come back together.
        """
        return uniform * min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, 32))


class _Bucket:
    """Tokens of one kind; it may go into debt, so that what is larger than a burst passes too."""

    __slots__ = ("_growth", "_shard_per_s", "per_s", "tokens")

    def __init__(self, shard_per_s: float) -> None:
        self._shard_per_s = shard_per_s
        self._growth = shard_per_s * _GROWTH
        self.per_s = math.inf
        self.tokens = 0.0

    def limit(self, taken_per_s: float) -> None:
        seen_per_s = min(self.per_s, taken_per_s) if self.per_s < math.inf else max(self._shard_per_s, taken_per_s)
        self.per_s = max(self._shard_per_s * _FLOOR, seen_per_s * _DECREASE)
        self.tokens = min(self.tokens, 0.0)

    def refill(self, seconds: float) -> None:
        self.tokens = min(self.per_s * _BURST_S, self.tokens + self.per_s * seconds)
        self.per_s += self._growth * seconds

    @property
    def wait_s(self) -> float:
        return 0.0 if self.tokens > 0 else _LEAST_S - self.tokens / self.per_s


class Pace:
    """What one shard may be given.

    Attributes:
        ready_s: when more may be sent, by the clock of the arguments.
    """

    def __init__(self) -> None:
        self._unlimit()
        # What was acknowledged in the second that runs and in the one before it: bytes and records.
        self._second_s = -math.inf
        self._now = (0, 0)
        self._before = (0, 0)

    def _unlimit(self) -> None:
        self.ready_s = -math.inf
        self._bytes = _Bucket(_SHARD_BYTES_PER_S)
        self._records = _Bucket(_SHARD_RECORDS_PER_S)
        self._throttled_s = self._decreased_s = self._at_s = -math.inf

    @property
    def bytes_per_s(self) -> float:
        """The limit in force; infinite where there is none."""
        return self._bytes.per_s

    @property
    def records_per_s(self) -> float:
        """The limit in force; infinite where there is none."""
        return self._records.per_s

    def spend(self, size_bytes: int, records: int, now_s: float) -> None:
        """Note that so much is sent now."""
        if self._throttled_s == -math.inf:
            return
        if now_s - self._throttled_s >= _FORGET_AFTER_S:
            self._unlimit()
            return
        self._refill(now_s)
        self._bytes.tokens -= size_bytes
        self._records.tokens -= records
        self._wait_from(now_s)

    def acknowledged(self, size_bytes: int, records: int, now_s: float) -> None:
        """Note that so much was taken."""
        self._turn(now_s)
        self._now = (self._now[0] + size_bytes, self._now[1] + records)

    def throttled(self, now_s: float) -> None:
        """Note that the shard was asked too much."""
        is_first = self._throttled_s == -math.inf
        self._throttled_s = now_s
        if now_s - self._decreased_s < _SAME_CAUSE_S:
            return
        self._decreased_s = now_s
        if is_first:
            self._at_s = now_s
        else:
            self._refill(now_s)
        self._turn(now_s)
        # A shard counts by the second, so less than a second of acknowledgements counts as one.
        seconds = max(1.0, now_s - self._second_s + (self._before != (0, 0)))
        self._bytes.limit((self._before[0] + self._now[0]) / seconds)
        self._records.limit((self._before[1] + self._now[1]) / seconds)
        self._wait_from(now_s)

    def _refill(self, now_s: float) -> None:
        seconds, self._at_s = now_s - self._at_s, now_s
        self._bytes.refill(seconds)
        self._records.refill(seconds)

    def _wait_from(self, now_s: float) -> None:
        self.ready_s = now_s + max(self._bytes.wait_s, self._records.wait_s)

    def _turn(self, now_s: float) -> None:
        """Begin the next second of the measurement when it is due."""
        passed_s = now_s - self._second_s
        if passed_s < 1.0:
            return
        self._before = self._now if passed_s < 2.0 else (0, 0)
        self._now = (0, 0)
        self._second_s = now_s
