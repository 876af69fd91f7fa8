from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.errors import ConfigError
from schemas.event import ClickEvent
from schemas.settings import Settings
from stream_jobs.rules import parse_rule, rules_of

TOPIC = "arn:aws:sns:eu-west-1:123456789012:PurchaseAlerts"
SETTINGS = Settings("stream", "raw", "curated", TOPIC, "https://queue")


def event(event_type: str = "purchase", **metadata: str) -> ClickEvent:
    return ClickEvent(
        event_id="e", user_id="u", session_id="s", event_type=event_type, event_timestamp_us=0, metadata=metadata
    )


def is_met(conditions: str, **metadata: str) -> bool:
    return parse_rule(f"r: purchase where {conditions} to {TOPIC}").is_met(event(**metadata))


def test_without_settings_of_its_own_a_deployment_alerts_purchases_to_the_main_topic() -> None:
    rules = rules_of(SETTINGS)
    assert rules.topic_arns() == {"purchase": TOPIC}
    assert [rule.name for rule in rules.matching(event())] == ["purchase"]
    assert rules.matching(event("click")) == []


def test_each_rule_has_its_own_topic() -> None:
    settings = replace(
        SETTINGS, alert_types="purchase,signup", alert_rules=f"big: purchase where amount_minor >= 100000 to {TOPIC}Big"
    )
    rules = rules_of(settings)
    assert rules.event_types == ("purchase", "signup")
    assert rules.topic_arns() == {"purchase": TOPIC, "signup": TOPIC, "big": f"{TOPIC}Big"}
    assert [rule.name for rule in rules.matching(event(amount_minor="100000"))] == ["purchase", "big"]


@pytest.mark.parametrize(
    ("amount", "expected"), [("99999", False), ("100000", True), ("100000.5", True), ("1e6", True), ("-1e9", False)]
)
def test_numbers_compare_as_numbers(amount: str, expected: bool) -> None:
    assert is_met("amount_minor >= 100000", amount_minor=amount) is expected


@pytest.mark.parametrize("amount", ["", "many", "NaN", "Infinity", "1" * 100])
def test_a_text_that_is_no_number_meets_no_comparison(amount: str) -> None:
    assert not is_met("amount_minor >= 0", amount_minor=amount)
    assert not is_met("amount_minor < 0", amount_minor=amount)


def test_texts_compare_as_they_are() -> None:
    assert is_met("country in DE,AT and currency = EUR", country="AT", currency="EUR")
    assert not is_met("country in DE,AT and currency = EUR", country="AT", currency="CHF")
    assert is_met("campaign = 'black friday'", campaign="black friday")
    assert is_met("country != DE", country="AT")


def test_an_absent_value_meets_no_condition() -> None:
    assert not is_met("country != DE")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "big",
        "big: purchase",
        "big: to x",
        f"big: purchase where to {TOPIC}",
        f"big: purchase where amount_minor to {TOPIC}",
        f"big: purchase where amount_minor ~ 3 to {TOPIC}",
        f"big: purchase where amount_minor >= many to {TOPIC}",
        f"big: purchase where a = 1 or b = 2 to {TOPIC}",
        f"big: purchase when a = 1 to {TOPIC}",
        f"two words: purchase to {TOPIC}",
        f"big: käufe to {TOPIC}",
        "big: purchase to somewhere",
        f"big: purchase where a = 'open to {TOPIC}",
    ],
)
def test_a_rule_of_another_form_is_told(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_rule(text)


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("device_type = mobile", "device_type is a field of the event"),
        ("event_timestamp != x", "event_timestamp is a field of the event"),
        ("country = DE,AT", "only `in` does"),
        ("country != DE,AT", "only `in` does"),
        ("amount_minor >= 1,000", "only `in` does"),
        ("currency in EUR,", "has an empty value"),
        ("currency in EUR,,CHF", "has an empty value"),
    ],
)
def test_a_condition_that_can_never_be_meant_is_told(condition: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        parse_rule(f"r: purchase where {condition} to {TOPIC}")


@pytest.mark.parametrize("quote", ["'", '"'])
def test_what_stands_in_quotes_is_text(quote: str) -> None:
    def quoted(text: str) -> str:
        return f"{quote}{text}{quote}"

    assert is_met(f"campaign = {quoted('a, b; c')}", campaign="a, b; c")
    assert is_met(f"campaign in x,{quoted('a,b')}", campaign="a,b")
    assert is_met(f"campaign in x,{quoted('')}", campaign="")
    assert is_met(f"{quoted('my key')} = {quoted('and')}", **{"my key": "and"})
    settings = replace(
        SETTINGS,
        alert_rules=f"a: click where x = {quoted('1;2')} to {TOPIC}; b: click to {TOPIC}\nc: signup to {TOPIC}",
    )
    rules = rules_of(settings)
    assert list(rules.topic_arns()) == ["purchase", "a", "b", "c"]
    assert [rule.name for rule in rules.matching(event("click", x="1;2"))] == ["a", "b"]


def test_a_quote_that_is_not_closed_ends_with_its_line() -> None:
    with pytest.raises(ConfigError) as caught:
        rules_of(
            replace(SETTINGS, alert_rules=f"a: click where x = it's to {TOPIC}\nb: click where x = 'y' to {TOPIC}")
        )
    assert list(caught.value.faults) == ["alert rule 'a': a quote is not closed"]


def test_every_fault_is_told_at_once() -> None:
    settings = replace(SETTINGS, alert_types="purchase, über", alert_rules=f"a: purchase\npurchase: click to {TOPIC}")
    with pytest.raises(ConfigError) as caught:
        rules_of(settings)
    faults = "\n".join(caught.value.faults)
    for expected in ("'über'", "'a: purchase'", "'purchase' is given twice"):
        assert expected in faults


def test_a_deployment_that_alerts_nothing_is_a_fault() -> None:
    with pytest.raises(ConfigError, match="neither"):
        rules_of(replace(SETTINGS, alert_types=""))
