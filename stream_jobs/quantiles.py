"""Quantiles of any number of values in bounded memory.

Each value is counted in a bucket whose bounds differ by two percent, so a quantile is right to one percent of itself.
There are some 1,500 buckets between a microsecond and a hundred days in milliseconds, and only those in use are kept.
Source: Masson, Rim and Lee, "DDSketch", VLDB 2019, section 2.
"""

from __future__ import annotations

import math
from collections import Counter

RELATIVE_ERROR = 0.01
# What is smaller counts as nothing.
SMALLEST = 0.001
_RATIO = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_RATIO = math.log(_RATIO)
_NOTHING = math.floor(math.log(SMALLEST) / _LOG_RATIO)


class Quantiles:
    """The quantiles of what was added so far."""

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()
        self._least = math.inf
        self._largest = -math.inf
        self.count = 0

    def add(self, value: float) -> None:
        """Take a value in. One that is below `SMALLEST`, as from two clocks that disagree, counts as 0."""
        self._buckets[math.ceil(math.log(value) / _LOG_RATIO) if value >= SMALLEST else _NOTHING] += 1
        self._least = min(self._least, value)
        self._largest = max(self._largest, value)
        self.count += 1

    def quantile(self, share: float) -> float | None:
        """Return the smallest value that at least this share does not exceed, or None of no values.

        It is right to `RELATIVE_ERROR`, and lies between the least value and the largest.
        """
        if not self.count:
            return None
        rank = math.ceil(share * self.count)
        passed = 0
        for bucket in sorted(self._buckets):
            passed += self._buckets[bucket]
            if passed >= rank:
                break
        middle = 0.0 if bucket == _NOTHING else 2 * math.exp(bucket * _LOG_RATIO) / (_RATIO + 1)
        return min(max(middle, self._least), self._largest)
