"""Spans, the bounded sort, and passes: which lines go out, in which order, and when they happened."""

from __future__ import annotations

from itertools import islice

from producers.lines import Line
from producers.replaying.conversion import RowCounts
from producers.replaying.passes import passes_of
from producers.replaying.sequencing import sorted_within, within
from schemas.codec import decode
from schemas.event import ClickEvent

FAR_US = 4_000_000_000_000_000
BASE_US = 1_764_000_000_000_000


def line(name: str, second: float | None) -> Line:
    if second is None:
        return Line(name, name.encode())
    at_us = BASE_US + round(second * 1_000_000)
    data = b'{"event_id":"%s","user_id":"u","session_id":"s","event_type":"click","event_timestamp":%d}'
    return Line(name, data % (name.encode(), at_us // 1000), at_us)


def names(lines: list[Line]) -> str:
    return "".join(line.partition_key for line in lines)


def event_of(line: Line) -> ClickEvent:
    event = decode(line.data, FAR_US)
    assert isinstance(event, ClickEvent)
    return event


def test_a_span_has_its_start_and_not_its_end_and_what_has_no_time_goes_with_the_line_before() -> None:
    recorded = [line(*pair) for pair in (("x", None), ("a", 0), ("b", 1), ("y", None), ("c", 2), ("z", None), ("d", 1))]
    counts = RowCounts()
    assert names(list(within(iter(recorded), BASE_US + 1_000_000, BASE_US + 2_000_000, counts))) == "byd"
    assert counts == RowCounts(outside=4)
    assert names(list(within(iter(recorded), None, BASE_US + 1_000_000, RowCounts()))) == "xa"


def test_lines_are_sorted_as_far_as_the_window_goes_and_later_ones_go_at_once() -> None:
    recorded = [line(*pair) for pair in (("b", 2), ("a", 1), ("c", 3), ("e", 20), ("z", 1.5), ("y", None), ("d", 19))]
    counts = RowCounts()
    assert names(list(sorted_within(iter(recorded), 10_000_000, counts))) == "abczyde"
    assert counts == RowCounts(overtaken=2)
    assert names(list(sorted_within(iter(recorded), 60_000_000, RowCounts()))) == "azybcde"


def test_equal_times_keep_their_order_and_no_more_wait_than_allowed() -> None:
    recorded = [line(name, 1) for name in "abcd"]
    assert names(list(sorted_within(iter(recorded), 0, RowCounts()))) == "abcd"
    backwards = [line(name, 10 - at) for at, name in enumerate("abcdef")]
    counts = RowCounts()
    assert names(list(sorted_within(iter(backwards), FAR_US, counts, max_held=2))) == "cdefba"
    assert counts.overtaken == 3


def test_one_pass_as_recorded_is_untouched() -> None:
    recorded = [line("a", 0), line("x", None)]
    assert list(passes_of(lambda: iter(recorded), 1, None)) == recorded


def test_the_first_event_is_moved_to_an_instant_and_all_others_by_as_much() -> None:
    recorded = [line("x", None), line("b", 5), line("a", 3)]
    moved = list(passes_of(lambda: iter(recorded), 1, BASE_US + 100_000_000))
    assert moved[0] == recorded[0]
    assert [moved_line.event_us for moved_line in moved[1:]] == [BASE_US + 100_000_000, BASE_US + 98_000_000]
    assert [event_of(moved_line).event_timestamp_us for moved_line in moved[1:]] == [
        moved_line.event_us for moved_line in moved[1:]
    ]
    assert [event_of(moved_line).event_id for moved_line in moved[1:]] == ["b", "a"]


def test_each_pass_is_later_by_the_length_of_the_recording_under_ids_of_its_own() -> None:
    recorded = [line("a", 0), line("x", None), line("b", 2), line("c", 1)]
    lines = list(passes_of(lambda: iter(recorded), 3, None))
    assert len(lines) == 12 and lines[1] == lines[5] == lines[9] == recorded[1]
    events = [event_of(found) for found in lines if found.event_us is not None]
    assert [event.event_id for event in events] == ["a", "b", "c", "a~1", "b~1", "c~1", "a~2", "b~2", "c~2"]
    seconds = [(event.event_timestamp_us - BASE_US) / 1e6 for event in events]
    assert seconds == [0, 2, 1, 2.001, 4.001, 3.001, 4.002, 6.002, 5.002]


def test_passes_go_on_until_nobody_asks_but_not_over_nothing() -> None:
    assert len(list(islice(passes_of(lambda: iter([line("a", 0)]), None, None), 5))) == 5
    assert list(passes_of(lambda: iter([]), None, None)) == []
