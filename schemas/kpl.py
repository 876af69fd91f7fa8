"""The aggregated record format of the Kinesis Producer Library: packing user records, and walking them.

Source: awslabs/amazon-kinesis-producer, aggregation-format.md: the magic bytes F3 89 9A C2, a protobuf message
AggregatedRecord {1: partition key table, 2: explicit hash key table, 3: records {1: partition key index, 2: explicit
hash key index, 3: data, 4: tags}}, then the MD5 of the message. The message is walked by hand: four field kinds do
not need a protobuf runtime, and the walk is what the alert job spends its time on.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from schemas.errors import BadRecordError

MAGIC = b"\xf3\x89\x9a\xc2"
DIGEST_BYTES = 16
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


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
    return [_record_data(value) for number, value in _fields(message) if number == 3 and isinstance(value, bytes)]


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
    for number, value in _fields(_checked_message(blob)):
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
    message = blob[len(MAGIC) : -DIGEST_BYTES]
    if len(blob) < len(MAGIC) + DIGEST_BYTES:
        raise BrokenFrameError("shorter than its frame")
    # MD5 is what the format asks for; it guards against damage, not against anyone.
    if hashlib.md5(message, usedforsecurity=False).digest() != blob[-DIGEST_BYTES:]:
        raise BrokenFrameError("the digest does not match")
    return message


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


def _fields(message: bytes) -> list[tuple[int, int | bytes]]:
    """Return (field number, value) of a protobuf message in order; numbers of fixed size are skipped."""
    found: list[tuple[int, int | bytes]] = []
    position, end = 0, len(message)
    while position < end:
        tag, position = _varint(message, position)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == _BYTES:
            size, position = _varint(message, position)
            start, position = position, position + size
            if position > end:
                raise BrokenFrameError("cut inside a field")
            found.append((number, message[start:position]))
        elif wire_type == _VARINT:
            value, position = _varint(message, position)
            found.append((number, value))
        elif wire_type in (_FIXED32, _FIXED64):
            position += 4 if wire_type == _FIXED32 else 8
            if position > end:
                raise BrokenFrameError("cut inside a field")
        else:
            raise BrokenFrameError(f"wire type {wire_type} is not of this format")
    return found


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
