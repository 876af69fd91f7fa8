"""The aggregated record format of the Kinesis Producer Library: walking the user records of a Kinesis record.

Source: awslabs/amazon-kinesis-producer, aggregation-format.md: the magic bytes F3 89 9A C2, a protobuf message
AggregatedRecord {1: partition key table, 2: explicit hash key table, 3: records {1: partition key index, 2: explicit
hash key index, 3: data, 4: tags}}, then the MD5 of the message. Tags are stepped over, for no library gives them out.

A frame with a wrong digest is refused, where AWS's libraries hand it on as a plain record: no event begins with the
magic, which is no UTF-8, so such bytes are damage and whoever reads them keeps them as that. No record is left out in
silence either: which ones lie outside of a shard's hash range is told, and left to the reader.

The records of a stream look alike: tag, size, key index, tag, size, in eight bytes, then the data. `payloads` reads
these eight as one number and looks up what they say; all else takes the general walk, which alone decides what is
refused.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import NamedTuple

from schemas.hash_keys import hash_key_of, parse_hash_key
from schemas.kpl_aggregator import Aggregator
from schemas.kpl_wire import (
    BYTES,
    DATA,
    DIGEST_BYTES,
    HASH_KEY_INDEX,
    HASH_KEYS,
    KEY_INDEX,
    KEYS,
    MAGIC,
    RECORDS,
    VARINT,
    BrokenFrameError,
    WrongDigestError,
    checked_message,
    field_at,
    fields,
)

__all__ = [
    "DIGEST_BYTES",
    "MAGIC",
    "Aggregator",
    "BrokenFrameError",
    "UserRecord",
    "WrongDigestError",
    "foreign_records",
    "payloads",
    "user_records",
]

_KEY_TAG, _RECORD_TAG, _INDEX_TAG, _DATA_TAG = (
    KEYS << 3 | BYTES,
    RECORDS << 3 | BYTES,
    KEY_INDEX << 3 | VARINT,
    DATA << 3 | BYTES,
)


class UserRecord(NamedTuple):
    """One record as the producer's user put it.

    Attributes:
        partition_key: its own, or that of the Kinesis record where it is plain.
        data: its bytes.
        explicit_hash_key: decides its shard in place of the partition key; as it was written, not judged.
        sub_sequence_number: its place in the aggregate, from 0; None for a plain record. With the sequence number of
            the Kinesis record it names a user record of a shard.
    """

    partition_key: str
    data: bytes
    explicit_hash_key: str | None = None
    sub_sequence_number: int | None = None

    @property
    def hash_key(self) -> int | None:
        """What decides its shard; None where the explicit hash key is none."""
        if self.explicit_hash_key is None:
            return hash_key_of(self.partition_key)
        return parse_hash_key(self.explicit_hash_key)


def payloads(blob: bytes) -> list[bytes]:
    """Return the data of every user record in a Kinesis record, in order; a plain record is itself.

    Raises:
        BrokenFrameError: it begins as an aggregated record and is none.
    """
    if not blob.startswith(MAGIC):
        return [blob]
    message = checked_message(blob)
    found: list[bytes] = []
    position, end = len(MAGIC), len(message)
    while position < end:
        # After the message the blob goes on with its digest, so a few bytes can be read from any place.
        if blob[position] == _KEY_TAG and (size := blob[position + 1]) < 0x80 and position + 2 + size <= end:
            position += 2 + size
            continue
        size = _data_sizes[_head_of(blob, position)[0] & _WITHOUT_INDEX]
        start = position + _HEAD_BYTES
        if size and start + size <= end:
            position = start + size
            found.append(blob[start:position])
        else:
            number, value, position = field_at(message, position)
            if number == RECORDS and isinstance(value, bytes):
                found.append(_record_data(value))
    return found


def user_records(blob: bytes, partition_key: str) -> list[UserRecord]:
    """Return every user record with its keys and its place; a plain record is itself under the key it was put with.

    Raises:
        BrokenFrameError: it begins as an aggregated record and is none, or names a key that its table lacks.
    """
    if not blob.startswith(MAGIC):
        return [UserRecord(partition_key, blob)]
    keys: list[bytes] = []
    hash_keys: list[bytes] = []
    records: list[bytes] = []
    for number, value in fields(checked_message(blob), len(MAGIC)):
        if not isinstance(value, bytes):
            continue
        if number == KEYS:
            keys.append(value)
        elif number == HASH_KEYS:
            hash_keys.append(value)
        elif number == RECORDS:
            records.append(value)
    return [_user_record(record, place, keys, hash_keys) for place, record in enumerate(records)]


def foreign_records(records: Iterable[UserRecord], first: int, last: int) -> list[UserRecord]:
    """Return those records of aggregates that do not belong to a shard's hash range, both ends inclusive, in order.

    They come about when a shard is split or merged while a producer still packs for the shards of before. AWS's
    consumer library gives out nothing of an aggregate that holds one; here they are told, and still read. One whose
    explicit hash key is no hash key belongs nowhere. A plain record is never foreign: what put it there is not to be
    seen in it.

    Source: awslabs/amazon-kinesis-client, AggregatorUtil.java.
    """
    return [
        record
        for record in records
        if record.sub_sequence_number is not None
        and ((hash_key := record.hash_key) is None or not first <= hash_key <= last)
    ]


def _user_record(record: bytes, place: int, keys: list[bytes], hash_keys: list[bytes]) -> UserRecord:
    key_index: int | None = None
    hash_key_index: int | None = None
    data: bytes | None = None
    # Of a field that stands twice the last counts: protobuf encoding guide, "Last One Wins".
    for number, value in fields(record):
        if number == KEY_INDEX and isinstance(value, int):
            key_index = value
        elif number == HASH_KEY_INDEX and isinstance(value, int):
            hash_key_index = value
        elif number == DATA and isinstance(value, bytes):
            data = value
    if key_index is None or data is None:
        raise BrokenFrameError("a record without a partition key or data")
    try:
        hash_key = None if hash_key_index is None else _text(hash_keys[hash_key_index])
        return UserRecord(_text(keys[key_index]), data, hash_key, place)
    except IndexError:
        raise BrokenFrameError("a record names a key that the table lacks") from None


def _record_data(record: bytes) -> bytes:
    data = [value for number, value in fields(record) if number == DATA and isinstance(value, bytes)]
    if not data:
        raise BrokenFrameError("a record without data")
    return data[-1]


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise BrokenFrameError("a key that is not UTF-8") from None


_HEAD_BYTES = 8
_head_of = struct.Struct("<Q").unpack_from
_WITHOUT_INDEX = int.from_bytes(b"\xff\xff\xff\xff\x80\xff\xff\xff", "little")
# What is the same in every usual head, and where: the tags, and of each number whether it goes on.
_USUAL = int.from_bytes(bytes((_RECORD_TAG, 0x80, 0, _INDEX_TAG, 0, _DATA_TAG, 0x80, 0)), "little")
_USUAL_BITS = int.from_bytes(b"\xff\x80\x80\xff\x80\xff\x80\x80", "little")


class _DataSizes(dict[int, int]):
    """Head of a record without its key index -> the size of its data; 0 for what is no usual head.

    Usual are a key index below 128, record and data of sizes that take two bytes, and nothing after the data. Filled as
    heads come up; there are no more of them than such sizes.
    """

    def __missing__(self, head: int) -> int:
        if head & _USUAL_BITS != _USUAL:
            return 0
        _, low, high, _, _, _, data_low, data_high = head.to_bytes(_HEAD_BYTES, "little")
        size = data_low & 0x7F | data_high << 7
        # Before the data the record has its key index, and the tag and the size of the data.
        if low & 0x7F | high << 7 != size + 5:
            return 0
        self[head] = size
        return size


_data_sizes = _DataSizes()
