"""What a subscriber has seen, in figures that do not grow."""

from __future__ import annotations

import pytest

from stream_jobs.figures import Figures, Recent


def seen(figures: Figures, *event_ids: str, rule: str = "purchase", maybe_repeat: bool = False) -> None:
    for event_id in event_ids:
        figures.add(rule, event_id, 85.4, maybe_repeat=maybe_repeat)


def test_repeats_and_flags_are_counted() -> None:
    figures = Figures()
    seen(figures, "e1", "e2", "e1")
    seen(figures, "e2", maybe_repeat=True)
    summary = figures.summary()
    assert (summary.alerts, summary.distinct, summary.maybe_repeat) == (4, 2, 1)


def test_an_event_that_two_rules_alert_is_two_alerts() -> None:
    figures = Figures()
    seen(figures, "e1")
    seen(figures, "e1", rule="big-spender")
    assert figures.summary().distinct == 2


def test_latencies_are_told_in_quantiles() -> None:
    figures = Figures()
    for number in range(1, 101):
        figures.add("purchase", f"e{number}", float(number), maybe_repeat=False)
    latency_ms = figures.summary().latency_ms
    assert latency_ms.p50 == pytest.approx(50, rel=0.01)
    assert latency_ms.p95 == pytest.approx(95, rel=0.01)
    assert latency_ms.p99 == pytest.approx(99, rel=0.01)


def test_nothing_seen_has_no_latency() -> None:
    summary = Figures().summary()
    assert (summary.alerts, summary.distinct, summary.latency_ms.p50) == (0, 0, None)


def test_a_repeat_is_known_among_the_latest_and_forgotten_beyond_twice_as_many() -> None:
    figures = Figures(remembered=10)
    seen(figures, "first", *(f"e{number}" for number in range(9)), "first")
    assert figures.summary().distinct == 10
    seen(figures, *(f"later{number}" for number in range(30)), "first")
    assert figures.summary().distinct == 41


def test_what_is_remembered_does_not_grow() -> None:
    recent = Recent(100)
    assert all(recent.add(str(number)) for number in range(10_000))
    assert sum(recent.add(str(number)) for number in range(9_000, 10_000)) >= 800
