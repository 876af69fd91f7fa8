"""The aggregated record format: what is packed comes out, and damage is refused."""

from __future__ import annotations

import hashlib
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from schemas.kpl import MAGIC, Aggregator, BrokenFrameError, UserRecord, payloads, user_records

keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
records = st.lists(st.tuples(keys, st.binary(max_size=300)), min_size=1, max_size=30)


def aggregate_of(put: list[tuple[str, bytes]]) -> bytes:
    aggregator = Aggregator(1 << 20)
    assert all(aggregator.add(key, data) for key, data in put)
    return aggregator.drain()


@given(records)
def test_what_is_packed_comes_out_in_order_with_its_keys(put: list[tuple[str, bytes]]) -> None:
    blob = aggregate_of(put)
    assert user_records(blob, "-") == [UserRecord(key, data, None, place) for place, (key, data) in enumerate(put)]
    assert payloads(blob) == [data for _, data in put]


@given(records, st.data())
def test_a_damaged_frame_is_refused_and_never_anything_else(put: list[tuple[str, bytes]], data: st.DataObject) -> None:
    blob = bytearray(aggregate_of(put))
    place = data.draw(st.integers(len(MAGIC), len(blob) - 1))
    blob[place] ^= data.draw(st.integers(1, 255))
    for read in (payloads, lambda frame: user_records(frame, "-")):
        try:
            read(bytes(blob))
        except BrokenFrameError:
            continue
        raise AssertionError("a damaged frame was read")


@given(records, st.data())
def test_a_damaged_message_under_a_right_digest_is_read_or_refused(
    put: list[tuple[str, bytes]], data: st.DataObject
) -> None:
    message = bytearray(aggregate_of(put)[len(MAGIC) : -16])
    for _ in range(data.draw(st.integers(1, 5))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(message[: data.draw(st.integers(0, len(message)))])
    assert_read_or_refused(MAGIC + cut + hashlib.md5(cut, usedforsecurity=False).digest())


@given(st.binary(max_size=200))
def test_any_bytes_after_the_magic_are_read_or_refused(message: bytes) -> None:
    assert_read_or_refused(MAGIC + message)
    assert_read_or_refused(MAGIC + message + hashlib.md5(message, usedforsecurity=False).digest())


@given(st.lists(st.tuples(st.integers(120, 400), st.integers(0, 7), st.integers(0, 255)), min_size=1, max_size=5))
def test_records_that_look_almost_alike_are_read_or_refused(damaged: list[tuple[int, int, int]]) -> None:
    message = bytearray()
    for size, place, byte in damaged:
        record = bytearray(aggregate_of([("k", b"\x0a" * size)])[len(MAGIC) : -16])
        record[3 + place] = byte  # after the key, in the head of the record
        message += record
    assert_read_or_refused(MAGIC + message + hashlib.md5(message, usedforsecurity=False).digest())


def assert_read_or_refused(blob: bytes) -> None:
    with suppress(BrokenFrameError):
        payloads(blob)
    try:
        records = user_records(blob, "-")
    except BrokenFrameError:
        return
    assert payloads(blob) == [record.data for record in records]


@given(records, st.integers(40, 400))
def test_an_aggregate_keeps_to_its_size_and_loses_nothing(put: list[tuple[str, bytes]], max_bytes: int) -> None:
    aggregator = Aggregator(max_bytes)
    blobs: list[bytes] = []
    plain = 0
    for key, data in put:
        if aggregator.add(key, data):
            continue
        if len(aggregator):
            blobs.append(aggregator.drain())
        plain += not aggregator.add(key, data)
    if len(aggregator):
        blobs.append(aggregator.drain())
    assert all(len(blob) <= max_bytes for blob in blobs)
    assert sum(len(payloads(blob)) for blob in blobs) + plain == len(put)
