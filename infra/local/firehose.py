"""Firehose's decisions: when a buffer is delivered, under which key, and what the object holds. Pure.

Kinesis records go in, whole objects come out, and a delivery says up to which position of each shard it reaches. A
record whose aggregate is broken goes to the error prefix with its bytes; nothing is dropped.
Source: Amazon Data Firehose developer guide, "Buffering hints", "Custom prefixes", "S3 object name format".
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass

import msgspec
from zlib_ng import gzip_ng

from schemas.instants import SECOND_US, format_instant_us
from schemas.kpl import BrokenFrameError, payloads
from schemas.lake import RAW_ERROR_PREFIX, RAW_PREFIX, firehose_object

ERROR_TYPE = "deaggregation-failed"
BROKEN_FRAME = "Kpl.BrokenFrame"
# As small as zlib makes it at its usual level within a twentieth, in less than half of the time.
_GZIP_LEVEL = 4


@dataclass(frozen=True, slots=True)
class BufferHints:
    """When a buffer is due: at a size before compression, or at the age of its oldest record."""

    max_bytes: int
    max_age_us: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """One Kinesis record as it was read."""

    data: bytes
    arrival_us: int
    shard_id: str
    sequence_number: str


@dataclass(frozen=True, slots=True)
class LakeObject:
    """An object to be put."""

    key: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one drain of the buffer puts.

    Attributes:
        objects: to be put, every one, before the positions count.
        records: user records in the data object.
        errors: Kinesis records in the error object.
        positions: shard -> sequence number of the last record taken in.
    """

    objects: tuple[LakeObject, ...]
    records: int
    errors: int
    positions: dict[str, str]


class _ErrorLine(msgspec.Struct, rename="camel"):
    raw_data: str
    error_code: str
    error_message: str
    arrival_timestamp: str
    shard_id: str
    sequence_number: str


class Buffer:
    """Collects Kinesis records until they are due, and turns them into objects.

    Args:
        stream: the delivery stream's name, with which object names begin.
        hints: when the buffer is due.
        positions: shard -> last sequence number delivered before.
    """

    def __init__(self, stream: str, hints: BufferHints, positions: dict[str, str]) -> None:
        self._stream = stream
        self._hints = hints
        self._positions = dict(positions)
        self._reset()

    def _reset(self) -> None:
        self._lines: list[bytes] = []
        self._errors: list[bytes] = []
        self._bytes = 0
        self._oldest_us: int | None = None

    @property
    def records(self) -> int:
        """How many user records and broken aggregates are held."""
        return len(self._lines) + len(self._errors)

    @property
    def size_bytes(self) -> int:
        """The size of what is held, before compression."""
        return self._bytes

    @property
    def is_full(self) -> bool:
        """Whether the size hint is reached."""
        return self._bytes >= self._hints.max_bytes

    def is_due(self, now_us: int) -> bool:
        """Say whether the buffer should be delivered now; an empty one never is."""
        if self._oldest_us is None:
            return False
        return self.is_full or now_us - self._oldest_us >= self._hints.max_age_us

    def add(self, arrival: Arrival) -> None:
        """Take in every user record of a Kinesis record."""
        try:
            lines = [_delimited(data) for data in payloads(arrival.data)]
            self._lines += lines
            self._bytes += sum(map(len, lines))
        except BrokenFrameError as error:
            line = _error_line(arrival, error)
            self._errors.append(line)
            self._bytes += len(line)
        self._positions[arrival.shard_id] = arrival.sequence_number
        if self._oldest_us is None or arrival.arrival_us < self._oldest_us:
            self._oldest_us = arrival.arrival_us

    def drain(self, object_id: str) -> Delivery:
        """Return what is held as a delivery, its objects named by a UUID, and begin anew."""
        objects: list[LakeObject] = []
        if self._oldest_us is not None:
            place = f"{firehose_object(self._stream, self._oldest_us, object_id)}.json"
            if self._lines:
                # No time in the gzip header: equal records give equal bytes.
                body = gzip_ng.compress(b"".join(self._lines), _GZIP_LEVEL, mtime=0)  # type: ignore[no-untyped-call]
                objects.append(LakeObject(f"{RAW_PREFIX}{place}.gz", body))
            if self._errors:
                objects.append(LakeObject(f"{RAW_ERROR_PREFIX}{ERROR_TYPE}/{place}", b"".join(self._errors)))
        delivery = Delivery(tuple(objects), len(self._lines), len(self._errors), dict(self._positions))
        self._reset()
        return delivery


def hints_of(seconds: float, mib: float) -> BufferHints:
    """Return the buffer hints in the units of a user."""
    return BufferHints(max_bytes=int(mib * (1 << 20)), max_age_us=int(seconds * SECOND_US))


def _delimited(data: bytes) -> bytes:
    return data if data.endswith(b"\n") else data + b"\n"


def _error_line(arrival: Arrival, error: BrokenFrameError) -> bytes:
    line = _ErrorLine(
        raw_data=b64encode(arrival.data).decode(),
        error_code=BROKEN_FRAME,
        error_message=str(error),
        arrival_timestamp=format_instant_us(arrival.arrival_us),
        shard_id=arrival.shard_id,
        sequence_number=arrival.sequence_number,
    )
    return msgspec.json.encode(line) + b"\n"
