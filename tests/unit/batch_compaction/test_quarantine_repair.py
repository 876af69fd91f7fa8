"""What rules make of one line."""

from __future__ import annotations

import msgspec
import pytest

from batch_compaction.quarantine_repair import Fate, Judgement, Origin, QuarantinedLine, judge
from batch_compaction.repair_rules import parse_rules
from schemas.codec import decode
from schemas.event import ClickEvent, Rejection
from schemas.instants import format_instant_us, parse_instant_us
from schemas.lake import parse_hour

ARRIVAL = parse_hour("2026-11-24T10")
GOOD = {
    "event_id": "e",
    "user_id": "u",
    "session_id": "s",
    "event_type": "click",
    "event_timestamp": "2026-11-24T10:00:00Z",
}


def line_of(data: bytes, reason: str = "", detail: str = "") -> QuarantinedLine:
    if not reason:
        verdict = decode(data, ARRIVAL)
        assert isinstance(verdict, Rejection), verdict
        reason, detail = verdict.reason, verdict.detail
    return QuarantinedLine(Origin("clickstream/a", 7), reason, detail, data, ARRIVAL, "a-run")


def judged(rule: str, **changed: object) -> Judgement:
    return judged_line(rule, msgspec.json.encode({**GOOD, **changed}))


def judged_line(rule: str, data: bytes) -> Judgement:
    return judge(parse_rules(f"[[rule]]\n{rule}", "mine"), line_of(data))


def event_of(judgement: Judgement) -> ClickEvent:
    assert judgement.fate is Fate.PASSES, judgement
    event = decode(judgement.data, ARRIVAL)
    assert isinstance(event, ClickEvent)
    return event


def test_a_field_of_another_name_is_renamed_and_the_line_says_where_it_is_from() -> None:
    judgement = judged('rename = { uid = "user_id" }', user_id=None, uid=12)
    assert event_of(judgement).user_id == "12"
    assert msgspec.json.decode(judgement.data)["repaired_from"] == {"object": "clickstream/a", "line": 7}


def test_values_that_no_rule_names_stay_as_they_were_written() -> None:
    data = (
        b'{"uid":1.50,"session_id": 7.10,"action":"click","timestamp":"2026-11-24T10:00:00Z",'
        b'"metadata":{"price": 2.00}}'
    )
    event = event_of(judged_line('rename = { uid = "user_id" }', data))
    assert (event.user_id, event.session_id, event.metadata) == ("1.50", "7.10", {"price": "2.00"})


def test_a_rename_overwrites_nothing_and_the_first_one_counts() -> None:
    rule = 'rename = { a = "user_id", b = "user_id", c = "session_id" }'
    event = event_of(judged(rule, user_id="", a="first", b="second", c="other"))
    assert (event.user_id, event.session_id) == ("first", "s")


def test_metadata_is_reached_by_a_path_in_both_directions() -> None:
    rule = (
        'rename = { "metadata.uid" = "user_id", country = "metadata.country" }\ndefault = { "metadata.campaign" = "x" }'
    )
    event = event_of(judged(rule, user_id=None, country="DE", metadata={"uid": "u5", "kept": 1}))
    assert event.user_id == "u5"
    assert event.metadata == {"campaign": "x", "country": "DE", "kept": "1"}


def test_metadata_that_is_no_object_is_left_alone_below_and_can_be_dropped_whole() -> None:
    still = judged('default = { "metadata.a" = "x" }', metadata=[1])
    assert still.rejection is not None and still.rejection.detail == "metadata is not an object"
    assert event_of(judged('drop = "metadata"\ndefault = { "metadata.a" = "x" }', metadata=[1])).metadata == {"a": "x"}


def test_a_value_is_not_lost_to_a_place_that_is_none() -> None:
    judgement = judged(
        'rename = { a = "metadata.a" }\ncoerce = { user_id = "text" }', user_id=True, a="x", metadata=[1]
    )
    assert judgement.fate is Fate.FAILS


def test_a_default_is_for_what_is_absent_and_an_alias_counts_as_its_field() -> None:
    rule = 'default = { event_type = "page_view", user_id = "nobody" }'
    event = event_of(judged(rule, user_id="", event_type=None, action="search"))
    assert (event.event_type, event.user_id) == ("search", "nobody")


def test_a_field_is_dropped_before_another_gets_its_name() -> None:
    rule = 'drop = ["user_id"]\nrename = { uid = "user_id" }'
    assert event_of(judged(rule, user_id=True, uid="u5")).user_id == "u5"


@pytest.mark.parametrize(
    ("written", "format", "expected"),
    [
        ("24.11.2026 11:30", "%d.%m.%Y %H:%M", "2026-11-24T10:30:00.000000Z"),
        ("24/Nov/2026:10:30:00 +0000", "%d/%b/%Y:%H:%M:%S %z", "2026-11-24T10:30:00.000000Z"),
        ("2026-11-24T11:30:00", "iso", "2026-11-24T10:30:00.000000Z"),
        ("2026-11-24T10:30:00Z", "iso", "2026-11-24T10:30:00.000000Z"),
        ("1795516200", "epoch_s", "2026-11-24T10:30:00.000000Z"),
        (1795516200.25, "epoch_s", "2026-11-24T10:30:00.250000Z"),
        ("1795516200000", "epoch_ms", "2026-11-24T10:30:00.000000Z"),
        (1795516200000001, "epoch_us", "2026-11-24T10:30:00.000001Z"),
        ("1795516200000001999", "epoch_ns", "2026-11-24T10:30:00.000001Z"),
    ],
)
def test_a_time_is_read_as_the_rule_says(written: object, format: str, expected: str) -> None:
    rule = f'coerce = {{ event_timestamp = {{ format = "{format}", zone = "Europe/Berlin" }} }}'
    data = msgspec.json.encode({**GOOD, "event_timestamp": written})
    judgement = judge(parse_rules(f"[[rule]]\n{rule}", "mine"), line_of(data, "bad_timestamp", "x"))
    assert format_instant_us(event_of(judgement).event_timestamp_us) == expected


@pytest.mark.parametrize("written", ["soon", "1e999999999", "NaN", "-1e30", True, ["x"], {"at": 1}])
@pytest.mark.parametrize("format", ["iso", "epoch_s", "epoch_ns", "%d.%m.%Y"])
def test_what_cannot_be_read_so_stays_and_the_codec_names_it(written: object, format: str) -> None:
    judgement = judged(f'coerce = {{ event_timestamp = {{ format = "{format}" }} }}', event_timestamp=written)
    assert judgement.fate is Fate.FAILS
    verdict = decode(msgspec.json.encode({**GOOD, "event_timestamp": written}), ARRIVAL)
    assert judgement.rejection == verdict


def test_a_metadata_that_is_a_text_becomes_the_object_in_it_on_one_line() -> None:
    judgement = judged('coerce = { metadata = "object" }', metadata='{\n  "country": "DE",\n  "n": [1,\n 2]\n}')
    assert b"\n" not in judgement.data
    assert event_of(judgement).metadata == {"country": "DE", "n": "[1,2]"}


@pytest.mark.parametrize("written", ["[1]", "{", "", 3])
def test_a_text_that_holds_no_object_stays(written: object) -> None:
    judgement = judged('coerce = { metadata = "object", user_id = "object" }', metadata=written, user_id=None)
    assert judgement.fate is Fate.FAILS


def test_a_value_becomes_text_or_a_whole_number() -> None:
    rule = 'coerce = { user_id = "text", session_id = "text", producer_seq = "integer", page_url = "text" }'
    event = event_of(judged(rule, user_id=True, session_id=[1], producer_seq="12", page_url="/p"))
    assert (event.user_id, event.session_id, event.producer_seq, event.page_url) == ("true", "[1]", 12, "/p")
    assert event_of(judged(rule, user_id=False, producer_seq=3.0)).producer_seq == 3


@pytest.mark.parametrize("written", ["x", "1.5", "1e400", "", "1e30"])
def test_what_is_no_whole_number_stays(written: str) -> None:
    assert judged('coerce = { producer_seq = "integer" }', producer_seq=written, user_id=None).fate is Fate.FAILS


@pytest.mark.parametrize("data", [b"{broken", b"[]", b"\xff{}", b"", b'{"a":"\xff"}', b"[" * 5000])
def test_what_is_no_json_object_cannot_be_repaired_only_dismissed(data: bytes) -> None:
    line = line_of(data, "not_json", "x")
    judgement = judge(parse_rules('[[rule]]\nrename = { a = "user_id" }', "mine"), line)
    assert judgement.fate is Fate.FAILS
    assert judgement.rejection is not None
    assert judge(parse_rules('[[rule]]\ndismiss = "noise"', "mine"), line).fate is Fate.DISMISSED


def test_a_part_of_a_damaged_object_is_never_repaired_even_where_it_looks_whole() -> None:
    line = line_of(msgspec.json.encode(GOOD), "damaged_object", "the gzip ends before its end")
    assert judge(parse_rules('[[rule]]\nrename = { a = "user_id" }', "mine"), line).fate is Fate.FAILS


def test_a_line_that_is_too_large_passes_without_what_makes_it_so() -> None:
    large = {**GOOD, "blob": "x" * 300_000}
    assert event_of(judged_line('drop = "blob"', msgspec.json.encode(large))).event_id == "e"


def test_a_rule_that_does_nothing_asks_the_codec_again() -> None:
    line = line_of(msgspec.json.encode(GOOD), "bad_timestamp", "of an earlier version")
    rules = parse_rules('[[rule]]\nwhere.reason = "bad_timestamp"', "mine")
    assert event_of(judge(rules, line)).event_timestamp_us == parse_instant_us("2026-11-24T10:00:00Z")


def test_a_line_that_no_rule_takes_is_untaken() -> None:
    rules = parse_rules('[[rule]]\nwhere.reason = "not_json"\ndismiss = "x"', "mine")
    assert judge(rules, line_of(b"[]")) == Judgement(Fate.UNTAKEN)
