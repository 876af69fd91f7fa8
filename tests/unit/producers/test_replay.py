"""Rows to lines: what each becomes, and that none is left out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from producers.lines import Line
from producers.replaying.conversion import RowCounts, lines_as_recorded, lines_by_mapping, lines_of_user_records
from producers.replaying.judging import Judge
from producers.replaying.mapping import parse_mapping
from producers.replaying.rows import rows_of
from producers.replaying.translation import Translator
from schemas.codec import decode
from schemas.event import Rejection, RejectReason
from schemas.instants import parse_instant_us
from schemas.kpl import MAGIC, UserRecord
from tests.attestations import attestation_line

NOW_US = parse_instant_us("2026-11-24T12:00:00Z")
FIELDS = """
[fields]
user_id = "who"
session_id = "visit"
event_type = "what"
[values.event_type]
view = "page_view"
buy = "purchase"
[timestamp]
source = "at"
[metadata]
price = "price"
amount_minor = { first = ["price"], decimals = 2, only = ["purchase"] }
"""
CSV = 'format = "csv"' + FIELDS
NDJSON = 'format = "ndjson"' + FIELDS
LOG = (
    """format = "regex"
pattern = '(?P<who>\\S+) (?P<visit>\\S+) (?P<what>\\S+) "(?P<at>[^"]*)"(?: (?P<price>\\S+))?'
redact = '^\\S+'
"""
    + FIELDS
)


def replayed(text: str, *lines: bytes) -> tuple[list[Line], RowCounts]:
    mapping, counts = parse_mapping(text, "mine"), RowCounts()
    return list(lines_by_mapping(rows_of(lines, mapping), mapping, counts)), counts


def translated(text: str, row: Mapping[str, Any]) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(Translator(parse_mapping(text, "mine")).translate(row).line.data)
    return event


def reason_of(line: Line) -> RejectReason | None:
    verdict = decode(line.data, NOW_US)
    return verdict.reason if isinstance(verdict, Rejection) else None


def test_a_csv_row_becomes_an_event() -> None:
    lines, counts = replayed(CSV, b"at,who,visit,what,price\n", b"2026-11-24T10:00:00+01:00,ana,s1,buy,12.5\n")
    (line,) = lines
    assert (line.partition_key, line.event_us) == ("ana", parse_instant_us("2026-11-24T09:00:00Z"))
    assert json.loads(line.data) == {
        "user_id": "ana",
        "session_id": "s1",
        "event_type": "purchase",
        "event_timestamp": "2026-11-24T09:00:00.000000Z",
        "metadata": {"price": "12.5", "amount_minor": "1250"},
    }
    assert counts == RowCounts(read=1)


def test_a_header_with_a_byte_order_mark_and_quoted_cells_with_newlines_are_read() -> None:
    lines, counts = replayed(
        CSV, b'\xef\xbb\xbf"at",who,visit,what,price\r\n', b'2026-11-24T10:00:00Z,"a\n', b'na",s1,view,\r\n', b"\r\n"
    )
    assert [line.partition_key for line in lines] == ["a\nna"]
    assert counts == RowCounts(read=1)


def test_a_row_that_cannot_be_read_goes_out_as_the_bytes_it_is() -> None:
    cut, quoted = b"2026-11-24T10:00:00Z,ana,s1", b'"a"b,ana,s1,view,1'
    lines, counts = replayed(CSV, b"at,who,visit,what,price\n", cut + b"\n", quoted + b"\n")
    assert [line.data for line in lines] == [cut, quoted]
    assert counts == RowCounts(read=2, unparsable=2)
    assert all(reason_of(line) for line in lines)


def test_an_unreadable_row_of_several_lines_goes_out_line_by_line() -> None:
    lines, counts = replayed(CSV, b"at,who,visit,what,price\n", b'x,"never closed\n', b"\n", b"y,z\n")
    assert [line.data for line in lines] == [b'x,"never closed', b"y,z"]
    assert counts == RowCounts(read=1, unparsable=1)


def test_a_row_with_bytes_that_are_no_text_goes_out_as_it_is() -> None:
    row = b"2026-11-24T10:00:00Z,an\xff,s1,view,1"
    lines, counts = replayed(CSV, b"at,who,visit,what,price\n", row)
    assert lines[0].data == row and reason_of(lines[0]) is RejectReason.INVALID_UTF8
    assert counts == RowCounts(read=1, unparsable=1)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"2026-11-24T10:00:00Z,,s1,view,1", RejectReason.MISSING_FIELD),
        (b"2026-11-24T10:00:00Z,ana,,view,1", RejectReason.MISSING_FIELD),
        (b"2026-11-24T10:00:00Z,ana,s1,,1", RejectReason.MISSING_FIELD),
        (b",ana,s1,view,1", RejectReason.MISSING_FIELD),
        (b"yesterday,ana,s1,view,1", RejectReason.BAD_TIMESTAMP),
        (b"0001-01-01T00:00:00+14:00,ana,s1,view,1", RejectReason.ABSURD_TIMESTAMP),
    ],
)
def test_a_row_without_a_required_value_goes_out_as_an_event_without_it(row: bytes, reason: RejectReason) -> None:
    lines, counts = replayed(CSV, b"at,who,visit,what,price\n", row)
    assert reason_of(lines[0]) is reason
    assert counts == RowCounts(read=1, incomplete=1)


def test_a_log_line_is_read_by_its_pattern_and_hidden_where_it_is_not() -> None:
    lines, counts = replayed(LOG, b'ana s1 view "2026-11-24T10:00:00Z"\n', b"192.0.2.1 broken\n", b"\n")
    assert reason_of(lines[0]) is None
    assert lines[1].data == b"- broken"
    assert counts == RowCounts(read=2, unparsable=1)


def test_ndjson_rows_are_read_by_mapping_and_others_go_out_as_they_are() -> None:
    lines, counts = replayed(
        NDJSON, b'{"who": 7, "visit": "s", "what": "view", "at": "2026-11-24T10:00:00Z"}\n', b"[1]\n", b"{cut\n"
    )
    assert [reason_of(line) for line in lines] == [None, RejectReason.NOT_AN_OBJECT, RejectReason.NOT_JSON]
    assert counts == RowCounts(read=3, unparsable=2)


def test_lines_without_a_mapping_are_sent_untouched_even_bad_ones() -> None:
    good = b'{"user_id":"ana", "session_id":"s","action":"click","timestamp":1764000000000}\r'
    recorded = [good + b"\n", b"\n", b"  \n", b"not an event\n", b"\xff\xfe"]
    counts = RowCounts()
    lines = list(lines_as_recorded(recorded, Judge(NOW_US), counts))
    assert [line.data for line in lines] == [good, b"not an event", b"\xff\xfe"]
    assert lines[0].partition_key == "ana" and lines[0].event_us == 1764000000000000
    assert counts == RowCounts(read=3, unparsable=2)


@pytest.mark.parametrize(
    ("timestamp", "written", "instant"),
    [
        ('source = "at"', "2026-11-24 10:00:00.125", "2026-11-24T10:00:00.125000Z"),
        ('source = "at"', "2026-11-24 10:00:00+00:00", "2026-11-24T10:00:00.000000Z"),
        ('source = "at"\nzone = "Europe/Athens"', "2026-07-24 10:00:00", "2026-07-24T07:00:00.000000Z"),
        ('source = "at"\nformat = "epoch_ms"', "1764000000000", "2025-11-24T16:00:00.000000Z"),
        ('source = "at"\nformat = "epoch_ms"', 1764000000000, "2025-11-24T16:00:00.000000Z"),
        (
            'source = "at"\nformat = "%d/%b/%Y:%H:%M:%S %z"\nzone = "Asia/Tokyo"',
            "24/Nov/2026:10:00:00 -0500",
            "2026-11-24T15:00:00.000000Z",
        ),
        ('source = "at"\nformat = "epoch_ms"', "9" * 30, "9" * 30),
        ('source = "at"\nformat = "%Y"', "soon", "soon"),
    ],
)
def test_a_time_is_read_as_declared_and_stays_a_text_where_it_cannot(
    timestamp: str, written: object, instant: str
) -> None:
    text = NDJSON.replace('source = "at"', timestamp)
    assert translated(text, {"who": "ana", "at": written})["event_timestamp"] == instant


def test_joined_and_hashed_sources_hide_the_value_and_stay_the_same() -> None:
    text = NDJSON.replace('"who"', '{ join = ["ip", "agent"], hash = 20 }')
    first = translated(text, {"ip": "192.0.2.1", "agent": "Firefox"})["user_id"]
    assert len(first) == 20 and first == translated(text, {"ip": "192.0.2.1", "agent": "Firefox"})["user_id"]
    assert first != translated(text, {"ip": "192.0.2.2", "agent": "Firefox"})["user_id"]
    assert "user_id" not in translated(text, {"ip": "", "agent": None})


@pytest.mark.parametrize(
    ("price", "amount"),
    [("35.79", "3579"), ("0", "0"), ("1e3", "100000"), ("-2.5", "-250"), (12, "1200"), ("0.125", "12")]
    + [(odd, odd) for odd in ("free", "NaN", "Infinity", "1e400", "1e17", "12,50")],
)
def test_a_decimal_becomes_small_units_and_stays_a_text_where_it_is_none(price: object, amount: str) -> None:
    assert translated(NDJSON, {"what": "buy", "price": price})["metadata"]["amount_minor"] == amount


def test_values_are_exchanged_others_stay_and_one_may_be_left_out() -> None:
    text = NDJSON.replace("[timestamp]", '[values.user_id]\n"-" = ""\n[timestamp]')
    assert translated(text, {"what": "scroll", "who": "-"}) == {"event_type": "scroll"}


def test_attestations_are_left_out_and_counted() -> None:
    counts = RowCounts()
    lines = lines_as_recorded([attestation_line() + b"\n", b"no event\n"], Judge(NOW_US), counts)
    assert [line.data for line in lines] == [b"no event"]
    assert counts == RowCounts(read=2, unparsable=1, attestations=1)


def test_user_records_keep_their_keys_and_are_as_old_as_the_first_event_in_them() -> None:
    event = b'{"user_id":"ana","session_id":"s","action":"click","timestamp":1764000000000}'
    records = [
        UserRecord("key", event, "7"),
        UserRecord("two", b"no event\n" + event + b"\n"),
        UserRecord("broken", MAGIC + b"cut"),
        UserRecord("empty", b""),
    ]
    counts = RowCounts()
    lines = list(lines_of_user_records(records, Judge(NOW_US), counts))
    assert [(line.partition_key, line.data, line.explicit_hash_key) for line in lines] == [
        (record.partition_key, record.data, record.explicit_hash_key) for record in records
    ]
    assert [line.event_us for line in lines] == [1764000000000000, 1764000000000000, None, None]
    assert counts == RowCounts(read=5, unparsable=3)
