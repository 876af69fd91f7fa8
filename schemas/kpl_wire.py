"""What an aggregated record is made of: its frame, and as much of protobuf's wire format as its message needs.

Written by hand, for four kinds of fields do not need a protobuf runtime. What protobuf refuses is refused here; so are
groups, which this format has none of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from schemas.errors import BadRecordError

MAGIC = b"\xf3\x89\x9a\xc2"
DIGEST_BYTES = 16
# Fields of AggregatedRecord and of its Record.
KEYS, HASH_KEYS, RECORDS = 1, 2, 3
KEY_INDEX, HASH_KEY_INDEX, DATA = 1, 2, 3
# Wire types. Source: protobuf encoding guide, "Message Structure".
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_MAX_FIELD_NUMBER = (1 << 29) - 1
_MAX_VARINT_SHIFT = 63
_64_BITS = (1 << 64) - 1


class BrokenFrameError(BadRecordError):
    """The bytes begin as an aggregated record and are none: wrong digest, cut, or not its message."""


class WrongDigestError(BrokenFrameError):
    """The digest is not that of the message: the frame was damaged, or only begins like one."""


def digest_of(message: bytes | memoryview) -> bytes:
    """Return the digest that ends a frame; it guards against damage, not against anyone."""
    return hashlib.md5(message, usedforsecurity=False).digest()


def frame(message: bytes) -> bytes:
    """Return a message as the data of a Kinesis record."""
    return b"".join((MAGIC, message, digest_of(message)))


def checked_message(blob: bytes) -> bytes:
    """Return the magic and the message of what begins with the magic.

    Raises:
        WrongDigestError: the digest is another or not there.
    """
    if len(blob) < len(MAGIC) + DIGEST_BYTES:
        raise WrongDigestError("shorter than its frame")
    if digest_of(memoryview(blob)[len(MAGIC) : -DIGEST_BYTES]) != blob[-DIGEST_BYTES:]:
        raise WrongDigestError("the digest does not match")
    return blob[:-DIGEST_BYTES]


def fields(message: bytes, position: int = 0) -> Iterator[tuple[int, int | bytes | None]]:
    """Give (field number, value) of a message in order, from a place on.

    Raises:
        BrokenFrameError: as `field_at`.
    """
    while position < len(message):
        number, value, position = field_at(message, position)
        yield number, value


def field_at(message: bytes, position: int) -> tuple[int, int | bytes | None, int]:
    """Return number and value of the field at a place, and where the next begins; fixed-size numbers have no value.

    Raises:
        BrokenFrameError: there is no field of this format, or only a part of one.
    """
    tag, position = _varint_at(message, position)
    number, wire_type = tag >> 3, tag & 7
    if not 0 < number <= _MAX_FIELD_NUMBER:
        raise BrokenFrameError("a field number out of range")
    value: int | bytes | None = None
    if wire_type == BYTES:
        size, start = _varint_at(message, position)
        position = start + size
        value = message[start:position]
    elif wire_type == VARINT:
        value, position = _varint_at(message, position)
    elif wire_type in (FIXED32, FIXED64):
        position += 4 if wire_type == FIXED32 else 8
    else:
        raise BrokenFrameError(f"wire type {wire_type} is not of this format")
    if position > len(message):
        raise BrokenFrameError("cut inside a field")
    return number, value, position


def bytes_head(number: int, size: int) -> bytes:
    """Return what stands before so many bytes as the value of a field."""
    return _varint(number << 3 | BYTES) + _varint(size)


def varint_field(number: int, value: int) -> bytes:
    """Return a field that holds a number, which is not negative."""
    return _varint(number << 3 | VARINT) + _varint(value)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _varint_at(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    try:
        while True:
            byte = message[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                # As protobuf reads them: of the tenth byte one bit counts.
                return value & _64_BITS, position
            shift += 7
            if shift > _MAX_VARINT_SHIFT:
                raise BrokenFrameError("a number longer than 64 bits")
    except IndexError:
        raise BrokenFrameError("cut inside a number") from None
