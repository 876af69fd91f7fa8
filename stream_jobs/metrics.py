"""Flink metrics as the operators use them: made when first used, begun anew with each attempt, as Flink's are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# Over so many of the last values a histogram's quantiles are taken.
_WINDOW_VALUES = 10_000


class Metrics:
    """The metrics of one operator.

    Args:
        group: the operator's metric group.
    """

    def __init__(self, group: Any) -> None:
        self._group = group
        self._counters: dict[str, Any] = {}
        self._histograms: dict[str, Any] = {}

    def add(self, name: str, count: int) -> None:
        """Add to a counter; adding nothing does not make one."""
        if not count:
            return
        counter = self._counters.get(name)
        if counter is None:
            counter = self._counters[name] = self._group.counter(name)
        counter.inc(count)

    def observe(self, name: str, value: float) -> None:
        """Add a value to a histogram of whole numbers, whose quantiles every reporter of Flink's knows."""
        found = self._histograms.get(name)
        if found is None:
            found = self._histograms[name] = _histogram(self._group, name)
        found.update(round(value))

    def gauge(self, name: str, read: Callable[[], int]) -> None:
        """Have a value read whenever somebody asks for it, from another thread."""
        self._group.gauge(name, read)


def _histogram(group: Any, name: str) -> Any:
    # PyFlink has none of its own: its distribution knows only sum, count, least and largest.
    from pemja import findClass  # type: ignore[import-untyped]  # what it gives exists only inside of a task

    window = findClass("org.apache.flink.runtime.metrics.DescriptiveStatisticsHistogram")
    return group._metrics.histogram(name, window(_WINDOW_VALUES))
