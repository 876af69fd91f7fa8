"""Whatever form an event has, it is moved in time and gets another id, and nothing else of it changes."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from producers.lines import Line
from producers.replaying.judging import Judge
from producers.replaying.rewriting import rewritten, whole_ms
from schemas.codec import decode
from schemas.event import ClickEvent
from schemas.instants import format_instant_us

NOW_US = 4_000_000_000_000_000
names = st.sampled_from(
    ["event_id", "user_id", "session_id", "event_type", "action", "event_timestamp", "timestamp", "metadata", "other"]
)
times_us = st.integers(1_000_000_000_000_000, 3_900_000_000_000_000)
times = times_us.flatmap(
    lambda at: st.sampled_from(
        [
            at // 1000,
            at / 1000,
            format_instant_us(at),
            format_instant_us(at)[:19] + "Z",
            format_instant_us(at)[:16].replace("T", " ") + "+02:30",
            "yesterday",
            "",
            None,
            True,
        ]
    )
)
texts = st.sampled_from(["", "7", "x", 'quote"d', "event_timestamp", "timestamp", "é", "\\"]) | st.text(max_size=5)
values = texts | st.integers(-5, 2**40) | st.floats(allow_nan=False) | st.none() | times
nested = st.dictionaries(names | texts, values, max_size=3) | st.lists(values, max_size=3)


@st.composite
def objects(draw: st.DrawFn) -> bytes:
    """JSON objects with the keys of an event, some twice, some escaped, with white space, in any order."""
    pairs = draw(
        st.permutations(
            [
                ("user_id", draw(texts.filter(bool))),
                ("session_id", "s"),
                (draw(st.sampled_from(["event_type", "action"])), "click"),
                (draw(st.sampled_from(["event_timestamp", "timestamp"])), draw(times)),
                *draw(st.lists(st.tuples(names, values | nested), max_size=4)),
            ]
        )
    )
    is_ascii = draw(st.booleans())
    gap = draw(st.sampled_from(["", " ", "\t "]))

    def key(name: str) -> str:
        return f'"\\u{ord(name[0]):04x}{name[1:]}"' if draw(st.integers(0, 9)) == 0 else f'"{name}"'

    written = (f"{gap}{key(name)}{gap}:{gap}{json.dumps(value, ensure_ascii=is_ascii)}" for name, value in pairs)
    return ("{" + ",".join(written) + gap + "}").encode("utf-8", "surrogatepass")


def event_of(data: bytes) -> ClickEvent | None:
    event = decode(data, NOW_US)
    return event if isinstance(event, ClickEvent) else None


def other_pairs(data: bytes) -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = json.loads(data, object_pairs_hook=list)
    return [pair for pair in pairs if pair[0] not in ("event_timestamp", "timestamp", "event_id")]


@given(objects(), st.integers(-5 * 10**13, 10**13).map(whole_ms), st.sampled_from(["", "~1"]))
def test_an_event_is_moved_and_renamed_and_nothing_else_changes(data: bytes, shift_us: int, suffix: str) -> None:
    event = event_of(data)
    if event is None:
        return
    moved = rewritten(Line("k", data, event.event_timestamp_us), shift_us, suffix)
    after = event_of(moved.data)
    assert after is not None
    has_id = event.event_id in (str(value) for value in json.loads(data).values())
    assert after == msgspec.structs.replace(
        event,
        event_timestamp_us=event.event_timestamp_us + shift_us,
        event_id=event.event_id + suffix if has_id else after.event_id,
    )
    assert moved.event_us == after.event_timestamp_us
    assert other_pairs(moved.data) == other_pairs(data)


@given(objects() | st.binary(max_size=60))
def test_the_verdict_on_a_line_is_that_of_the_pipeline(data: bytes) -> None:
    told, event = Judge(NOW_US).told_by(data), event_of(data)
    assert told == (None if event is None else (event.user_id, event.event_timestamp_us))


def test_the_bytes_of_a_plain_event_change_in_one_place_only() -> None:
    data = b'{ "user_id":"u","x":[1764000000000],"session_id":"s","action":"a", "timestamp" : 1764000000000 }\r'
    moved = rewritten(Line("k", data, 1764000000000000), 5_000, "~1").data
    assert moved == data.replace(b": 1764000000000", b": 1764000000005")


def test_a_line_without_a_time_and_what_is_no_object_stay_as_they_are() -> None:
    for line in (Line("k", b'{"timestamp":1}'), Line("k", b"cut {", 5), Line("k", b"[1]", 5), Line("k", b"\xff", 5)):
        assert rewritten(line, 1000, "~1").data == line.data
