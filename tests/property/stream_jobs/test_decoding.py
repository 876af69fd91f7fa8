"""Whatever bytes arrive: the filter never costs a purchase, and every line ends in one counted place."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import decode
from schemas.event import PURCHASE, Rejection
from schemas.instants import parse_instant_us
from schemas.kpl import Aggregator
from schemas.settings import Settings
from stream_jobs.byte_filter import ByteFilter
from stream_jobs.decoding import Decoder
from stream_jobs.rules import rules_of

ARRIVAL_US = parse_instant_us("2026-11-24T10:00:00Z")
TOPIC = "arn:aws:sns:eu-west-1:123456789012:PurchaseAlerts"
ALERTED = (PURCHASE, "sign-up_2.x")
SETTINGS = Settings("stream", "raw", "curated", TOPIC, "https://queue", alert_types=",".join(ALERTED))
DECODER = Decoder(rules_of(SETTINGS), None)


@st.composite
def spelled(draw: st.DrawFn, word: str) -> str:
    """A word as a JSON text, any of its letters as escapes in either case."""
    letters = []
    for letter in word:
        escape = f"\\u{ord(letter):04x}"
        letters.append(draw(st.sampled_from([letter, escape, escape.upper().replace("\\U", "\\u")])))
    return '"' + "".join(letters) + '"'


@st.composite
def event_lines(draw: st.DrawFn) -> bytes:
    event_type = draw(st.sampled_from([*ALERTED, "page_view", "purchases", "Purchase"]))
    fields = [
        ('"event_type"' if draw(st.booleans()) else draw(spelled("action")), draw(spelled(event_type))),
        ('"user_id"', draw(st.sampled_from(['"u1"', "17", '""', "null"]))),
        ('"session_id"', '"s1"'),
        (draw(st.sampled_from(['"event_timestamp"', '"timestamp"'])), '"2026-11-24T10:00:00Z"'),
        ('"event_id"', json.dumps(draw(st.text(max_size=5)))),
        ('"page_url"', draw(spelled(draw(st.sampled_from(["ü", "a&b", "purchase"]))))),
    ]
    space = draw(st.sampled_from(["", " ", "\t", "\r"]))
    members = f",{space}".join(f"{key}{space}:{space}{value}" for key, value in draw(st.permutations(fields)))
    return f"{space}{{{members}}}{space}".encode()


def is_alerted(line: bytes) -> bool:
    event = decode(line, ARRIVAL_US)
    return not isinstance(event, Rejection) and event.event_type in ALERTED


@given(event_lines())
def test_a_line_the_filter_rules_out_is_not_to_be_alerted(line: bytes) -> None:
    assert ByteFilter(ALERTED).passes(line) or not is_alerted(line)
    event = decode(line, ARRIVAL_US)
    is_purchase = not isinstance(event, Rejection) and event.event_type == PURCHASE
    assert ByteFilter([PURCHASE]).passes(line) or not is_purchase


@given(st.lists(event_lines(), max_size=8), st.sampled_from([ALERTED, (PURCHASE,)]))
def test_many_payloads_are_judged_as_each_alone(lines: list[bytes], event_types: tuple[str, ...]) -> None:
    byte_filter = ByteFilter(event_types)
    assert byte_filter.passing(lines) == [line for line in lines if byte_filter.passes(line)]


@given(st.lists(st.one_of(event_lines(), st.binary(max_size=40), st.just(b"")), max_size=8))
def test_filter_and_parse_find_what_parsing_alone_finds(lines: list[bytes]) -> None:
    record = b"\n".join(lines)
    expected = [decode(line, ARRIVAL_US) for line in record.split(b"\n") if is_alerted(line)]
    assert [alert.event for alert in DECODER.record(record, ARRIVAL_US).alerts] == expected


@given(st.lists(event_lines(), min_size=1, max_size=8))
def test_an_aggregate_holds_the_same_purchases_as_its_lines_alone(lines: list[bytes]) -> None:
    aggregator = Aggregator(1_000_000)
    for line in lines:
        assert aggregator.add("key", line)
    found = DECODER.record(aggregator.drain(), ARRIVAL_US)
    assert [alert.event for alert in found.alerts] == [decode(line, ARRIVAL_US) for line in lines if is_alerted(line)]
    assert found.events == len(lines)


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=60).map(lambda tail: b"\xf3\x89\x9a\xc2" + tail)))
def test_any_bytes_decode_without_an_error(blob: bytes) -> None:
    found = DECODER.record(blob, ARRIVAL_US)
    assert len(found.alerts) + len(found.dead_letters) + found.filtered + found.too_old == max(
        found.events, len(found.dead_letters)
    )
