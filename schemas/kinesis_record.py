"""A record as it was read from a stream, as archives keep it. Field rules: `avro/kinesis_record.v1.avsc`."""

from __future__ import annotations

import msgspec


class KinesisRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One record: its bytes, whatever they are, its key, and where and when the stream had it."""

    data: bytes
    partition_key: str
    sequence_number: str
    shard_id: str
    arrival_timestamp_us: int
