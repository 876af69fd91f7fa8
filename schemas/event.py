"""The click event and the typed reasons for which bytes are no event.

Field rules: `avro/click_event.v1.avsc`; how bytes become one: `codec`.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

# SNS and SQS carry 256 KiB a message and an alert wraps the event's fields, so an event stays well below.
MAX_EVENT_BYTES = 200 * 1024

PURCHASE = "purchase"
KNOWN_EVENT_TYPES = ("page_view", "click", "search", "add_to_cart", "checkout", PURCHASE, "signup")


class ClickEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One accepted event; texts are not empty and the metadata is sorted by key."""

    event_id: str
    user_id: str
    session_id: str
    event_type: str
    event_timestamp_us: int
    device_type: str | None = None
    page_url: str | None = None
    referrer_url: str | None = None
    metadata: dict[str, str] = {}
    producer_id: str | None = None
    producer_seq: int | None = None


class RejectReason(StrEnum):
    """Why bytes are no event. The values are stored in tables and queues: add, never rename."""

    INVALID_UTF8 = "invalid_utf8"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    TOO_LARGE = "too_large"
    MISSING_FIELD = "missing_field"
    EMPTY_FIELD = "empty_field"
    WRONG_TYPE = "wrong_type"
    BAD_TIMESTAMP = "bad_timestamp"
    ABSURD_TIMESTAMP = "absurd_timestamp"
    DAMAGED_OBJECT = "damaged_object"


class Rejection(msgspec.Struct, frozen=True):
    """A verdict that some bytes are no event: the reason, and for a person which field or what about it."""

    reason: RejectReason
    detail: str
