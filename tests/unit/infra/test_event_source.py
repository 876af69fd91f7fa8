from __future__ import annotations

from typing import Any

import pytest

from infra.local.event_source import BadAnswerError, event_of, failed_ids

IDS = {"a", "b"}


def test_a_batch_becomes_the_event_that_lambda_gives_a_function() -> None:
    received: Any = {
        "MessageId": "a",
        "ReceiptHandle": "handle",
        "Body": "{}",
        "MD5OfBody": "99914b932bd37a50b983c5e7c90ae93b",
        "Attributes": {"ApproximateReceiveCount": "1"},
    }
    assert event_of([received], "arn:aws:sqs:us-east-1:123456789012:drops") == {
        "Records": [
            {
                "messageId": "a",
                "receiptHandle": "handle",
                "body": "{}",
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "md5OfBody": "99914b932bd37a50b983c5e7c90ae93b",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:drops",
                "awsRegion": "us-east-1",
            }
        ]
    }


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}])
def test_an_answer_that_names_no_message_is_a_success_of_all(answer: object) -> None:
    assert failed_ids(answer, IDS) == set()


def test_an_answer_names_what_is_left_to_be_tried_again() -> None:
    assert failed_ids({"batchItemFailures": [{"itemIdentifier": "b"}]}, IDS) == {"b"}


@pytest.mark.parametrize(
    "answer",
    [
        "done",
        {"batchItemFailures": {"itemIdentifier": "a"}},
        {"batchItemFailures": ["a"]},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"wrong": "a"}]},
        {"batchItemFailures": [{"itemIdentifier": "c"}]},
    ],
)
def test_an_answer_that_makes_no_sense_is_a_failure_of_all(answer: object) -> None:
    with pytest.raises(BadAnswerError):
        failed_ids(answer, IDS)
