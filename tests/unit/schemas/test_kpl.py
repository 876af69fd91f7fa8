"""The aggregated record format: what is read, what is refused, what is packed."""

from __future__ import annotations

import hashlib

import pytest

from schemas.kpl import MAGIC, Aggregator, BrokenFrameError, UserRecord, payloads, user_records


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
    tag = field(4, field(1, b"colour") + field(2, b"blue"))
    blob = framed(
        field(1, b"first")
        + field(1, b"second")
        + field(2, b"12345")
        + field(3, b"\x08\x01" + b"\x10\x00" + field(3, b"one") + tag)
        + field(3, b"\x08\x00" + field(3, b""))
    )
    assert payloads(blob) == [b"one", b""]
    assert user_records(blob, "outer") == [UserRecord("second", b"one", "12345"), UserRecord("first", b"")]


def test_fields_that_the_format_does_not_know_are_stepped_over() -> None:
    unknown = bytes((9 << 3 | 0, 5)) + bytes((9 << 3 | 5,)) + b"1234" + bytes((9 << 3 | 1,)) + b"12345678"
    blob = framed(unknown + field(1, b"key") + field(3, b"\x08\x00" + field(3, b"data")))
    assert payloads(blob) == [b"data"]


def test_a_frame_may_hold_no_record_at_all() -> None:
    assert payloads(framed(b"")) == []


@pytest.mark.parametrize(
    ("blob", "why"),
    [
        (MAGIC, "shorter than its frame"),
        (framed(field(1, b"key"))[:-1] + b"!", "digest"),
        (framed(field(3, b"\x08\x00")), "without data"),
        (framed(b"\x0a\x7fshort"), "cut inside a field"),
        (framed(b"\x0a"), "cut inside a number"),
        (framed(b"\x0d12"), "cut inside a field"),
        (framed(b"\x0b"), "wire type 3"),
        (framed(b"\x08" + b"\xff" * 10 + b"\x01"), "longer than 64 bits"),
    ],
)
def test_a_broken_frame_is_refused(blob: bytes, why: str) -> None:
    with pytest.raises(BrokenFrameError, match=why):
        payloads(blob)


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
    assert [(r.partition_key, r.data) for r in user_records(blob, "-")] == [
        ("ana", b"1"),
        ("bob", b"2" * 200),
        ("ana", b"3"),
    ]
    assert len(aggregator) == 0


def test_what_does_not_fit_is_refused_and_changes_nothing() -> None:
    aggregator = Aggregator(60)
    assert aggregator.add("ana", b"small")
    size = aggregator.size_bytes
    assert not aggregator.add("bob", b"x" * 60)
    assert (len(aggregator), aggregator.size_bytes) == (1, size)
    assert payloads(aggregator.drain()) == [b"small"]
