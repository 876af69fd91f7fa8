"""One PutRecords call, its result for each record, and the shards of a stream.

A call that returned is no success: each record's result is read. Nothing here tries again.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

from producers.batching import Record
from producers.results import Refused, Result, Taken
from producers.routing import Shard
from schemas import aws_errors
from schemas.errors import ConfigError, WorkFailedError

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient
    from mypy_boto3_kinesis.type_defs import PutRecordsOutputTypeDef, PutRecordsRequestEntryTypeDef


_BODY = "clickstream_body"
_encode_text = msgspec.json.Encoder().encode


class PutRecordsClient(Protocol):
    """The one operation that putting needs."""

    def put_records(
        self, *, StreamName: str, Records: Sequence[PutRecordsRequestEntryTypeDef]
    ) -> PutRecordsOutputTypeDef:
        """Put up to 500 records; each has its own result."""
        ...


def put_records(client: PutRecordsClient, stream: str, records: Sequence[Record]) -> list[Result]:
    """Put records that one call may hold, and return the result of each; a failed call is a result too.

    Args:
        client: made without retries of its own.
        stream: its name.
        records: what to put.
    """
    try:
        answers = client.put_records(StreamName=stream, Records=[_entry(record) for record in records])["Records"]
    except (ClientError, BotoCoreError) as error:
        refused = Refused(
            str(error), is_throttle=_is_throttle(error), is_whole_call=True, may_retry=is_transient(error)
        )
        return [refused] * len(records)
    results: list[Result] = []
    for answer in answers:
        if code := answer.get("ErrorCode"):
            reason = f"{code}: {answer.get('ErrorMessage', '')}"
            results.append(Refused(reason, is_throttle=aws_errors.is_throttle(code, 0)))
        else:
            results.append(Taken(answer["ShardId"]))
    return results


def write_bodies_directly(client: KinesisClient) -> None:
    """Have a client write the bodies of PutRecords itself.

    The general serialiser walks several times over texts that are nearly all base64, which is half of the cost of a
    call with large records.

    Args:
        client: made with `parameter_validation=False`, since what it would judge is not given to it.
    """
    client.meta.events.register("before-parameter-build.kinesis.PutRecords", _hold_body)
    client.meta.events.register("before-call.kinesis.PutRecords", _set_body)


def _hold_body(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    parts = [b'{"StreamName":', _encode_text(params["StreamName"]), b',"Records":[']
    for entry in params["Records"]:
        parts += (b'{"Data":"', b2a_base64(entry["Data"], newline=False))
        parts += (b'","PartitionKey":', _encode_text(entry["PartitionKey"]))
        if "ExplicitHashKey" in entry:
            parts += (b',"ExplicitHashKey":', _encode_text(entry["ExplicitHashKey"]))
        parts.append(b"},")
    parts[-1] = parts[-1].rstrip(b",")
    parts.append(b"]}")
    context[_BODY] = b"".join(parts)
    params["Records"] = []


def _set_body(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    params["body"] = context.pop(_BODY)


def is_transient(error: Exception) -> bool:
    """Say whether a call that raised this may succeed when it is repeated."""
    if not isinstance(error, ClientError):
        return isinstance(error, HTTPClientError | ConnectionError)
    return aws_errors.is_transient(*_code_and_status(error))


def _is_throttle(error: Exception) -> bool:
    return isinstance(error, ClientError) and aws_errors.is_throttle(*_code_and_status(error))


def _code_and_status(error: ClientError) -> tuple[str, int]:
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return str(error.response.get("Error", {}).get("Code")), status


def list_shards(client: KinesisClient, stream: str) -> list[Shard]:
    """Return the shards of a stream, also the closed ones that still hold records.

    Raises:
        ConfigError: there is no such stream.
        WorkFailedError: Kinesis cannot be reached, or is too busy to tell.
    """
    try:
        pages = client.get_paginator("list_shards").paginate(StreamName=stream)
        shards = [shard for page in pages for shard in page["Shards"]]
    except client.exceptions.ResourceNotFoundException:
        raise ConfigError(
            f"there is no stream {stream!r}; create it, start the local one with `clickstream up`, "
            "or name another in CLICKSTREAM_STREAM"
        ) from None
    except (ClientError, HTTPClientError, ConnectionError) as error:
        if not is_transient(error):
            raise
        raise WorkFailedError(f"Kinesis cannot be reached: {error}; is the stack up? (`clickstream status`)") from error
    return [
        Shard(
            shard["ShardId"],
            int(shard["HashKeyRange"]["StartingHashKey"]),
            int(shard["HashKeyRange"]["EndingHashKey"]),
            is_open="EndingSequenceNumber" not in shard["SequenceNumberRange"],
        )
        for shard in shards
    ]


def _entry(record: Record) -> PutRecordsRequestEntryTypeDef:
    entry: PutRecordsRequestEntryTypeDef = {"Data": record.data, "PartitionKey": record.partition_key}
    if record.explicit_hash_key is not None:
        entry["ExplicitHashKey"] = record.explicit_hash_key
    return entry
