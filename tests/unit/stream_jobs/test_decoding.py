from __future__ import annotations

import json
from typing import Any

from schemas.dead_letter import BROKEN_FRAME
from schemas.instants import parse_instant_us
from schemas.kpl import Aggregator
from stream_jobs.decoding import decode_record, state_key

ARRIVAL_US = parse_instant_us("2026-11-24T10:00:00Z")


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
    return [event.event_id for event in decode_record(blob, ARRIVAL_US).purchases]


def test_plain_multi_line_and_aggregated_records_give_their_purchases_in_order() -> None:
    assert ids(line("a")) == ["a"]
    assert ids(line("a") + b"\n" + line("b") + b"\r\n") == ["a", "b"]
    assert ids(aggregate(line("a"), line("b") + b"\n" + line("c"))) == ["a", "b", "c"]


def test_other_events_are_counted_and_nothing_else() -> None:
    found = decode_record(aggregate(line(event_type="page_view"), line("b")), ARRIVAL_US)
    assert [event.event_id for event in found.purchases] == ["b"]
    assert (found.events, found.dead_letters) == (2, [])


def test_blank_lines_are_no_events() -> None:
    assert decode_record(b"\n \n" + line() + b"\n\n", ARRIVAL_US).events == 1


def test_a_purchase_spelled_with_escapes_is_found() -> None:
    assert ids(line().replace(b'"purchase"', b'"\\u0070urchase"')) == ["e1"]


def test_a_purchase_under_the_alias_is_found() -> None:
    assert ids(line().replace(b"event_type", b"action")) == ["e1"]


def test_a_page_about_purchases_is_no_purchase() -> None:
    found = decode_record(line(event_type="page_view", page_url="/purchase"), ARRIVAL_US)
    assert (found.purchases, found.dead_letters) == ([], [])


def test_a_frame_with_a_wrong_digest_is_one_dead_letter_with_all_its_bytes() -> None:
    broken = aggregate(line())[:-1] + b"?"
    found = decode_record(broken, ARRIVAL_US)
    (letter,) = found.dead_letters
    assert (letter.reason, letter.stage, letter.payload()) == (BROKEN_FRAME, "frame", broken)
    assert (found.purchases, found.events) == ([], 0)


def test_a_rejected_line_that_may_have_been_a_purchase_is_a_dead_letter() -> None:
    bad = line(user_id="")
    (letter,) = decode_record(bad, ARRIVAL_US).dead_letters
    assert (letter.reason, letter.stage, letter.payload()) == ("empty_field", "decode", bad)
    assert letter.arrival_timestamp == "2026-11-24T10:00:00.000000Z"


def test_a_rejected_line_of_another_kind_is_left_to_the_lake() -> None:
    assert decode_record(line(event_type="click", user_id=""), ARRIVAL_US).dead_letters == []


def test_an_event_of_300_kib_is_a_dead_letter() -> None:
    (letter,) = decode_record(line(page_url="x" * 300 * 1024), ARRIVAL_US).dead_letters
    assert letter.reason == "too_large"


def test_a_purchase_without_an_amount_is_a_purchase() -> None:
    assert ids(line(metadata={"amount_minor": "many"})) == ["e1"]


def test_state_keys_are_short_and_differ() -> None:
    keys = {state_key(text) for text in ("", "a", "ü🎉", "a" * 100_000)}
    assert len(keys) == 4
    assert {len(key) for key in keys} == {32}
