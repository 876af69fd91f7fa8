"""The aggregated record format by AWS's library for Python, `aws-kinesis-agg`: the yardstick of ours.

Its protobuf module is found only once its aggregator is imported, which puts the library's folder on `sys.path`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from typing import Any

from aws_kinesis_agg.aggregator import RecordAggregator
from aws_kinesis_agg.deaggregator import iter_deaggregate_records
from aws_kinesis_agg.messages_pb2 import AggregatedRecord
from google.protobuf.message import DecodeError

from schemas.kpl import UserRecord
from schemas.kpl_wire import DATA, HASH_KEY_INDEX, HASH_KEYS, KEY_INDEX, KEYS, RECORDS, bytes_head, fields, varint_field

# Partition key, data, explicit hash key.
Put = tuple[str, bytes, str | None]


def aggregates_of(puts: Iterable[Put], max_bytes: int) -> Iterator[bytes]:
    """Give the aggregates that the library makes of records, each up to a size."""
    aggregator = RecordAggregator(max_bytes)
    for put in puts:
        if (full := aggregator.add_user_record(*put)) is not None:
            yield full.get_contents()[2]
    if (last := aggregator.clear_and_get()) is not None:
        yield last.get_contents()[2]


def records_of(blobs: Iterable[bytes]) -> Iterator[UserRecord]:
    """Give the user records that the library reads; it hands on as a plain record what it cannot read."""
    records = [
        {"SequenceNumber": "1", "PartitionKey": "outer", "ApproximateArrivalTimestamp": 0, "Data": blob}
        for blob in blobs
    ]
    for record in iter_deaggregate_records(records, data_format="Boto3"):
        user = record["kinesis"]
        if "aggregated" not in user:
            yield UserRecord(user["partitionKey"], user["data"])
            continue
        # The library gives data in base64, as a Lambda function would get it.
        data = base64.b64decode(user["data"])
        yield UserRecord(user["partitionKey"], data, user["explicitHashKey"], user["subSequenceNumber"])


def message_with_tags(puts: Iterable[tuple[Put, str | None]]) -> bytes:
    """Return the message of records that have a tag each, with a value or without."""
    message = AggregatedRecord()
    for index, ((key, data, hash_key), value) in enumerate(puts):
        message.partition_key_table.append(key)
        record = message.records.add(partition_key_index=index, data=data)
        if hash_key is not None:
            record.explicit_hash_key_index = len(message.explicit_hash_key_table)
            message.explicit_hash_key_table.append(hash_key)
        record.tags.add(key="colour", value=value)
    return bytes(message.SerializeToString())


def records_by_protobuf(message: bytes) -> list[UserRecord] | None:
    """Return the user records that protobuf finds in a message; None where it refuses it or a key is missing."""
    try:
        meant = AggregatedRecord.FromString(message)
        # Python's protobuf leaves that to the caller; others refuse a message without what it requires.
        if not meant.IsInitialized():
            return None
        records = [
            UserRecord(
                meant.partition_key_table[record.partition_key_index],
                record.data,
                # The library's own reader gives a record without one the first of the table.
                meant.explicit_hash_key_table[record.explicit_hash_key_index]
                if record.HasField("explicit_hash_key_index")
                else None,
                place,
            )
            for place, record in enumerate(meant.records)
        ]
    except (DecodeError, IndexError):
        return None
    # A key that is no text comes as bytes.
    keys: list[Any] = [key for record in records for key in (record.partition_key, record.explicit_hash_key)]
    return None if any(isinstance(key, bytes) for key in keys) else records


def data_by_protobuf(message: bytes) -> list[bytes]:
    """Return the data of a message's records in order, as protobuf reads them."""
    return [record.data for record in AggregatedRecord.FromString(message).records]


def without_tags(message: bytes) -> bytes:
    """Return a message that our walk gets through with nothing in it but keys, indexes and data."""
    lean = b""
    for number, value in fields(message):
        if number in (KEYS, HASH_KEYS) and isinstance(value, bytes):
            lean += _bytes_field(number, value)
        elif number == RECORDS and isinstance(value, bytes):
            lean += _bytes_field(number, b"".join(_known_fields(value)))
    return lean


def _known_fields(record: bytes) -> Iterator[bytes]:
    for number, value in fields(record):
        if number in (KEY_INDEX, HASH_KEY_INDEX) and isinstance(value, int):
            yield varint_field(number, value)
        elif number == DATA and isinstance(value, bytes):
            yield _bytes_field(number, value)


def _bytes_field(number: int, value: bytes) -> bytes:
    return bytes_head(number, len(value)) + value
