"""Batch calls whose entries fail on request, one by one, as they may on AWS and never do in the library."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, cast

from moto.core.responses import ActionResult
from moto.dynamodb.responses import DynamoHandler
from moto.kinesis.models import KinesisBackend
from moto.sns.models import SNSBackend
from moto.sqs.models import SQSBackend

from infra.local.faults import Faults
from infra.local.mends.mend import Mend

_MESSAGE = "failed on request"
# Source: SNS and SQS API references, errors of PublishBatch and SendMessageBatch.
_SENDER_FAULTS = frozenset({"InvalidParameter", "InvalidParameterValue", "InvalidMessageContents", "ValidationError"})


def partial_failures(faults: Faults) -> Mend:
    """Return the mend under which `faults` decides what fails; made and installed after every other mend."""
    put_records = KinesisBackend.put_records
    publish_batch = SNSBackend.publish_batch
    send_message_batch = SQSBackend.send_message_batch
    batch_get_item = DynamoHandler.batch_get_item
    batch_write_item = DynamoHandler.batch_write_item

    def put_some(backend: Any, stream_arn: str, stream_name: str, records: list[dict[str, Any]]) -> dict[str, Any]:
        failing = faults.strike_entries("kinesis.PutRecords", len(records))
        kept = [record for position, record in enumerate(records) if position not in failing]
        placed = iter(put_records(backend, stream_arn, stream_name, kept)["Records"])
        answers = [
            {"ErrorCode": failing[position], "ErrorMessage": _MESSAGE} if position in failing else next(placed)
            for position in range(len(records))
        ]
        return {"FailedRecordCount": len(failing), "Records": answers}

    def publish_some(backend: Any, topic_arn: str, publish_batch_request_entries: list[dict[str, Any]]) -> Any:
        entries = publish_batch_request_entries
        failing = faults.strike_entries("sns.PublishBatch", len(entries))
        kept = [entry for position, entry in enumerate(entries) if position not in failing]
        successful, failed = publish_batch(backend, topic_arn, kept)
        return successful, failed + [_failure(entries[position]["Id"], code) for position, code in failing.items()]

    def send_some(backend: Any, queue_name: str, entries: dict[str, dict[str, Any]]) -> Any:
        failing = faults.strike_entries("sqs.SendMessageBatch", len(entries))
        kept = {name: entry for position, (name, entry) in enumerate(entries.items()) if position not in failing}
        ids = [entry["Id"] for entry in entries.values()]
        messages, failed = send_message_batch(backend, queue_name, kept)
        return messages, failed + [_failure(ids[position], code) for position, code in failing.items()]

    def get_some(handler: Any) -> ActionResult:
        return _without_some(handler, faults, "dynamodb.BatchGetItem", batch_get_item, ("Keys", "UnprocessedKeys"))

    def write_some(handler: Any) -> ActionResult:
        return _without_some(handler, faults, "dynamodb.BatchWriteItem", batch_write_item, ("", "UnprocessedItems"))

    return Mend(
        "partial failures",
        (
            (KinesisBackend, "put_records", put_some),
            (SNSBackend, "publish_batch", publish_some),
            (SQSBackend, "send_message_batch", send_some),
            (DynamoHandler, "batch_get_item", get_some),
            (DynamoHandler, "batch_write_item", write_some),
        ),
    )


def _without_some(
    handler: Any, faults: Faults, operation: str, call: Callable[[Any], ActionResult], names: tuple[str, str]
) -> ActionResult:
    """Carry out a DynamoDB batch without the entries that are struck, which the answer gives back as not processed.

    Args:
        handler: of the request.
        faults: decide what fails, by position over all tables.
        operation: as the faults name it.
        call: the library's.
        names: under which a table has its entries, if not directly, and under which the answer gives them back.
    """
    inner, unprocessed = names

    def entries_of(of_table: Any) -> list[Any]:
        return list(of_table[inner] if inner else of_table)

    asked = handler.body["RequestItems"]
    entries = [(table, entry) for table, of_table in asked.items() for entry in entries_of(of_table)]
    failing = faults.strike_entries(operation, len(entries))
    if not failing:
        return call(handler)
    kept: dict[str, Any] = {table: asked[table] | {inner: []} if inner else [] for table in asked}
    struck = copy.deepcopy(kept)
    for position, (table, entry) in enumerate(entries):
        of_table = (struck if position in failing else kept)[table]
        (of_table[inner] if inner else of_table).append(entry)
    handler.body["RequestItems"] = kept
    answer = cast("dict[str, Any]", call(handler).result)
    return ActionResult(answer | {unprocessed: {table: part for table, part in struck.items() if entries_of(part)}})


def _failure(entry_id: str, code: str) -> dict[str, Any]:
    return {"Id": entry_id, "Code": code, "Message": _MESSAGE, "SenderFault": code in _SENDER_FAULTS}
