"""The aggregated record format beside AWS's library for Python: each reads what the other writes, byte for byte."""

from __future__ import annotations

from typing import Any

from aws_kinesis_agg.aggregator import RecordAggregator
from aws_kinesis_agg.messages_pb2 import AggregatedRecord, Record
from hypothesis import given
from hypothesis import strategies as st

from bench.kpl_reference import Put, aggregates_of, records_by_protobuf, records_of
from schemas.kpl import DIGEST_BYTES, MAGIC, Aggregator, UserRecord, payloads, user_records
from schemas.kpl_wire import frame

keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20) | st.sampled_from(["ana", "bob"])
hash_keys = (st.integers(0, 2**128 - 1) | st.integers(0, 3)).map(str)
# Around the sizes at which a number takes another byte, too.
data = st.binary(max_size=300) | st.integers(16_370, 16_390).map(bytes)


def puts(hash_key: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Put]]:
    return st.lists(st.tuples(keys, data, hash_key), min_size=1, max_size=30)


# Either all records have a hash key or none has.
uniform_puts = puts(hash_keys) | puts(st.none())
mixed_puts = puts(hash_keys | st.none())


def our_aggregate(put: list[Put]) -> bytes:
    aggregator = Aggregator(1 << 20)
    assert all(aggregator.add(*record) for record in put)
    return aggregator.drain()


def their_aggregate(put: list[Put]) -> bytes:
    (blob,) = aggregates_of(put, 1 << 20)
    return blob


def as_read(put: list[Put]) -> list[UserRecord]:
    return [UserRecord(*record, place) for place, record in enumerate(put)]


@given(uniform_puts)
def test_the_reference_reads_what_we_write(put: list[Put]) -> None:
    assert list(records_of([our_aggregate(put)])) == as_read(put)


@given(mixed_puts)
def test_we_read_what_the_reference_writes(put: list[Put]) -> None:
    blob = their_aggregate(put)
    assert user_records(blob, "outer") == as_read(put)
    assert payloads(blob) == [data for _, data, _ in put]


@given(mixed_puts)
def test_both_write_the_same_bytes(put: list[Put]) -> None:
    assert our_aggregate(put) == their_aggregate(put)


@given(mixed_puts, st.integers(17_000, 60_000))
def test_both_end_an_aggregate_at_the_same_record(put: list[Put], max_bytes: int) -> None:
    ours, theirs = Aggregator(max_bytes), RecordAggregator(max_bytes)
    our_blobs, their_blobs = [], []
    for key, payload, hash_key in put:
        # Only keys that are given as bytes does the reference find again when it reckons the size.
        if (full := theirs.add_user_record(key.encode(), payload, hash_key and hash_key.encode())) is not None:
            their_blobs.append(full.get_contents()[2])
        if not ours.add(key, payload, hash_key):
            our_blobs.append(ours.drain())
            assert ours.add(key, payload, hash_key)
        assert ours.size_bytes == theirs.get_size_bytes()
    assert our_blobs == their_blobs


def test_the_reference_gives_the_first_hash_key_to_records_without_one() -> None:
    put: list[Put] = [("ana", b"1", "77"), ("bob", b"2", None)]
    assert [record.explicit_hash_key for record in records_of([our_aggregate(put)])] == ["77", "77"]
    assert [record.explicit_hash_key for record in user_records(our_aggregate(put), "outer")] == ["77", None]


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A message in pieces, with tags and with fields that nobody knows."""
    whole = AggregatedRecord()
    whole.partition_key_table.extend(draw(st.lists(keys, min_size=1, max_size=200)))
    whole.explicit_hash_key_table.extend(draw(st.lists(hash_keys, max_size=5)))
    for _ in range(draw(st.integers(0, 20))):
        record = whole.records.add(
            partition_key_index=draw(st.integers(0, len(whole.partition_key_table) - 1)), data=draw(data)
        )
        if whole.explicit_hash_key_table and draw(st.booleans()):
            record.explicit_hash_key_index = draw(st.integers(0, len(whole.explicit_hash_key_table) - 1))
        for value in draw(st.lists(st.none() | st.text(max_size=5), max_size=2)):
            record.tags.add(key="tag", value=value)
    pieces = [AggregatedRecord(partition_key_table=[key]) for key in whole.partition_key_table]
    pieces += [AggregatedRecord(explicit_hash_key_table=[key]) for key in whole.explicit_hash_key_table]
    pieces += [AggregatedRecord(records=[record]) for record in whole.records]
    if draw(st.booleans()):
        pieces.reverse()
    # Field 15 as each wire type there is.
    strange = [b"\x78\x80\x01", b"\x79" + bytes(8), b"\x7a\x03\x0a\x01x", b"\x7d" + bytes(4)]
    parts = [piece.SerializeToString() for piece in pieces]
    parts = [part + draw(st.sampled_from([b"", *strange])) for part in parts]
    return b"".join(parts)


@given(messages())
def test_a_message_in_any_order_with_anything_between_is_read_as_protobuf_reads_it(message: bytes) -> None:
    expected = records_by_protobuf(message)
    assert expected is not None
    assert user_records(frame(message), "outer") == expected
    assert payloads(frame(message)) == [record.data for record in expected]


@given(st.lists(st.tuples(st.integers(0, 1), st.binary(max_size=200)), min_size=1, max_size=3), st.booleans())
def test_of_fields_that_stand_twice_the_same_count_as_for_protobuf(
    twice: list[tuple[int, bytes]], has_hash_key: bool
) -> None:
    content = b"".join(
        Record(partition_key_index=index, data=payload).SerializeToString()
        + (b"\x10" + bytes((index,)) if has_hash_key else b"")
        for index, payload in twice
    )
    tables = AggregatedRecord(partition_key_table=["ana", "bob"], explicit_hash_key_table=["1", "2"])
    message = tables.SerializeToString() + b"\x1a" + bytes((len(content) & 0x7F | 0x80, len(content) >> 7)) + content
    (expected,) = records_by_protobuf(message) or []
    assert expected.data == twice[-1][1]
    assert user_records(frame(message), "outer") == [expected]
    assert payloads(frame(message)) == [expected.data]


def test_a_frame_is_framed_as_the_reference_does() -> None:
    blob = their_aggregate([("ana", b"1", None)])
    assert frame(blob[len(MAGIC) : -DIGEST_BYTES]) == blob
