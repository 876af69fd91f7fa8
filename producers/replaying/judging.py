"""Whose event a recorded line is and when it happened, without building the event. Pure.

A line of the usual form is told by its types alone; any other is decoded in full. Both give the verdict of
`schemas.codec.decode`.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from schemas.codec import EARLIEST_EVENT_US, MAX_AHEAD_US, MAX_DEPTH, MAX_SEQ, decode
from schemas.event import MAX_EVENT_BYTES, Rejection
from schemas.instants import HOUR_US, hour_floor_us, parse_instant_us


class _Usual(msgspec.Struct, gc=False):
    """What most producers write: canonical names, texts where texts belong, the time as a text."""

    user_id: str
    session_id: str
    event_type: str
    event_timestamp: str
    event_id: str | None = None
    device_type: str | None = None
    page_url: str | None = None
    referrer_url: str | None = None
    metadata: dict[str, str] = {}
    producer_id: str | None = None
    producer_seq: Annotated[int, msgspec.Meta(ge=0, le=MAX_SEQ)] | None = None


_decode_usual = msgspec.json.Decoder(_Usual).decode


# User id, and when it happened in microseconds. A named tuple would cost more than the rest of the verdict.
Told = tuple[str, int]


class Judge:
    """Judges lines as if all arrived at one time.

    Args:
        arrival_us: when the pipeline will hear of them, about.
    """

    def __init__(self, arrival_us: int) -> None:
        self._arrival_us = arrival_us
        self._too_late_us = hour_floor_us(arrival_us) + HOUR_US + MAX_AHEAD_US

    def told_by(self, data: bytes) -> Told | None:
        """Return what an event says of itself, None where the bytes are no event."""
        return self._told_by_usual(data) or self._told_by_any(data)

    def _told_by_usual(self, data: bytes) -> Told | None:
        if len(data) > MAX_EVENT_BYTES or data.count(b"{") + data.count(b"[") > MAX_DEPTH:
            return None
        try:
            if not data.isascii():
                data.decode()
            usual = _decode_usual(data)
            event_us = parse_instant_us(usual.event_timestamp)
        except (ValueError, OverflowError, RecursionError):
            return None
        is_whole = usual.user_id and usual.session_id and usual.event_type
        if not is_whole or not EARLIEST_EVENT_US <= event_us < self._too_late_us:
            return None
        return usual.user_id, event_us

    def _told_by_any(self, data: bytes) -> Told | None:
        event = decode(data, self._arrival_us)
        return None if isinstance(event, Rejection) else (event.user_id, event.event_timestamp_us)
