"""Watching the alerts as a subscriber does: a queue of its own, subscribed to the topic for as long as it is watched.

Shows what arrived. Never touches the job or its state.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from schemas.alert import PurchaseAlert, decode_alert
from schemas.instants import format_instant_us, parse_instant_us
from schemas.terminal import printable
from stream_jobs.aws_calls import call_until_answered
from stream_jobs.clock import now_us
from stream_jobs.patience import Patience
from stream_jobs.topic import is_fifo

OUTAGE_DEADLINE_S = 60.0
# What the names of its queues begin with, by which whoever watches may be allowed to make them.
QUEUE_PREFIX = "clickstream-watch-"
_LONGEST_POLL_S = 2
# ISO 4217: currencies whose minor unit is not a hundredth.
_NO_MINOR = ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF")
_MINOR_DIGITS = dict.fromkeys(_NO_MINOR, 0) | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)


class SeenAlert(PurchaseAlert, frozen=True, kw_only=True):
    """One alert as it was received; the latency runs from the stream's arrival to its receipt here."""

    received_timestamp: str
    latency_ms: float
    message_id: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """When to end by itself: after so many alerts, seconds, or seconds without an alert."""

    count: int | None = None
    seconds: float | None = None
    idle_seconds: float | None = None


def seen(body: str, message_id: str, received_us: int) -> SeenAlert:
    """Return an alert as received.

    Raises:
        msgspec.DecodeError: the message is no alert.
    """
    alert = decode_alert(body)
    return SeenAlert(
        **msgspec.structs.asdict(alert),
        received_timestamp=format_instant_us(received_us),
        latency_ms=(received_us - parse_instant_us(alert.arrival_timestamp)) / 1000,
        message_id=message_id,
    )


def amount_text(amount_minor: int | None, currency: str | None) -> str:
    """Return `12.34 EUR`; minor digits by ISO 4217, two where the currency is not known."""
    if amount_minor is None:
        return "-"
    digits = _MINOR_DIGITS.get(currency or "", 2)
    sign, size = "-" if amount_minor < 0 else "", abs(amount_minor)
    number = f"{size // 10**digits}.{size % 10**digits:0{digits}d}" if digits else str(size)
    return f"{sign}{number} {currency or ''}".rstrip()


def line_of(alert: SeenAlert) -> str:
    """Return an alert as one line for a person."""
    flag = "  maybe repeat" if alert.maybe_repeat else ""
    return printable(
        f"{alert.received_timestamp[11:23]}  {alert.rule:<10}  {alert.order_id or alert.event_id:<20}  "
        f"{amount_text(alert.amount_minor, alert.currency):>14}  {alert.country or '-':<2}  "
        f"{alert.latency_ms:7.0f} ms  {alert.page_url or '-'}{flag}"
    )


@contextmanager
def subscribed(sns: Any, sqs: Any, topic_arn: str) -> Iterator[str]:
    """Give the address of a queue subscribed to the topic with raw delivery; both are gone afterwards.

    A FIFO topic, whose name ends in `.fifo`, delivers to FIFO queues alone: its queue is one.
    """
    ending, attributes = (".fifo", {"FifoQueue": "true"}) if is_fifo(topic_arn) else ("", {})
    name = f"{QUEUE_PREFIX}{uuid.uuid4().hex[:12]}{ending}"
    queue_url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    try:
        found = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
        queue_arn = found["Attributes"]["QueueArn"]
        sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"Policy": _policy(queue_arn, topic_arn)})
        subscription = sns.subscribe(
            TopicArn=topic_arn,
            Protocol="sqs",
            Endpoint=queue_arn,
            Attributes={"RawMessageDelivery": "true"},
            ReturnSubscriptionArn=True,
        )
        try:
            yield queue_url
        finally:
            sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    finally:
        sqs.delete_queue(QueueUrl=queue_url)


def watch(
    sqs: Any,
    queue_url: str,
    bounds: Bounds,
    is_stopped: Callable[[], bool],
    on_foreign: Callable[[str], object],
    patience: Patience,
) -> Iterator[SeenAlert]:
    """Give alerts as they arrive, until a bound is met or it is stopped.

    Args:
        sqs: an SQS client.
        queue_url: the queue.
        bounds: when to end.
        is_stopped: asked between calls.
        on_foreign: told the id of a message that is no alert: anyone may publish to a topic.
        patience: what failures of the queue are borne with.

    Raises:
        WorkFailedError: the queue cannot be read, or patience ran out.
        StoppedError: it was stopped while it waited for the queue.
    """
    begun_s = last_s = time.monotonic()
    given = 0
    while not is_stopped() and (left_s := _seconds_left(bounds, begun_s, last_s)) > 0:
        wait_s = min(_LONGEST_POLL_S, max(1, round(left_s)))
        receive = partial(sqs.receive_message, QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=wait_s)
        answer = call_until_answered(f"receive from {queue_url}", receive, patience)
        received_us = now_us()
        messages = answer.get("Messages", [])
        if not messages:
            continue
        last_s = time.monotonic()
        for message in messages:
            try:
                alert = seen(message["Body"], message["MessageId"], received_us)
            except msgspec.DecodeError:
                on_foreign(message["MessageId"])
                continue
            yield alert
            given += 1
            if given == bounds.count:
                return
        entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
        # What is not deleted comes again, under the same message id; the queue itself does not outlive the watching.
        delete = partial(sqs.delete_message_batch, QueueUrl=queue_url, Entries=entries)
        call_until_answered(f"delete messages of {queue_url}", delete, patience)


def _seconds_left(bounds: Bounds, begun_s: float, last_s: float) -> float:
    now_s = time.monotonic()
    left_s = float(_LONGEST_POLL_S)
    if bounds.seconds is not None:
        left_s = min(left_s, begun_s + bounds.seconds - now_s)
    if bounds.idle_seconds is not None:
        left_s = min(left_s, last_s + bounds.idle_seconds - now_s)
    return left_s


def _policy(queue_arn: str, topic_arn: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }
    return msgspec.json.encode({"Version": "2012-10-17", "Statement": [statement]}).decode()
