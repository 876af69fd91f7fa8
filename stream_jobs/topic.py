"""The door to the alert topic: PublishBatch, judged entry by entry.

An alert that a crash or a broken call may have sent before says so. An alert that the topic will never take becomes a
dead letter; everything else is tried again until the deadline.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from schemas.alert import PurchaseAlert, decode_alert, encode_alert, message_attributes
from schemas.dead_letter import PUBLISH_REJECTED, dead_letter_of, encode_dead_letter
from schemas.instants import parse_instant_us
from stream_jobs.aws_calls import send_batch
from stream_jobs.batching import MAX_BATCH_BYTES, MAX_BATCH_ENTRIES
from stream_jobs.outbox import Delivery, Entry, Limits
from stream_jobs.patience import Patience
from stream_jobs.publishing import BatchSend, Delivered, Rejected
from stream_jobs.receipts import encode_receipt, receipt_of

# Setting `maybe_repeat` later makes a message one byte shorter, so a size once found to fit goes on fitting.
_TOO_LARGE = Rejected("MessageTooLong", f"more than {MAX_BATCH_BYTES} bytes with its attributes", attempts=0)


def message_bytes(alert: PurchaseAlert) -> int:
    """Return what an alert counts against the topic's limit: its body, and name, type and value of its attributes."""
    attributes = message_attributes(alert).items()
    return len(encode_alert(alert)) + sum(
        len(name) + len(data_type) + len(value.encode()) for name, (data_type, value) in attributes
    )


def publish_entry(entry_id: str, alert: PurchaseAlert) -> dict[str, Any]:
    """Return an alert as an entry of PublishBatch."""
    return {
        "Id": entry_id,
        "Message": encode_alert(alert).decode(),
        "MessageAttributes": {
            name: {"DataType": data_type, "StringValue": value}
            for name, (data_type, value) in message_attributes(alert).items()
        },
    }


class AlertTopic:
    """The alert topic.

    Args:
        client: an SNS client.
        topic_arn: the topic.
        patience: makes the patience for one batch.
        now_us: the clock.
    """

    limits = Limits(MAX_BATCH_ENTRIES, MAX_BATCH_BYTES, linger_ms=10, max_waiting=1_000)

    def __init__(
        self, client: Any, topic_arn: str, patience: Callable[[], Patience], now_us: Callable[[], int]
    ) -> None:
        self._client = client
        self._topic_arn = topic_arn
        self._patience = patience
        self._now_us = now_us

    def size_bytes(self, body: bytes) -> int:
        """Return what an alert counts against the topic's limit."""
        return message_bytes(decode_alert(body))

    def deliver(self, batch: Sequence[Entry]) -> Delivery:
        """Publish a batch of alerts, see `Door`; receipts in the order of the batch."""
        alerts = {entry.key: decode_alert(entry.body) for entry in batch}
        fitting = [key for key, alert in alerts.items() if message_bytes(alert) <= MAX_BATCH_BYTES]
        known_repeats = {entry.key for entry in batch if entry.restored or alerts[entry.key].maybe_repeat}
        send = BatchSend(fitting, known_repeats.intersection(fitting))
        acknowledged_us: dict[str, int] = {}

        def call(ids: Sequence[str]) -> Any:
            entries = [publish_entry(key, _flagged(alerts[key], key in send.maybe_repeats)) for key in ids]
            answer = self._client.publish_batch(TopicArn=self._topic_arn, PublishBatchRequestEntries=entries)
            acknowledged_us.update(dict.fromkeys(ids, self._now_us()))
            return answer

        send_batch(f"publish to {self._topic_arn}", call, send, self._patience())
        delivery = Delivery(counts={"published": 0, "retries": send.retries})
        for entry in batch:
            outcome = send.outcomes.get(entry.key, _TOO_LARGE)
            alert = alerts[entry.key]
            if isinstance(outcome, Delivered):
                sent = _flagged(alert, outcome.maybe_repeat)
                receipt = receipt_of(sent, outcome.message_id, acknowledged_us[entry.key])
                delivery.receipts.append(encode_receipt(receipt))
                delivery.counts["published"] += 1
            else:
                delivery.dead_letters.append(_rejected_letter(alert, entry.body, outcome))
        if delivery.dead_letters:
            delivery.counts[f"dead_letters_{PUBLISH_REJECTED}"] = len(delivery.dead_letters)
        return delivery


def _flagged(alert: PurchaseAlert, maybe_repeat: bool) -> PurchaseAlert:
    return msgspec.structs.replace(alert, maybe_repeat=True) if maybe_repeat else alert


def _rejected_letter(alert: PurchaseAlert, body: bytes, outcome: Rejected) -> bytes:
    letter = dead_letter_of(
        body,
        reason=PUBLISH_REJECTED,
        detail=f"{outcome.code}: {outcome.detail}",
        stage="publish",
        arrival_us=parse_instant_us(alert.arrival_timestamp),
        attempts=outcome.attempts,
        event_id=alert.event_id,
    )
    return encode_dead_letter(letter)
