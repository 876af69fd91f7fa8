"""The aggregated record format: what is read, what is refused, what is packed."""

from __future__ import annotations

import hashlib

import pytest

from schemas.hash_keys import MAX_HASH_KEY, hash_key_of, parse_hash_key
from schemas.kpl import (
    MAGIC,
    Aggregator,
    BrokenFrameError,
    UserRecord,
    WrongDigestError,
    foreign_records,
    payloads,
    user_records,
)


def framed(message: bytes) -> bytes:
    return MAGIC + message + hashlib.md5(message, usedforsecurity=False).digest()


def field(number: int, data: bytes) -> bytes:
    assert len(data) < 128
    return bytes((number << 3 | 2, len(data))) + data


def test_a_plain_record_is_itself_under_the_key_it_was_put_with() -> None:
    assert payloads(b'{"a":1}') == [b'{"a":1}']
    assert user_records(b'{"a":1}', "someone") == [UserRecord("someone", b'{"a":1}')]


def test_an_empty_plain_record_is_itself() -> None:
    assert payloads(b"") == [b""]


def test_a_handmade_frame_with_tags_hash_keys_and_empty_data_is_read() -> None:
    tags = field(4, field(1, b"colour") + field(2, b"blue")) + field(4, field(1, b"bare"))
    blob = framed(
        field(1, b"first")
        + field(1, b"second")
        + field(2, b"12345")
        + field(3, b"\x08\x01" + b"\x10\x00" + field(3, b"one") + tags)
        + field(3, tags + field(3, b"") + b"\x08\x00")
    )
    assert payloads(blob) == [b"one", b""]
    assert user_records(blob, "outer") == [
        UserRecord("second", b"one", "12345", sub_sequence_number=0),
        UserRecord("first", b"", None, sub_sequence_number=1),
    ]


def test_the_tables_may_stand_anywhere_and_of_a_field_that_stands_twice_the_last_counts() -> None:
    twice = b"\x08\x00" + field(3, b"then") + b"\x10\x01" + b"\x08\x01" + b"\x10\x00" + field(3, b"now")
    blob = framed(field(3, twice) + field(2, b"7") + field(1, b"ana") + field(2, b"8") + field(1, b"bob"))
    assert payloads(blob) == [b"now"]
    assert user_records(blob, "outer") == [UserRecord("bob", b"now", "7", 0)]


def test_a_number_of_ten_bytes_counts_as_protobuf_counts_it() -> None:
    blob = framed(field(1, b"key") + field(3, b"\x08" + b"\x80" * 9 + b"\x02" + field(3, b"data")))
    assert user_records(blob, "outer") == [UserRecord("key", b"data", None, 0)]


def test_fields_that_the_format_does_not_know_are_stepped_over() -> None:
    unknown = bytes((9 << 3 | 0, 5)) + bytes((9 << 3 | 5,)) + b"1234" + bytes((9 << 3 | 1,)) + b"12345678"
    blob = framed(unknown + field(1, b"key") + field(3, b"\x08\x00" + field(3, b"data")))
    assert payloads(blob) == [b"data"]


def test_a_frame_may_hold_no_record_at_all() -> None:
    assert payloads(framed(b"")) == []


@pytest.mark.parametrize(
    ("blob", "why"),
    [
        (framed(field(3, b"\x08\x00")), "without data"),
        (framed(b"\x0a\x7fshort"), "cut inside a field"),
        (framed(b"\x0a"), "cut inside a number"),
        (framed(b"\x0d12"), "cut inside a field"),
        (framed(b"\x0b"), "wire type 3"),
        (framed(b"\x08" + b"\xff" * 10 + b"\x01"), "longer than 64 bits"),
        (framed(b"\x00\x00"), "number out of range"),
        (framed(b"\x80\x80\x80\x80\x10\x00"), "number out of range"),
    ],
)
def test_a_broken_frame_is_refused(blob: bytes, why: str) -> None:
    with pytest.raises(BrokenFrameError, match=why):
        payloads(blob)


@pytest.mark.parametrize("blob", [MAGIC, MAGIC + b"1" * 15, MAGIC + b"1" * 16, framed(field(1, b"key"))[:-1] + b"!"])
def test_a_frame_without_its_digest_is_refused_and_is_no_plain_record(blob: bytes) -> None:
    for read in (payloads, lambda frame: user_records(frame, "outer")):
        with pytest.raises(WrongDigestError):
            read(blob)


def test_a_record_that_names_a_missing_key_is_refused_where_keys_matter() -> None:
    blob = framed(field(1, b"only") + field(3, b"\x08\x05" + field(3, b"data")))
    assert payloads(blob) == [b"data"]
    with pytest.raises(BrokenFrameError, match="the table lacks"):
        user_records(blob, "outer")


def test_a_key_that_is_no_text_is_refused_where_keys_matter() -> None:
    blob = framed(field(1, b"\xff") + field(3, b"\x08\x00" + field(3, b"data")))
    with pytest.raises(BrokenFrameError, match="not UTF-8"):
        user_records(blob, "outer")


def test_a_record_without_a_key_is_refused_where_keys_matter() -> None:
    with pytest.raises(BrokenFrameError, match="without a partition key"):
        user_records(framed(field(3, field(3, b"data"))), "outer")


@pytest.mark.parametrize("size", [0, 1, 122, 123, 127, 128, 350, 16_378, 16_379, 16_383, 16_384, 40_000])
def test_records_of_any_size_are_read_the_same_with_and_without_their_keys(size: int) -> None:
    # More keys than one byte counts, and around the sizes at which a number grows by a byte.
    data = [bytes((number,)) * (size + number % 3) for number in range(150)]
    aggregator = Aggregator(1 << 24)
    assert all(aggregator.add(f"key {number}", payload) for number, payload in enumerate(data))
    blob = aggregator.drain()
    assert payloads(blob) == data
    assert [record.data for record in user_records(blob, "-")] == data


def test_an_aggregator_says_its_size_exactly_and_begins_anew_after_draining() -> None:
    aggregator = Aggregator(1000)
    assert aggregator.add("ana", b"1") and aggregator.add("bob", b"2" * 200) and aggregator.add("ana", b"3")
    assert (len(aggregator), aggregator.partition_key) == (3, "ana")
    promised = aggregator.size_bytes
    blob = aggregator.drain()
    assert len(blob) == promised
    assert user_records(blob, "-") == [
        UserRecord("ana", b"1", None, 0),
        UserRecord("bob", b"2" * 200, None, 1),
        UserRecord("ana", b"3", None, 2),
    ]
    assert (len(aggregator), aggregator.size_bytes) == (0, len(framed(b"")))


def test_an_explicit_hash_key_stands_in_its_table_once() -> None:
    aggregator = Aggregator(1000)
    for key, hash_key in (("ana", "0"), ("bob", None), ("cem", "99"), ("ana", "0"), ("bob", "99")):
        assert aggregator.add(key, b"x", hash_key)
    promised = aggregator.size_bytes
    blob = aggregator.drain()
    assert len(blob) == promised
    assert blob.count(field(2, b"99")) == blob.count(field(2, b"0")) == 1
    read = [(record.partition_key, record.explicit_hash_key) for record in user_records(blob, "-")]
    assert read == [("ana", "0"), ("bob", None), ("cem", "99"), ("ana", "0"), ("bob", "99")]


def test_the_keys_held_are_those_of_one_aggregate() -> None:
    aggregator = Aggregator(1000)
    for key in ("ana", "bob", "ana"):
        assert aggregator.add(key, b"x")
    keys = aggregator.partition_keys
    aggregator.drain()
    assert keys == {"ana", "bob"}
    assert aggregator.partition_keys == set()


def test_what_does_not_fit_is_refused_and_changes_nothing() -> None:
    aggregator = Aggregator(60)
    assert aggregator.add("ana", b"small", "12")
    size = aggregator.size_bytes
    assert not aggregator.add("bob", b"x" * 60)
    assert not aggregator.add("ana", b"x", "1" * 39)
    assert (len(aggregator), aggregator.size_bytes, aggregator.partition_keys) == (1, size, {"ana"})
    assert aggregator.add("ana", b"x", "12")
    assert user_records(aggregator.drain(), "-") == [
        UserRecord("ana", b"small", "12", 0),
        UserRecord("ana", b"x", "12", 1),
    ]


def test_a_record_outside_of_the_range_of_its_shard_is_told() -> None:
    low, high = "ana", "bob"
    half = (MAX_HASH_KEY + 1) // 2
    assert hash_key_of(low) < half <= hash_key_of(high)
    aggregator = Aggregator(1000)
    for key, hash_key in ((low, None), (high, None), (high, "0"), (low, str(half)), (low, "no number")):
        assert aggregator.add(key, b"x", hash_key)
    records = user_records(aggregator.drain(), "outer")
    assert [r.sub_sequence_number for r in foreign_records(records, 0, half - 1)] == [1, 3, 4]
    assert [r.sub_sequence_number for r in foreign_records(records, half, MAX_HASH_KEY)] == [0, 2, 4]
    assert [r.sub_sequence_number for r in foreign_records(records, 0, MAX_HASH_KEY)] == [4]


def test_the_ends_of_a_range_belong_to_it() -> None:
    record = UserRecord("any", b"x", "7", 0)
    assert foreign_records([record], 7, 7) == []
    assert foreign_records([record], 0, 6) == foreign_records([record], 8, 9) == [record]


def test_a_plain_record_is_never_foreign() -> None:
    assert foreign_records(user_records(b"{}", "any"), 0, 0) == []


@pytest.mark.parametrize("text", ["", "-1", "+1", "1_0", " 1", "1.0", "\u0661", str(MAX_HASH_KEY + 1), "1" * 5000])
def test_an_explicit_hash_key_that_is_none_is_known_as_that(text: str) -> None:
    assert parse_hash_key(text) is None
    assert UserRecord("any", b"x", text, 0).hash_key is None


def test_hash_keys_reach_from_nothing_to_the_largest_of_128_bits() -> None:
    assert (parse_hash_key("0"), parse_hash_key(str(MAX_HASH_KEY))) == (0, MAX_HASH_KEY)
    # Source: RFC 1321, the digest of nothing.
    assert hash_key_of("") == UserRecord("", b"x").hash_key == 0xD41D8CD98F00B204E9800998ECF8427E
