"""Flink metrics as the operators use them: made when first used, begun anew with each attempt, as Flink's are.

All of them are Java's own objects, which the task's thread changes and any thread of the JVM reads. A gauge of
PyFlink's would have Flink's metrics thread run Python, and the embedded interpreter does not survive that: now and then
it ends the JVM. What a gauge would tell is therefore a counter that goes up and down.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

# Managed Service for Apache Flink shows an application's own metrics in CloudWatch where they are in this group.
# Source: its developer guide, "Use custom metrics with Amazon Managed Service for Apache Flink".
_GROUP = "KinesisAnalytics"
# Over so many of the last values quantiles are taken.
_WINDOW_VALUES = 10_000
_SORTED_VALUES = 1_000
_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
# Each level that has changed costs a call into the JVM.
_LEVELS_INTERVAL_S = 0.5


class Metrics:
    """The metrics of one operator.

    Args:
        group: the operator's metric group.
        monotonic: a clock in seconds.
    """

    def __init__(self, group: Any, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._group = group.add_group(_GROUP)
        self._monotonic = monotonic
        self._levels: dict[str, Callable[[], int]] = {}
        self._told: dict[str, int] = {}
        self._tell_at_s = 0.0
        self._rested = True
        self._counters: dict[str, Any] = {}
        self._histograms: dict[str, Any] = {}
        self._windows: dict[str, deque[int]] = {}

    def add(self, name: str, count: int) -> None:
        """Add to a counter; adding nothing does not make one."""
        if not count:
            return
        counter = self._counters.get(name)
        if counter is None:
            counter = self._counters[name] = self._group.counter(name)
        counter.inc(count)

    def observe(self, name: str, value: float) -> None:
        """Add a value to a histogram of whole numbers."""
        found = self._histograms.get(name)
        if found is None:
            found = self._histograms[name] = _histogram(self._group, name)
        found.update(round(value))

    def observe_quantiles(self, name: str, values: Iterable[float]) -> None:
        """Add values to what the levels `NAME_p50`, `_p95` and `_p99` tell: CloudWatch gets no histograms."""
        window = self._windows.get(name)
        if window is None:
            window = self._windows[name] = deque(maxlen=_SORTED_VALUES)
            for ending, share in _QUANTILES.items():
                self.level(f"{name}_{ending}", partial(_quantile, window, share))
        window.extend(map(round, values))

    def level(self, name: str, read: Callable[[], int]) -> None:
        """Have a value told that goes up and down, see `tell_levels`."""
        self._levels[name] = read
        self._told[name] = 0
        self._counters[name] = self._group.counter(name)

    def tell_levels(self, *, at_rest: bool) -> None:
        """Tell what every level is now; to be called all the time, for it does so twice a second.

        Args:
            at_rest: nothing is under way, so that this may not be called again for long: tells at once.
        """
        now_s = self._monotonic()
        comes_to_rest = at_rest and not self._rested
        self._rested = at_rest
        if now_s < self._tell_at_s and not comes_to_rest:
            return
        self._tell_at_s = now_s + _LEVELS_INTERVAL_S
        for name, read in self._levels.items():
            change = read() - self._told[name]
            if change:
                self._told[name] += change
                self._counters[name].inc(change)


def _quantile(window: deque[int], share: float) -> int:
    ordered = sorted(window.copy())
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0


def _histogram(group: Any, name: str) -> Any:
    # PyFlink has none of its own: its distribution knows only sum, count, least and largest.
    from pemja import findClass  # type: ignore[import-untyped]  # what it gives exists only inside of a task

    window = findClass("org.apache.flink.runtime.metrics.DescriptiveStatisticsHistogram")
    return group._metrics.histogram(name, window(_WINDOW_VALUES))
