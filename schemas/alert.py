"""The purchase alert: from an event to what a subscriber receives.

Field rules: `avro/purchase_alert.v1.avsc`. The message attributes are few so that raw delivery to SQS, which discards
a message with more than ten, always has room for a subscriber's own needs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from schemas.event import ClickEvent
from schemas.instants import format_instant_us

SCHEMA_VERSION = "purchase_alert.v1"
# What an alert was sent for before there were rules, and what an alert without the field was sent for.
PURCHASE_RULE = "purchase"
# Fields that subscribers filter on, with the data type that SNS has for them.
MESSAGE_ATTRIBUTES: Mapping[str, str] = {
    "event_type": "String",
    "schema_version": "String",
    "country": "String",
    "currency": "String",
    "amount_minor": "Number",
}


class PurchaseAlert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert, as it stands in the message body."""

    schema_version: str = SCHEMA_VERSION
    event_id: str
    event_type: str
    user_id: str
    session_id: str
    event_timestamp: str
    arrival_timestamp: str
    order_id: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    country: str | None = None
    product_id: str | None = None
    page_url: str | None = None
    device_type: str | None = None
    rule: str = PURCHASE_RULE
    maybe_repeat: bool = False


_decode = msgspec.json.Decoder(PurchaseAlert).decode


def alert_of(event: ClickEvent, arrival_us: int, rule: str = PURCHASE_RULE) -> PurchaseAlert:
    """Return an event's alert by a rule; an amount that is no whole number is absent, never a reason not to alert."""
    metadata = event.metadata
    return PurchaseAlert(
        event_id=event.event_id,
        event_type=event.event_type,
        user_id=event.user_id,
        session_id=event.session_id,
        event_timestamp=format_instant_us(event.event_timestamp_us),
        arrival_timestamp=format_instant_us(arrival_us),
        order_id=metadata.get("order_id"),
        amount_minor=_whole_number(metadata.get("amount_minor")),
        currency=metadata.get("currency"),
        country=metadata.get("country"),
        product_id=metadata.get("product_id"),
        page_url=event.page_url,
        device_type=event.device_type,
        rule=rule,
    )


def content_digest(alert: PurchaseAlert) -> str:
    """Return 32 hex digits that are equal for alerts that say the same of an event.

    When it arrived, and for what and how often the alert was sent, is not part of it.
    """
    content = (
        alert.event_type,
        alert.user_id,
        alert.session_id,
        alert.event_timestamp,
        alert.order_id,
        alert.amount_minor,
        alert.currency,
        alert.country,
        alert.product_id,
        alert.page_url,
        alert.device_type,
    )
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:32]


def encode_alert(alert: PurchaseAlert) -> bytes:
    """Return the message body of an alert: one JSON object, absent fields as null."""
    return msgspec.json.encode(alert)


def decode_alert(body: bytes | str) -> PurchaseAlert:
    """Return the alert in a message body.

    Raises:
        msgspec.DecodeError: the body is no purchase alert.
    """
    return _decode(body)


def message_attributes(alert: PurchaseAlert) -> dict[str, tuple[str, str]]:
    """Return name -> (SNS data type, value) of what subscribers filter on; absent fields are left out."""
    values = {name: getattr(alert, name) for name in MESSAGE_ATTRIBUTES}
    return {name: (MESSAGE_ATTRIBUTES[name], str(value)) for name, value in values.items() if value not in (None, "")}


def _whole_number(text: str | None) -> int | None:
    # At most 18 digits: a 64-bit integer for whoever reads it.
    if text is None or not text.isascii() or not text.lstrip("-").isdigit() or len(text) > 18:
        return None
    try:
        return int(text)
    except ValueError:
        return None
