"""What Lambda hands to a function for a batch of SQS messages, and what it makes of the answer. Pure.

Source: AWS Lambda developer guide, "Using Lambda with Amazon SQS", "Reporting batch item failures".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_FAILURES, _IDENTIFIER = "batchItemFailures", "itemIdentifier"


class BadAnswerError(Exception):
    """The function's answer names no messages of the batch: all of it counts as failed."""


def event_of(messages: Sequence[MessageTypeDef], queue_arn: str) -> dict[str, Any]:
    """Return the event for a batch as it was received."""
    region = queue_arn.split(":")[3]
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": dict(message.get("Attributes", {})),
                "messageAttributes": {},
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": queue_arn,
                "awsRegion": region,
            }
            for message in messages
        ]
    }


def failed_ids(answer: object, message_ids: Collection[str]) -> set[str]:
    """Return the messages of a batch that a function's answer leaves to be tried again.

    Raises:
        BadAnswerError: the answer is of no form that Lambda reads, or names a message that was not in the batch.
    """
    if answer is None or answer == {}:
        return set()
    if not isinstance(answer, Mapping):
        raise BadAnswerError(f"the answer is {type(answer).__name__}, not an object")
    failures = answer.get(_FAILURES)
    if failures is None:
        return set()
    if not isinstance(failures, Sequence) or not all(isinstance(failure, Mapping) for failure in failures):
        raise BadAnswerError(f"{_FAILURES} is not a list of objects")
    named = {failure.get(_IDENTIFIER) for failure in failures}
    if not named <= set(message_ids):
        raise BadAnswerError(f"{_FAILURES} names what is not in the batch")
    return named
