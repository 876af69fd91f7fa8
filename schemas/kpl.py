"""The aggregated record format of the Kinesis Producer Library: packing user records, and walking them.

Source: awslabs/amazon-kinesis-producer, aggregation-format.md: the magic bytes F3 89 9A C2, a protobuf message
AggregatedRecord {1: partition key table, 2: explicit hash key table, 3: records {1: partition key index, 2: explicit
hash key index, 3: data, 4: tags}}, then the MD5 of the message. The message is walked by hand: four field kinds do
not need a protobuf runtime, and the walk is what the alert job spends its time on.

The records of a stream look alike: tag, size, key index, tag, size, in eight bytes, then the data. `payloads` reads
these eight as one number and looks up what they say; all else takes the general walk, which alone decides what is
refused.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from schemas.errors import BadRecordError

MAGIC = b"\xf3\x89\x9a\xc2"
DIGEST_BYTES = 16
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_KEY_TAG, _RECORD_TAG, _INDEX_TAG, _DATA_TAG = 1 << 3 | _BYTES, 3 << 3 | _BYTES, 1 << 3 | _VARINT, 3 << 3 | _BYTES


class BrokenFrameError(BadRecordError):
    """The bytes begin as an aggregated record and are none: wrong digest, cut, or not its message."""


@dataclass(frozen=True, slots=True)
class UserRecord:
    """One record as the producer's user put it."""

    partition_key: str
    data: bytes
    explicit_hash_key: str | None = None


def payloads(blob: bytes) -> list[bytes]:
    """Return the data of every user record in a Kinesis record, in order; a plain record is itself.

    Raises:
        BrokenFrameError: it begins as an aggregated record and is none.
    """
    if not blob.startswith(MAGIC):
        return [blob]
    message = _checked_message(blob)
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
            number, value, position = _field(message, position)
            if number == 3 and isinstance(value, bytes):
                found.append(_record_data(value))
    return found


def user_records(blob: bytes, partition_key: str) -> list[UserRecord]:
    """Return every user record with its keys; a plain record is itself under the key it was put with.

    Raises:
        BrokenFrameError: it begins as an aggregated record and is none, or names a key that its table lacks.
    """
    if not blob.startswith(MAGIC):
        return [UserRecord(partition_key, blob)]
    keys: list[str] = []
    hash_keys: list[str] = []
    records: list[bytes] = []
    for number, value in _fields(_checked_message(blob), len(MAGIC)):
        if number == 1 and isinstance(value, bytes):
            keys.append(_text(value))
        elif number == 2 and isinstance(value, bytes):
            hash_keys.append(_text(value))
        elif number == 3 and isinstance(value, bytes):
            records.append(value)
    return [_user_record(record, keys, hash_keys) for record in records]


def _user_record(record: bytes, keys: list[str], hash_keys: list[str]) -> UserRecord:
    key_index: int | None = None
    hash_key_index: int | None = None
    data: bytes | None = None
    # Of a field that stands twice the last counts: protobuf encoding guide, "Last One Wins".
    for number, value in _fields(record):
        if number == 1 and isinstance(value, int):
            key_index = value
        elif number == 2 and isinstance(value, int):
            hash_key_index = value
        elif number == 3 and isinstance(value, bytes):
            data = value
    if key_index is None or data is None:
        raise BrokenFrameError("a record without a partition key or data")
    try:
        return UserRecord(keys[key_index], data, None if hash_key_index is None else hash_keys[hash_key_index])
    except IndexError:
        raise BrokenFrameError("a record names a key that the table lacks") from None


def _checked_message(blob: bytes) -> bytes:
    """Return the magic and the message of a frame that is whole."""
    if len(blob) < len(MAGIC) + DIGEST_BYTES:
        raise BrokenFrameError("shorter than its frame")
    # MD5 is what the format asks for; it guards against damage, not against anyone.
    digest = hashlib.md5(memoryview(blob)[len(MAGIC) : -DIGEST_BYTES], usedforsecurity=False).digest()
    if digest != blob[-DIGEST_BYTES:]:
        raise BrokenFrameError("the digest does not match")
    return blob[:-DIGEST_BYTES]


def _record_data(record: bytes) -> bytes:
    data = [value for number, value in _fields(record) if number == 3 and isinstance(value, bytes)]
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


def _fields(message: bytes, position: int = 0) -> Iterator[tuple[int, int | bytes | None]]:
    """Give (field number, value) of a protobuf message in order, from a place on."""
    while position < len(message):
        number, value, position = _field(message, position)
        yield number, value


def _field(message: bytes, position: int) -> tuple[int, int | bytes | None, int]:
    """Return number and value of the field at a place, and where the next begins; fixed-size numbers have no value."""
    tag, position = _varint(message, position)
    number, wire_type = tag >> 3, tag & 7
    value: int | bytes | None = None
    if wire_type == _BYTES:
        size, start = _varint(message, position)
        position = start + size
        value = message[start:position]
    elif wire_type == _VARINT:
        value, position = _varint(message, position)
    elif wire_type in (_FIXED32, _FIXED64):
        position += 4 if wire_type == _FIXED32 else 8
    else:
        raise BrokenFrameError(f"wire type {wire_type} is not of this format")
    if position > len(message):
        raise BrokenFrameError("cut inside a field")
    return number, value, position


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    try:
        while True:
            byte = message[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, position
            shift += 7
            if shift > 63:
                raise BrokenFrameError("a number longer than 64 bits")
    except IndexError:
        raise BrokenFrameError("cut inside a number") from None


class Aggregator:
    """Packs user records into one aggregated record, up to a size.

    Not safe for use from several threads. All records of one aggregate go to the shard of its first record, so the
    caller keeps one aggregator for each shard.

    Args:
        max_bytes: the largest aggregate, frame included.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._reset()

    def _reset(self) -> None:
        self._key_index: dict[str, int] = {}
        self._keys: list[bytes] = []
        self._records: list[bytes] = []
        self._bytes = len(MAGIC) + DIGEST_BYTES

    def __len__(self) -> int:
        """Return the number of user records held."""
        return len(self._records)

    @property
    def size_bytes(self) -> int:
        """The size of the aggregate that `drain` would return."""
        return self._bytes

    @property
    def partition_key(self) -> str:
        """The key to put the aggregate with: its first record's."""
        return next(iter(self._key_index))

    def add(self, partition_key: str, data: bytes) -> bool:
        """Take a record in, or return False and change nothing where it would not fit.

        A record that does not fit an empty aggregate never will: put it plain.
        """
        index = self._key_index.get(partition_key)
        key_field = b"" if index is not None else _bytes_field(1, partition_key.encode())
        if index is None:
            index = len(self._key_index)
        record = _bytes_field(3, b"\x08" + _encode_varint(index) + _bytes_field(3, data))
        grown = self._bytes + len(key_field) + len(record)
        if grown > self._max_bytes:
            return False
        if key_field:
            self._key_index[partition_key] = index
            self._keys.append(key_field)
        self._records.append(record)
        self._bytes = grown
        return True

    def drain(self) -> bytes:
        """Return the aggregate of what is held and begin a new one."""
        message = b"".join(self._keys) + b"".join(self._records)
        self._reset()
        return MAGIC + message + hashlib.md5(message, usedforsecurity=False).digest()


def _bytes_field(number: int, value: bytes) -> bytes:
    return bytes((number << 3 | _BYTES,)) + _encode_varint(len(value)) + value


def _encode_varint(value: int) -> bytes:
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
