"""Flink metrics as the operators use them: made when first used, begun anew with each attempt, as Flink's are."""

from __future__ import annotations

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


class Metrics:
    """The metrics of one operator.

    Args:
        group: the operator's metric group.
    """

    def __init__(self, group: Any) -> None:
        self._group = group.add_group(_GROUP)
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
        """Add values to what gauges `NAME_p50`, `_p95` and `_p99` tell: CloudWatch gets gauges and no histograms."""
        window = self._windows.get(name)
        if window is None:
            window = self._windows[name] = deque(maxlen=_SORTED_VALUES)
            for ending, share in _QUANTILES.items():
                self.gauge(f"{name}_{ending}", partial(_quantile, window, share))
        window.extend(map(round, values))

    def gauge(self, name: str, read: Callable[[], int]) -> None:
        """Have a value read whenever somebody asks for it, from another thread."""
        self._group.gauge(name, read)


def _quantile(window: deque[int], share: float) -> int:
    ordered = sorted(window.copy())
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0


def _histogram(group: Any, name: str) -> Any:
    # PyFlink has none of its own: its distribution knows only sum, count, least and largest.
    from pemja import findClass  # type: ignore[import-untyped]  # what it gives exists only inside of a task

    window = findClass("org.apache.flink.runtime.metrics.DescriptiveStatisticsHistogram")
    return group._metrics.histogram(name, window(_WINDOW_VALUES))
