"""How long things took, counted in buckets that grow with the value: constant memory, and parts that add up.

Pure. A bucket is at most 1/64 of its value wide, so a percentile is at most that much above the value that it stands
for, and never below it. The shape is that of Gil Tene's HdrHistogram: octaves cut into equal parts.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

# An octave has 64 buckets; values below twice that have one bucket each.
_PART_BITS = 6
_PARTS = 1 << _PART_BITS
# Some nine hours; what took longer counts as this.
HIGHEST_US = (1 << 35) - 1
_BUCKETS = (35 - _PART_BITS) * _PARTS + _PARTS


class Histogram:
    """Counts of durations in microseconds."""

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        """Take the counts by bucket that `counts` of another one gave, or none."""
        self._counts = np.zeros(_BUCKETS, dtype=np.int64)
        for bucket, count in (counts or {}).items():
            self._counts[bucket] = count

    def __len__(self) -> int:
        """Return how many values were added."""
        return int(self._counts.sum())

    def add(self, values_us: ArrayLike) -> None:
        """Count values; negative ones count as 0."""
        self._counts += np.bincount(_buckets(np.asarray(values_us, dtype=np.int64)), minlength=_BUCKETS)

    def merge(self, other: Histogram) -> None:
        """Count all that another one has counted."""
        self._counts += other._counts

    def counts(self) -> dict[int, int]:
        """Return the buckets that are not empty, with their counts."""
        return {int(bucket): int(self._counts[bucket]) for bucket in np.flatnonzero(self._counts)}

    def percentile_us(self, percent: float) -> int | None:
        """Return the upper bound of the bucket that holds a percentile; None where nothing was counted.

        Args:
            percent: above 0, at most 100; of n values it stands for the ceil(n * percent / 100)-th smallest.
        """
        total = len(self)
        if not total:
            return None
        rank = max(1, int(np.ceil(total * percent / 100)))
        return _highest_us(int(np.searchsorted(np.cumsum(self._counts), rank)))


def _buckets(values_us: NDArray[np.int64]) -> NDArray[np.int64]:
    values = np.clip(values_us, 0, HIGHEST_US)
    # The exponent of a float is the number of bits of the whole number.
    bits = np.frexp(values.astype(np.float64))[1].astype(np.int64)
    shift = np.maximum(bits - (_PART_BITS + 1), 0)
    buckets: NDArray[np.int64] = shift * _PARTS + (values >> shift)
    return buckets


def _highest_us(bucket: int) -> int:
    shift = max(0, bucket // _PARTS - 1)
    return ((bucket - shift * _PARTS + 1) << shift) - 1
