from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from schemas.dead_letter import BROKEN_FRAME
from schemas.errors import ConfigError
from schemas.instants import parse_instant_us
from schemas.kpl import Aggregator
from schemas.settings import Settings, max_age_us_of
from stream_jobs.decoding import Decoded, Decoder, state_key
from stream_jobs.rules import rules_of
from tests.attestations import attestation_line

ARRIVAL_US = parse_instant_us("2026-11-24T10:00:00Z")
TOPIC = "arn:aws:sns:eu-west-1:123456789012:PurchaseAlerts"
SETTINGS = Settings("stream", "raw", "curated", TOPIC, "https://queue")


def decode_record(blob: bytes, arrival_us: int, max_age_us: int | None = None, **settings: str) -> Decoded:
    return Decoder(rules_of(replace(SETTINGS, **settings)), max_age_us).record(blob, arrival_us)


def line(event_id: str = "e1", event_type: str = "purchase", **fields: Any) -> bytes:
    event = {
        "event_id": event_id,
        "user_id": "u1",
        "session_id": "s1",
        "event_type": event_type,
        "event_timestamp": "2026-11-24T10:00:00Z",
    }
    return json.dumps(event | fields).encode()


def aggregate(*lines: bytes) -> bytes:
    aggregator = Aggregator(1_000_000)
    for data in lines:
        aggregator.add("u1", data)
    return aggregator.drain()


def ids(blob: bytes) -> list[str]:
    return [found.event.event_id for found in decode_record(blob, ARRIVAL_US).alerts]


def test_plain_multi_line_and_aggregated_records_give_their_purchases_in_order() -> None:
    assert ids(line("a")) == ["a"]
    assert ids(line("a") + b"\n" + line("b") + b"\r\n") == ["a", "b"]
    assert ids(aggregate(line("a"), line("b") + b"\n" + line("c"))) == ["a", "b", "c"]


def test_other_events_are_counted_and_nothing_else() -> None:
    found = decode_record(aggregate(line(event_type="page_view"), line("b")), ARRIVAL_US)
    assert [alert.event.event_id for alert in found.alerts] == ["b"]
    assert (found.events, found.filtered, found.dead_letters) == (2, 1, [])


def test_blank_lines_are_no_events() -> None:
    assert decode_record(b"\n \n" + line() + b"\n\n", ARRIVAL_US).events == 1


def test_a_purchase_spelled_with_escapes_is_found() -> None:
    assert ids(line().replace(b'"purchase"', b'"\\u0070urchase"')) == ["e1"]


def test_a_purchase_under_the_alias_is_found() -> None:
    assert ids(line().replace(b"event_type", b"action")) == ["e1"]


def test_a_page_about_purchases_is_no_purchase() -> None:
    found = decode_record(line(event_type="page_view", page_url="/purchase"), ARRIVAL_US)
    assert (found.alerts, found.filtered, found.dead_letters) == ([], 1, [])


def test_a_frame_with_a_wrong_digest_is_one_dead_letter_with_all_its_bytes() -> None:
    broken = aggregate(line())[:-1] + b"?"
    found = decode_record(broken, ARRIVAL_US)
    (letter,) = found.dead_letters
    assert (letter.reason, letter.stage, letter.payload()) == (BROKEN_FRAME, "frame", broken)
    assert (found.alerts, found.events) == ([], 0)


def test_a_rejected_line_that_may_have_been_a_purchase_is_a_dead_letter() -> None:
    bad = line(user_id="")
    (letter,) = decode_record(bad, ARRIVAL_US).dead_letters
    assert (letter.reason, letter.stage, letter.payload()) == ("empty_field", "decode", bad)
    assert letter.arrival_timestamp == "2026-11-24T10:00:00.000000Z"


def test_a_rejected_line_of_another_kind_is_left_to_the_lake() -> None:
    assert decode_record(line(event_type="click", user_id=""), ARRIVAL_US).dead_letters == []


@pytest.mark.parametrize("producer_id", ["p-1", "purchase-7", 'a "purchase"', "\\u0070urchase"])
def test_an_attestation_is_no_dead_letter_whatever_its_producer_is_called(producer_id: str) -> None:
    attestation = attestation_line(producer_id=producer_id).replace(b"\\\\u0070", b"\\u0070")
    for record in (attestation, aggregate(line(), attestation), line() + b"\n" + attestation + b"\n"):
        found = decode_record(record, ARRIVAL_US)
        assert (found.dead_letters, found.filtered) == ([], 1)
        assert found.events == 1 + len(found.alerts)


def test_what_contradicts_itself_is_no_attestation_but_a_rejected_line() -> None:
    found = decode_record(attestation_line(producer_id="purchase", count=1), ARRIVAL_US)
    assert [letter.reason for letter in found.dead_letters] == ["missing_field"]


def test_an_event_of_300_kib_is_a_dead_letter() -> None:
    (letter,) = decode_record(line(page_url="x" * 300 * 1024), ARRIVAL_US).dead_letters
    assert letter.reason == "too_large"


def test_a_purchase_without_an_amount_is_a_purchase() -> None:
    assert ids(line(metadata={"amount_minor": "many"})) == ["e1"]


def test_state_keys_are_short_and_differ() -> None:
    keys = {state_key(text) for text in ("", "a", "ü🎉", "a" * 100_000)}
    assert len(keys) == 4
    assert {len(key) for key in keys} == {32}


def test_what_happened_too_long_before_it_arrived_is_counted_and_not_alerted() -> None:
    found = decode_record(line(), ARRIVAL_US + 3_600_000_001, max_age_us=3_600_000_000)
    assert (found.alerts, found.too_old) == ([], 1)
    assert len(decode_record(line(), ARRIVAL_US + 3_600_000_000, max_age_us=3_600_000_000).alerts) == 1


def test_what_proves_a_deployment_is_alerted_however_long_ago_it_happened() -> None:
    for timestamp, expected in (("2000-07-01T00:00:00Z", (1, 0)), ("2000-06-30T23:59:59Z", (0, 1))):
        found = decode_record(line(event_timestamp=timestamp), ARRIVAL_US, max_age_us=3_600_000_000)
        assert (len(found.alerts), found.too_old) == expected


def test_other_types_are_alerted_where_the_settings_name_them() -> None:
    record = aggregate(line("a", "signup"), line("b"), line("c", "click"))
    found = decode_record(record, ARRIVAL_US, alert_types="purchase, signup")
    assert [(alert.event.event_id, [rule.name for rule in alert.rules]) for alert in found.alerts] == [
        ("a", ["signup"]),
        ("b", ["purchase"]),
    ]


def test_an_event_names_every_rule_that_it_meets() -> None:
    rules = f"big: purchase where amount_minor >= 100000 to {TOPIC}Big"
    found = decode_record(line(metadata={"amount_minor": 100000}), ARRIVAL_US, alert_rules=rules)
    assert [rule.name for rule in found.alerts[0].rules] == ["purchase", "big"]
    found = decode_record(line(metadata={"amount_minor": 99999}), ARRIVAL_US, alert_rules=rules)
    assert [rule.name for rule in found.alerts[0].rules] == ["purchase"]


@pytest.mark.parametrize("text", ["", "24", "a day", "off ", "-1h", "1w"])
def test_an_age_of_another_form_is_told(text: str) -> None:
    with pytest.raises(ConfigError, match="which is not `off` or a number with its unit"):
        max_age_us_of(text)


def test_an_age_is_a_number_with_its_unit_or_off() -> None:
    assert [max_age_us_of(text) for text in ("off", "30m", "24h", "7d")] == [
        None,
        1_800_000_000,
        86_400_000_000,
        604_800_000_000,
    ]
