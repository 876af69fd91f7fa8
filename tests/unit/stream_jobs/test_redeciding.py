"""What today's code and rules make of a dead letter."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from schemas.alert import PurchaseAlert, alert_of, encode_alert
from schemas.dead_letter import DeadLetter, Stage, dead_letter_of
from schemas.errors import BadRecordError
from schemas.event import MAX_EVENT_BYTES, ClickEvent
from schemas.instants import DAY_US, format_instant_us, parse_instant_us
from schemas.kpl import Aggregator
from schemas.settings import Settings
from stream_jobs.redeciding import Decider
from stream_jobs.rules import rules_of

ARRIVAL_US = parse_instant_us("2026-11-24T10:00:00Z")
TOPIC = "arn:aws:sns:us-east-1:123456789012:PurchaseAlerts"
SETTINGS = Settings(
    stream="clickstream",
    raw_bucket="raw-bucket",
    curated_bucket="curated-bucket",
    alerts_topic_arn=TOPIC,
    dead_letter_queue_url="http://127.0.0.1:9/queue",
    alert_rules=f"big: purchase where amount_minor >= 100000 to {TOPIC}-big",
)
DECIDER = Decider(rules_of(SETTINGS))


def line(event_id: str, *, amount_minor: int = 1234, at_us: int = ARRIVAL_US, **fields: Any) -> bytes:
    known = {
        "event_id": event_id,
        "user_id": "u",
        "session_id": "s",
        "event_type": "purchase",
        "event_timestamp": format_instant_us(at_us),
        "metadata": {"amount_minor": amount_minor},
    }
    return json.dumps(known | fields).encode()


def letter(payload: bytes, stage: Stage, attempts: int = 1) -> DeadLetter:
    return dead_letter_of(
        payload, reason="some_reason", detail="why", stage=stage, arrival_us=ARRIVAL_US, attempts=attempts
    )


def alert(rule: str = "purchase", **fields: Any) -> PurchaseAlert:
    event = ClickEvent(
        event_id="e", user_id="u", session_id="s", event_type="purchase", event_timestamp_us=ARRIVAL_US, **fields
    )
    return alert_of(event, ARRIVAL_US, rule)


def decide(payload: bytes, stage: Stage, attempts: int = 1) -> list[PurchaseAlert]:
    decision = DECIDER.decide(letter(payload, stage, attempts), payload)
    assert decision.letters == ()
    return list(decision.alerts)


def test_a_line_that_is_valid_today_is_alerted_by_every_rule_that_it_meets() -> None:
    found = decide(line("e1", amount_minor=100_000), "decode")
    assert [(each.event_id, each.rule) for each in found] == [("e1", "purchase"), ("e1", "big")]
    assert {each.arrival_timestamp for each in found} == {"2026-11-24T10:00:00.000000Z"}
    assert not any(each.maybe_repeat for each in found)


def test_a_line_is_alerted_however_old_it_was() -> None:
    assert [each.event_id for each in decide(line("old", at_us=ARRIVAL_US - 300 * DAY_US), "decode")] == ["old"]


def test_a_line_that_is_still_bad_says_why() -> None:
    with pytest.raises(BadRecordError, match="user_id"):
        decide(line("e1", user_id=""), "decode")


def part(payload: bytes, reason: str) -> DeadLetter:
    return dead_letter_of(payload, reason=reason, detail="9999 bytes; piece 3", stage="decode", arrival_us=ARRIVAL_US)


# Of the second, what would be alerted lies in the part that is not here.
@pytest.mark.parametrize("payload", [line("e1"), line("e1")[:30], b"", b"\n"])
def test_what_was_left_of_a_damaged_object_stays(payload: bytes) -> None:
    with pytest.raises(BadRecordError, match="piece 3"):
        DECIDER.decide(part(payload, "damaged_object"), payload)


@pytest.mark.parametrize("payload", [line("e1")[:30], line("e1", pad="x" * MAX_EVENT_BYTES)[: MAX_EVENT_BYTES + 1]])
def test_the_first_bytes_of_what_was_too_large_stay(payload: bytes) -> None:
    with pytest.raises(BadRecordError, match="9999 bytes"):
        DECIDER.decide(part(payload, "too_large"), payload)


def test_a_whole_line_that_is_not_too_large_any_more_is_alerted() -> None:
    (found,) = DECIDER.decide(part(line("e1"), "too_large"), line("e1")).alerts
    assert found.event_id == "e1"


def test_a_letter_of_which_today_s_rules_alert_nobody_stays_unless_it_is_to_be_dropped() -> None:
    payload = line("e1", event_type="page_view")
    with pytest.raises(BadRecordError, match="alert nobody of it: big, purchase"):
        decide(payload, "decode")
    assert Decider(rules_of(SETTINGS), drop_without_alert=True).decide(letter(payload, "decode"), payload).alerts == ()


def test_an_alert_is_as_good_as_it_was() -> None:
    rejected = alert(rule="big", page_url="https://shop.example/")
    assert decide(encode_alert(rejected), "publish") == [rejected]


@pytest.mark.parametrize(("attempts", "flagged"), [(0, False), (1, False), (2, True)])
def test_an_alert_that_was_refused_at_once_is_no_repeat_and_one_after_several_tries_may_be(
    attempts: int, flagged: bool
) -> None:
    (again,) = decide(encode_alert(alert()), "publish", attempts)
    assert again.maybe_repeat is flagged


def test_an_alert_whose_rule_is_gone_stays() -> None:
    with pytest.raises(BadRecordError, match="no rule 'small' today: big, purchase"):
        decide(encode_alert(alert(rule="small")), "publish")


def test_a_payload_that_is_no_alert_stays() -> None:
    with pytest.raises(BadRecordError, match="no alert"):
        decide(line("e1"), "publish")


def test_a_frame_that_is_still_broken_stays_whole() -> None:
    aggregator = Aggregator(1_000_000)
    assert aggregator.add("user", line("e1"))
    with pytest.raises(BadRecordError, match="digest"):
        decide(aggregator.drain()[:-1] + b"?", "frame")


def test_a_frame_that_can_be_read_today_gives_its_alerts_and_its_bad_lines_apart() -> None:
    aggregator = Aggregator(1_000_000)
    bad = line("bad", user_id="")
    for data in (line("e1"), bad, line("e2")):
        assert aggregator.add("user", data)
    frame = aggregator.drain()
    decision = DECIDER.decide(letter(frame, "frame"), frame)
    assert [each.event_id for each in decision.alerts] == ["e1", "e2"]
    assert [(part.stage, part.payload()) for part in decision.letters] == [("decode", bad)]


def test_a_frame_that_is_one_bad_line_stays_itself() -> None:
    bad = line("bad", user_id="")
    with pytest.raises(BadRecordError):
        decide(bad, "frame")


def test_a_letter_of_another_writer_whose_arrival_is_no_instant_stays() -> None:
    strange = msgspec.structs.replace(letter(line("e1"), "decode"), arrival_timestamp="yesterday")
    with pytest.raises(BadRecordError, match="arrival_timestamp"):
        DECIDER.decide(strange, line("e1"))
    with pytest.raises(BadRecordError, match="arrival_timestamp"):
        decide(encode_alert(msgspec.structs.replace(alert(), arrival_timestamp="yesterday")), "publish")
