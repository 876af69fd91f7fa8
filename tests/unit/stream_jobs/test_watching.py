from __future__ import annotations

import msgspec
import pytest

from schemas.alert import alert_of, encode_alert
from schemas.event import ClickEvent
from schemas.instants import parse_instant_us
from stream_jobs.watching import amount_text, line_of, quantile, seen, summary

ARRIVAL_US = parse_instant_us("2026-11-24T10:00:00Z")
EVENT = ClickEvent(
    event_id="e1",
    user_id="u1",
    session_id="s1",
    event_type="purchase",
    event_timestamp_us=ARRIVAL_US,
    page_url="https://shop.example/cart",
    metadata={"amount_minor": "1234", "country": "DE", "currency": "EUR", "order_id": "o-77"},
)
SEEN = seen(encode_alert(alert_of(EVENT, ARRIVAL_US)).decode(), "m1", ARRIVAL_US + 85_400)


def test_a_line_says_what_a_product_team_asks_for() -> None:
    line = line_of(SEEN)
    for part in ("10:00:00.085", "o-77", "12.34 EUR", "DE", "85 ms", "https://shop.example/cart"):
        assert part in line
    assert "repeat" not in line
    assert "maybe repeat" in line_of(msgspec.structs.replace(SEEN, maybe_repeat=True))


def test_latency_runs_from_arrival_to_receipt() -> None:
    assert SEEN.latency_ms == 85.4


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (1234, "EUR", "12.34 EUR"),
        (5, "EUR", "0.05 EUR"),
        (-250, "USD", "-2.50 USD"),
        (1234, "JPY", "1234 JPY"),
        (1234, "KWD", "1.234 KWD"),
        (1234, None, "12.34"),
        (None, "EUR", "-"),
    ],
)
def test_amounts_are_shown_in_their_currency(minor: int | None, currency: str | None, text: str) -> None:
    assert amount_text(minor, currency) == text


def test_quantiles_are_values_that_occurred() -> None:
    values = [float(value) for value in range(1, 101)]
    assert [quantile(values, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert quantile([7.0], 0.5) == 7.0
    assert quantile([], 0.5) is None


def test_a_summary_counts_distinct_events_and_flagged_repeats() -> None:
    repeat = msgspec.structs.replace(SEEN, maybe_repeat=True)
    figures = summary([SEEN, repeat])
    assert (figures["alerts"], figures["distinct"], figures["maybe_repeat"]) == (2, 1, 1)
    assert figures["latency_ms"] == {"p50": 85.4, "p95": 85.4, "p99": 85.4}
