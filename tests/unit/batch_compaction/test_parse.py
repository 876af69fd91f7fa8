from batch_compaction.parse import parse_object
from batch_compaction.raw import Content, RawObject
from schemas.instants import HOUR_US, parse_instant_us

ARRIVAL_US = parse_instant_us("2026-11-24T10:00:00Z")
RAW = RawObject("bucket", "clickstream/year=2026/month=11/day=24/hour=10/o.json", "etag", 1, ARRIVAL_US)


def line(event_id: str, timestamp: str = "2026-11-24T09:30:00Z") -> bytes:
    return b'{"event_id":"%s","user_id":"u","session_id":"s","event_type":"click","event_timestamp":"%s"}' % (
        event_id.encode(),
        timestamp.encode(),
    )


def test_every_line_ends_in_one_place_under_its_physical_number() -> None:
    content = Content(line("a") + b"\n\n  \n{bad\n" + line("b") + b"\r\n[1]\n" + line("c"))
    parsed = parse_object(RAW, content)
    assert parsed.accepted.select(["click_id", "source_line"]).to_pylist() == [
        {"click_id": "a", "source_line": 1},
        {"click_id": "b", "source_line": 5},
        {"click_id": "c", "source_line": 7},
    ]
    assert parsed.quarantined.select(["source_line", "reason", "raw_bytes"]).to_pylist() == [
        {"source_line": 4, "reason": "not_json", "raw_bytes": b"{bad"},
        {"source_line": 6, "reason": "not_an_object", "raw_bytes": b"[1]"},
    ]
    assert (parsed.lines, parsed.blank) == (7, 2)


def test_a_quarantined_line_is_found_again_by_its_offset() -> None:
    data = line("a") + b"\n" + b"\xff\xfe\n" + line("b")
    [row] = parse_object(RAW, Content(data)).quarantined.to_pylist()
    assert data[row["byte_offset"] :].startswith(row["raw_bytes"])
    assert (row["hour"], row["day"]) == (10, 24)


def test_the_event_hour_is_the_events_own_not_the_folders() -> None:
    parsed = parse_object(RAW, Content(line("a") + b"\n" + line("b", "2026-11-23T23:59:59.999999Z")))
    assert parsed.accepted_by_hour() == {ARRIVAL_US - HOUR_US: 1, ARRIVAL_US - 11 * HOUR_US: 1}


def test_the_rest_of_a_damaged_object_is_one_quarantined_line() -> None:
    parsed = parse_object(RAW, Content(line("a") + b"\n" + line("b")[:20], damage="cut"))
    [row] = parsed.quarantined.to_pylist()
    assert len(parsed.accepted) == 1
    assert (row["source_line"], row["reason"], row["raw_bytes"]) == (2, "damaged_object", line("b")[:20])
    assert parsed.lines == 2


def test_a_damaged_object_is_noticed_even_where_its_lines_are_whole() -> None:
    parsed = parse_object(RAW, Content(line("a") + b"\n", damage="cut"))
    assert parsed.quarantined["reason"].to_pylist() == ["damaged_object"]
    assert parsed.lines == len(parsed.accepted) + len(parsed.quarantined) == 2


def test_an_empty_object_has_no_lines() -> None:
    parsed = parse_object(RAW, Content(b""))
    assert (parsed.lines, parsed.accepted_by_hour()) == (0, {})
