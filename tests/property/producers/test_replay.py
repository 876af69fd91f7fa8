"""Replay conserves: any bytes give lines, and those are all of the recording."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from producers.lines import Line
from producers.replaying.conversion import RowCounts, lines_as_recorded, lines_by_mapping
from producers.replaying.judging import Judge
from producers.replaying.mapping import Mapping, load_mapping, parse_mapping
from producers.replaying.rows import rows_of
from schemas.codec import decode
from schemas.event import Rejection
from schemas.instants import parse_instant_us

NOW_US = parse_instant_us("2026-11-24T12:00:00Z")
PLAIN = """
format = "{format}"
[fields]
user_id = "who"
session_id = "visit"
event_type = "what"
[timestamp]
source = "at"
[metadata]
inner = "json/0/name"
"""
CSV = parse_mapping(PLAIN.format(format="csv") + '[values.event_type]\nview = "page_view"\n', "csv")
NDJSON = parse_mapping(PLAIN.format(format="ndjson"), "ndjson")
APACHE = load_mapping("apache-combined")
HEADER = b"who,visit,what,at,json\n"
cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


def replayed(mapping: Mapping, lines: Iterable[bytes]) -> tuple[list[Line], RowCounts]:
    counts = RowCounts()
    return list(lines_by_mapping(rows_of(lines, mapping), mapping, counts)), counts


@given(st.binary(max_size=300))
def test_any_bytes_are_replayed_without_an_error_and_nothing_is_left_out(recording: bytes) -> None:
    recorded = recording.splitlines(keepends=True) if b"\r" not in recording else io.BytesIO(recording).readlines()
    filled = [line for line in recorded if line.strip()]
    for mapping, before in ((CSV, [HEADER]), (NDJSON, []), (APACHE, [])):
        lines, counts = replayed(mapping, [*before, *recorded])
        assert counts.unparsable <= counts.read <= len(lines) <= len(filled)
        if mapping is not CSV:
            assert len(lines) == counts.read == len([line for line in filled if line.rstrip(b"\r\n").strip()])


@given(st.lists(st.binary(max_size=60).filter(lambda line: b"\n" not in line), max_size=20))
def test_lines_without_a_mapping_come_out_as_they_are(recorded: list[bytes]) -> None:
    counts = RowCounts()
    lines = lines_as_recorded((line + b"\n" for line in recorded), Judge(NOW_US), counts)
    assert [line.data for line in lines] == [line for line in recorded if line.strip()]


@given(st.lists(st.lists(cells, min_size=5, max_size=5), min_size=1, max_size=10))
def test_cells_that_a_csv_writer_wrote_arrive_as_they_were(rows: list[list[str]]) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    lines, counts = replayed(CSV, [HEADER, *io.BytesIO(written.getvalue().encode()).readlines()])
    assert counts.unparsable == 0
    events = [decode(line.data, NOW_US) for line in lines]
    for event, row in zip(events, rows, strict=True):
        if not isinstance(event, Rejection):
            assert [event.user_id, event.session_id] == row[:2]
    for line, (who, *_) in zip(lines, rows, strict=True):
        assert line.partition_key == who or not who


@given(cells.filter(bool), cells.filter(bool), cells.filter(bool), st.datetimes().map(lambda at: at.isoformat()))
def test_a_complete_row_is_accepted_with_its_values(who: str, visit: str, what: str, at: str) -> None:
    row = {"who": who, "visit": visit, "what": what, "at": at}
    (line,), _ = replayed(NDJSON, [json.dumps(row).encode()])
    event = decode(line.data, NOW_US)
    if isinstance(event, Rejection):
        assert at < "2000" or at > "2026-11-25T12"
        assert event.reason in ("absurd_timestamp", "bad_timestamp")
    else:
        assert (event.user_id, event.session_id, event.event_type) == (who, visit, what)
        assert event.event_timestamp_us == parse_instant_us(f"{at}Z") == line.event_us
