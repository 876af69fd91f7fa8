from __future__ import annotations

import msgspec
import pytest

from schemas.alert import alert_of, encode_alert
from schemas.event import ClickEvent
from schemas.instants import parse_instant_us
from stream_jobs.watching import amount_text, line_of, seen

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
    for part in ("10:00:00.085", "purchase", "o-77", "12.34 EUR", "DE", "85 ms", "https://shop.example/cart"):
        assert part in line
    assert "repeat" not in line
    assert "maybe repeat" in line_of(msgspec.structs.replace(SEEN, maybe_repeat=True))


def test_an_alert_is_shown_under_the_rule_that_it_was_sent_for() -> None:
    alert = seen(encode_alert(alert_of(EVENT, ARRIVAL_US, "big-spender")).decode(), "m1", ARRIVAL_US)
    assert alert.rule == "big-spender"
    assert "  big-spender  " in line_of(alert)


def test_a_line_does_not_steer_the_terminal() -> None:
    line = line_of(msgspec.structs.replace(SEEN, page_url="https://shop.example/\x1b[2J\nß"))
    assert line.endswith(r"https://shop.example/\x1b[2J\nß")


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
