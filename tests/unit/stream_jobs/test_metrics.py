"""Metrics by hand: what goes up and down is a counter of Java's, which the task's own thread changes."""

from __future__ import annotations

from collections import Counter

from stream_jobs.metrics import Metrics


class Group:
    """Flink's metric group, and its counters."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.calls = 0

    def add_group(self, _: str) -> Group:
        return self

    def counter(self, name: str) -> OneCounter:
        return OneCounter(self, name)


class OneCounter:
    def __init__(self, group: Group, name: str) -> None:
        self._group, self._name = group, name

    def inc(self, count: int) -> None:
        self._group.calls += 1
        self._group.counts[self._name] += count


def test_a_level_is_told_twice_a_second_and_at_once_when_all_comes_to_rest() -> None:
    now_s, under_way, group = [10.0], [3], Group()
    metrics = Metrics(group, lambda: now_s[0])
    metrics.level("unsettled", lambda: under_way[0])
    metrics.tell_levels(at_rest=False)
    under_way[0] = 5
    metrics.tell_levels(at_rest=False)
    assert group.counts == {"unsettled": 3}
    now_s[0] += 0.5
    metrics.tell_levels(at_rest=False)
    assert group.counts == {"unsettled": 5}
    under_way[0] = 0
    metrics.tell_levels(at_rest=True)
    assert group.counts == {"unsettled": 0}
    metrics.tell_levels(at_rest=True)
    assert group.calls == 3, "what has not changed costs no call"
    under_way[0] = 1
    metrics.tell_levels(at_rest=False)
    under_way[0] = -1
    metrics.tell_levels(at_rest=True)
    assert group.counts == {"unsettled": -1}, "each time that it comes to rest"


def test_quantiles_are_levels_of_the_last_values() -> None:
    group = Group()
    metrics = Metrics(group, lambda: 0.0)
    metrics.observe_quantiles("latency_ms", [30.4, 10, 20])
    metrics.tell_levels(at_rest=True)
    assert group.counts == {"latency_ms_p50": 20, "latency_ms_p95": 30, "latency_ms_p99": 30}
