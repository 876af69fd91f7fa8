"""The recount's own reading of a line and the codec's come to the same, whatever the bytes."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from batch_compaction.recount_events import MAX_LINE_BYTES, are_same_reason, read_event
from schemas.codec import decode, encode
from schemas.event import MAX_EVENT_BYTES, ClickEvent
from schemas.instants import parse_instant_us

ARRIVAL = parse_instant_us("2026-11-24T10:00:00Z")

NUMBERS = "0 -0 1 -1 1.50 -0.0 1E5 1e-7 1e999 -1e999 01 1. 9223372036854775807 9223372036854775808 NaN Infinity"
LARGE_NUMBERS = ["18446744073709551616", "123456789012345678901234567890", "1" * 4300, "1" * 4301]
TEXTS = [
    "",
    "u",
    "é",
    r"\u00e9",
    r"\ud83d\ude00",
    r"\ud800",
    r"\ude00",
    r"\u0000",
    r"\q",
    r"\/",
    r"\\",
    "\x7f",
    "a\x01b",
]
INSTANTS = """2026-11-24T10:00:00Z|2026-11-24 10:00+05:30|2026-11-24T10:00:00.1234567-0530|2026-11-24T10:00:60Z
2026-11-24T10:00.5Z|2026-02-30T10:00Z|2026-11-24T24:00:00Z|2026-11-24T10:00:00+24:00|2026-11-24T10:00:00+23:60
2026-11-24T10:00:00+05:75|2026-11-24T10:00:00-23:59|2026-11-24|0001-01-01T00:00:00+10:00|9999-12-31T23:59:59-10:00
2026-11-25T10:59:59.999999Z|0000-01-01T00:00Z|2026-11-25T11:00:00Z|2000-01-01T00:00:00Z|1999-12-31T23:59:59.999999Z
2026-11-24T10:00:00.1234567890Z|2026-11-24t10:00:00z|2026-11-24T10:00+05|2026-11-24T10:00+5"""
MILLISECONDS = """1795514400000 1795514400000.5 1795514400000.0005 1.7955144e12 1e15 1e16 946684800000 946684799999
-5 99999999999999999999 "" true [] null"""
KEYS = r"""event_id user_id session_id event_type action event_timestamp timestamp device_type page_url metadata
producer_id producer_seq other user\u005fid"""

numbers = st.sampled_from([*NUMBERS.split(), *LARGE_NUMBERS])
texts = st.sampled_from(TEXTS).map('"{}"'.format) | st.text(max_size=5).map(json.dumps)
instants = st.sampled_from([*map('"{}"'.format, INSTANTS.replace("\n", "|").split("|")), *MILLISECONDS.split()])
scalars = st.one_of(
    texts, numbers, instants, st.sampled_from(["null", "true", "false", "tru", "", "{}", "[]", "[1, 2]"])
)
keys = st.sampled_from(KEYS.split())
spaces = st.sampled_from(["", "", "", " ", "\t", "\r", "\x0b", "\u00a0"])


def members(names: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.builds('{}"{}"{}:{}{}'.format, spaces, names, spaces, spaces, values)
    return st.lists(pair, max_size=4).map(lambda pairs: "{" + ",".join(pairs) + "}")


metadata = members(st.sampled_from(["a", "b", "country", ""]), scalars | members(st.just("x"), scalars))
right = {
    "event_id": '"e"',
    "user_id": '"u"',
    "session_id": '"s"',
    "event_type": '"click"',
    "event_timestamp": "1795514400000",
    "metadata": '{"a":"1"}',
}


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    pairs = [(key, value) for key, value in right.items() if draw(st.integers(0, 9))]
    for _ in range(draw(st.integers(0, 3))):
        key = draw(keys)
        value = draw(
            instants if key in ("event_timestamp", "timestamp") else metadata if key == "metadata" else scalars
        )
        pairs.insert(draw(st.integers(0, len(pairs))), (key, value))
    space = draw(spaces)
    text = "{" + ",".join(f'"{key}"{space}:{value}' for key, value in pairs) + "}" + draw(spaces)
    return text.encode("utf-8", "surrogatepass")


def verdict_of_the_codec(line: bytes) -> Any:
    found = decode(line, ARRIVAL)
    if not isinstance(found, ClickEvent):
        return str(found.reason)
    event = msgspec.structs.asdict(found)
    event["click_id"] = event.pop("event_id")
    event["event_timestamp"] = event.pop("event_timestamp_us")
    return event


def assert_same(line: bytes) -> None:
    mine, codecs = read_event(line, ARRIVAL), verdict_of_the_codec(line)
    assert are_same_reason(mine, codecs) if isinstance(mine, str) and isinstance(codecs, str) else mine == codecs


@settings(max_examples=1500, deadline=None)
@given(lines())
def test_both_come_to_the_same_on_lines_that_are_almost_events(line: bytes) -> None:
    assert_same(line)


@settings(max_examples=300, deadline=None)
@given(
    st.binary(min_size=1, max_size=40) | st.text(alphabet='{}[]",:\\ue0d8 1', min_size=1, max_size=30).map(str.encode)
)
@example(b"[" * 101 + b"]" * 101)
@example(b'{"a":' * 100 + b"1" + b"}" * 100)
@example(b'{"a":"' + b"[" * 101 + b'"}')
@example(b'{"x":"\xff' + b"[" * 101 + b"}")
@example(b" " * 3 + b"{}")
@example(b'{"user_id":"' + b"x" * MAX_LINE_BYTES + b'"}')
def test_both_come_to_the_same_on_any_bytes(line: bytes) -> None:
    if line.strip():
        assert_same(line)


@settings(max_examples=200, deadline=None)
@given(
    st.builds(
        ClickEvent,
        event_id=st.just(""),
        user_id=st.text(min_size=1, max_size=5),
        session_id=st.text(min_size=1, max_size=5),
        event_type=st.text(min_size=1, max_size=5),
        event_timestamp_us=st.integers(ARRIVAL - 10**9, ARRIVAL + 10**9),
        page_url=st.none() | st.text(min_size=1, max_size=5),
        metadata=st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=3),
    )
)
def test_both_give_an_event_without_an_id_the_same_one(event: ClickEvent) -> None:
    assert_same(encode(event))


def test_the_limit_of_a_line_is_the_contracts() -> None:
    assert MAX_LINE_BYTES == MAX_EVENT_BYTES
