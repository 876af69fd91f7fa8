from batch_compaction.parse import JUDGED_AT_ONCE, ParsedBlock, hours_of, parse_block
from batch_compaction.raw import RawObject
from schemas.blocks import Block
from schemas.instants import HOUR_US, parse_instant_us, us_to_timestamp
from schemas.tables import ATTESTATIONS
from tests.attestations import attestation_line

ARRIVAL_US = parse_instant_us("2026-11-24T10:00:00Z")
RAW = RawObject("bucket", "clickstream/year=2026/month=11/day=24/hour=10/o.json", "etag", 1, ARRIVAL_US)


def line(event_id: str, timestamp: str = "2026-11-24T09:30:00Z") -> bytes:
    return b'{"event_id":"%s","user_id":"u","session_id":"s","event_type":"click","event_timestamp":"%s"}' % (
        event_id.encode(),
        timestamp.encode(),
    )


def parsed_lines(data: bytes, damage: str | None = None) -> ParsedBlock:
    return parse_block(RAW, Block(data, 0, damage=damage))


def test_every_line_ends_in_one_place_under_its_physical_number() -> None:
    content = line("a") + b"\n\n  \n{bad\n" + line("b") + b"\r\n[1]\n" + line("c")
    parsed = parsed_lines(content)
    assert parsed.accepted.sort_by("source_line").select(["click_id", "source_line"]).to_pylist() == [
        {"click_id": "a", "source_line": 1},
        {"click_id": "b", "source_line": 5},
        {"click_id": "c", "source_line": 7},
    ]
    assert parsed.quarantined.select(["source_line", "reason", "raw_bytes"]).to_pylist() == [
        {"source_line": 4, "reason": "not_json", "raw_bytes": b"{bad"},
        {"source_line": 6, "reason": "not_an_object", "raw_bytes": b"[1]"},
    ]
    assert (parsed.lines, parsed.blank) == (7, 2)


def test_an_attestation_is_neither_accepted_nor_quarantined() -> None:
    parsed = parsed_lines(line("a") + b"\n" + attestation_line() + b"\r\n" + attestation_line(count=1) + b"\n")
    [row] = parsed.attestations.to_pylist()
    assert row == {
        "producer_id": "p-1",
        "send_hour": us_to_timestamp(ARRIVAL_US),
        "first_seq": 10,
        "last_seq": 19,
        "count": 10,
        "digest": "0" * 32,
        "closed_timestamp": us_to_timestamp(ARRIVAL_US + HOUR_US + 1),
        "is_last": False,
        "source_object": RAW.key,
        "source_line": 2,
        **{"year": 2026, "month": 11, "day": 24, "hour": 10},
    }
    assert parsed.attestations.schema == ATTESTATIONS.schema
    assert parsed.quarantined.select(["source_line", "reason"]).to_pylist() == [
        {"source_line": 3, "reason": "missing_field"}
    ]
    assert (parsed.lines, len(parsed.accepted)) == (3, 1)


def test_an_attestation_that_is_an_event_too_is_an_event() -> None:
    parsed = parsed_lines(attestation_line()[:-1] + b"," + line("a")[1:])
    assert (len(parsed.accepted), len(parsed.attestations)) == (1, 0)
    assert parsed.accepted["producer_id"].to_pylist() == ["p-1"]


def test_a_quarantined_line_is_found_again_by_its_offset() -> None:
    data = line("a") + b"\n" + b"\xff\xfe\n" + line("b")
    [row] = parsed_lines(data).quarantined.to_pylist()
    assert data[row["byte_offset"] :].startswith(row["raw_bytes"])
    assert (row["hour"], row["day"]) == (10, 24)


def test_the_event_hour_is_the_events_own_not_the_folders() -> None:
    parsed = parsed_lines(line("a") + b"\n" + line("b", "2026-11-23T23:59:59.999999Z"))
    assert sorted(hours_of(parsed.accepted)) == [ARRIVAL_US - 11 * HOUR_US, ARRIVAL_US - HOUR_US]


def test_the_rest_of_a_damaged_object_is_one_quarantined_line() -> None:
    parsed = parsed_lines(line("a") + b"\n" + line("b")[:20], damage="cut")
    [row] = parsed.quarantined.to_pylist()
    assert len(parsed.accepted) == 1
    assert (row["source_line"], row["reason"], row["raw_bytes"]) == (2, "damaged_object", line("b")[:20])
    assert parsed.lines == 2


def test_a_damaged_object_is_noticed_even_where_its_lines_are_whole() -> None:
    parsed = parsed_lines(line("a") + b"\n", damage="cut")
    assert parsed.quarantined["reason"].to_pylist() == ["damaged_object"]
    assert parsed.lines == len(parsed.accepted) + len(parsed.quarantined) == 2


def test_an_empty_object_has_no_lines() -> None:
    parsed = parsed_lines(b"")
    assert (parsed.lines, len(parsed.accepted)) == (0, 0)


def test_a_line_that_was_cut_says_how_long_it_was() -> None:
    long = line("a") + b" " * 300_000
    parsed = parse_block(RAW, Block(line("b") + b"\n" + long, 100, cut_bytes=1_000), 7)
    [row] = parsed.quarantined.to_pylist()
    assert (row["source_line"], row["reason"], row["raw_bytes"]) == (8, "too_large", long)
    assert row["detail"].startswith(f"{len(long) + 1_000} bytes")
    assert row["byte_offset"] == 100 + len(line("b")) + 1


def test_what_is_kept_of_a_cut_line_may_be_white_space_or_the_end_of_a_damaged_object() -> None:
    [row] = parse_block(RAW, Block(line("b") + b"\n" + b" " * 9 + b"\n", 0, cut_bytes=1)).quarantined.to_pylist()
    assert (row["source_line"], row["reason"], row["raw_bytes"]) == (2, "too_large", b" " * 9)
    [row] = parse_block(RAW, Block(b"{bad", 0, cut_bytes=1, damage="cut")).quarantined.to_pylist()
    assert (row["source_line"], row["reason"], row["raw_bytes"]) == (1, "damaged_object", b"{bad")


def test_a_block_of_very_many_lines_that_are_none_is_judged_in_parts() -> None:
    count = 3 * JUDGED_AT_ONCE // 2
    parsed = parsed_lines(b"x\n" * count + b"\n" * count + line("a") + b"\n" + b'{"a":"\\u0062"}')
    assert (parsed.lines, parsed.blank, len(parsed.accepted)) == (2 * count + 2, count, 1)
    assert parsed.quarantined["source_line"].to_pylist() == [*range(1, count + 1), 2 * count + 2]
    assert parsed.accepted["source_line"].to_pylist() == [2 * count + 1]
