"""The door to the alert topics: PublishBatch, judged entry by entry.

An alert that a crash or a broken call may have sent before says so. An alert that its topic will never take becomes a
dead letter; everything else is tried again until the deadline. A user's alerts for one topic keep their order: they
are never out in two calls at a time, and for a FIFO topic, which promises an order itself, not even in one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from schemas.alert import PurchaseAlert, decode_alert, encode_alert, message_attributes
from schemas.dead_letter import PUBLISH_REJECTED, dead_letter_of, encode_dead_letter
from schemas.errors import WorkFailedError
from schemas.instants import parse_instant_us
from schemas.receipt import encode_receipt, receipt_of
from stream_jobs.aws_calls import send_batch
from stream_jobs.decoding import state_key
from stream_jobs.outbox import MAX_BATCH_BYTES, MAX_BATCH_ENTRIES, Address, Delivery, Entry, Limits
from stream_jobs.patience import Patience, StoppedError
from stream_jobs.publishing import BatchSend, Delivered, Rejected

# Setting `maybe_repeat` later makes a message one byte shorter, so a size once found to fit goes on fitting.
_TOO_LARGE = Rejected("MessageTooLong", f"more than {MAX_BATCH_BYTES} bytes with its attributes", attempts=0)
# An alert may have waited in the job's state while its rule was taken out of the configuration.
_NOWHERE = ""
_NO_RULE = Rejected("NoSuchRule", "its rule is no longer configured", attempts=0)
# At 20 ms a call this many calls carry some ten thousand alerts a second, more than one slot decodes.
MAX_FLIGHTS = 32
_FIFO_ENDING = ".fifo"
# Source: SNS API reference, PublishBatchRequestEntry, MessageDeduplicationId.
_DEDUPLICATION_ID = re.compile(r"[!-~]{1,128}")


def message_bytes(alert: PurchaseAlert) -> int:
    """Return what an alert counts against the topic's limit: its body, and name, type and value of its attributes."""
    attributes = message_attributes(alert).items()
    return len(encode_alert(alert)) + sum(
        len(name) + len(data_type) + len(value.encode()) for name, (data_type, value) in attributes
    )


def fifo_twin(topic_arn: str) -> str:
    """Return the FIFO topic that stands beside a topic, or the topic itself where it is one."""
    return topic_arn if is_fifo(topic_arn) else topic_arn + _FIFO_ENDING


def is_fifo(topic_arn: str) -> bool:
    """Say whether a topic keeps an order; SNS has it in the name."""
    return topic_arn.endswith(_FIFO_ENDING)


def fifo_ids(alert: PurchaseAlert) -> dict[str, str]:
    """Return what a FIFO topic asks for: the group, which is the user, and the id by which it drops a repeat."""
    if alert.rule != alert.event_type:
        own_id = state_key(f"{alert.rule}\0{alert.event_id}")  # no rule's name has a zero, so no two pairs are one text
    elif _DEDUPLICATION_ID.fullmatch(alert.event_id):
        own_id = alert.event_id
    else:
        own_id = state_key(alert.event_id)
    return {"MessageGroupId": state_key(alert.user_id), "MessageDeduplicationId": own_id}


def publish_entry(entry_id: str, alert: PurchaseAlert, *, fifo: bool = False) -> dict[str, Any]:
    """Return an alert as an entry of PublishBatch."""
    return (fifo_ids(alert) if fifo else {}) | {
        "Id": entry_id,
        "Message": encode_alert(alert).decode(),
        "MessageAttributes": {
            name: {"DataType": data_type, "StringValue": value}
            for name, (data_type, value) in message_attributes(alert).items()
        },
    }


class AlertTopics:
    """The topics that the rules name.

    Args:
        client: an SNS client.
        topic_arns: rule -> topic.
        patience: makes the patience for one batch.
        now_us: the clock.
    """

    limits = Limits(MAX_BATCH_ENTRIES, MAX_BATCH_BYTES, linger_ms=10, max_waiting=1_000, max_flights=MAX_FLIGHTS)

    def __init__(
        self,
        client: Any,
        topic_arns: Mapping[str, str],
        patience: Callable[[], Patience],
        now_us: Callable[[], int],
    ) -> None:
        self._client = client
        self._topic_arns = topic_arns
        self._patience = patience
        self._now_us = now_us

    def address(self, body: bytes) -> Address:
        """Return an alert's topic, its user, and what it counts against the topic's limit."""
        alert = decode_alert(body)
        topic_arn = self._topic_arns.get(alert.rule, _NOWHERE)
        return Address(topic_arn, alert.user_id, message_bytes(alert), is_alone=is_fifo(topic_arn))

    def deliver(self, batch: Sequence[Entry]) -> Delivery:
        """Publish a batch of alerts, see `Door`; receipts in the order of the batch."""
        topic_arn = batch[0].address.destination
        alerts = {entry.key: decode_alert(entry.body) for entry in batch}
        fitting = [entry.key for entry in batch if topic_arn and entry.address.size_bytes <= MAX_BATCH_BYTES]
        known_repeats = {entry.key for entry in batch if entry.restored or alerts[entry.key].maybe_repeat}
        send = BatchSend(fitting, known_repeats.intersection(fitting))
        acknowledged_us: dict[str, int] = {}

        def call(ids: Sequence[str]) -> Any:
            entries = [
                publish_entry(key, _flagged(alerts[key], key in send.maybe_repeats), fifo=is_fifo(topic_arn))
                for key in ids
            ]
            answer = self._client.publish_batch(TopicArn=topic_arn, PublishBatchRequestEntries=entries)
            acknowledged_us.update(dict.fromkeys(ids, self._now_us()))
            return answer

        delivery = Delivery()
        try:
            send_batch(f"publish to {topic_arn}", call, send, self._patience())
        except (WorkFailedError, StoppedError) as failure:
            # Redrive and function keep the receipts of what was acknowledged before; the job publishes it again.
            delivery.failure = failure
        delivery.counts = {"published": 0}
        for entry in batch:
            outcome = send.outcomes.get(entry.key)
            if outcome is None and entry.key not in fitting:
                outcome = _TOO_LARGE if topic_arn else _NO_RULE
            alert = alerts[entry.key]
            if outcome is None:
                (delivery.unsure if entry.key in send.maybe_repeats else delivery.untouched).append(entry.key)
            elif isinstance(outcome, Delivered):
                sent = _flagged(alert, outcome.maybe_repeat)
                receipt = receipt_of(sent, outcome.message_id, acknowledged_us[entry.key])
                delivery.receipts.append(encode_receipt(receipt))
                delivery.latencies_ms.append(receipt.latency_ms)
                delivery.counts["published"] += 1
            else:
                rejected = _flagged(alert, entry.key in known_repeats | send.maybe_repeats)
                delivery.dead_letters.append(_rejected_letter(rejected, outcome))
        if delivery.dead_letters:
            delivery.counts[f"dead_letters_{PUBLISH_REJECTED}"] = len(delivery.dead_letters)
        return delivery


def _flagged(alert: PurchaseAlert, maybe_repeat: bool) -> PurchaseAlert:
    return msgspec.structs.replace(alert, maybe_repeat=True) if maybe_repeat else alert


def _rejected_letter(alert: PurchaseAlert, outcome: Rejected) -> bytes:
    letter = dead_letter_of(
        encode_alert(alert),
        reason=PUBLISH_REJECTED,
        detail=f"{outcome.code}: {outcome.detail}",
        stage="publish",
        arrival_us=parse_instant_us(alert.arrival_timestamp),
        attempts=outcome.attempts,
        event_id=alert.event_id,
    )
    return encode_dead_letter(letter)
