"""Event ids: UUIDs of version 7, which begin with the time.

Source: RFC 9562, section 5.7.
"""

from __future__ import annotations

ID_BITS = 74


def event_id(at_ms: int, bits: int) -> str:
    """Return the id for an instant in milliseconds and 74 bits."""
    return "%08x-%04x-7%03x-%04x-%012x" % (  # noqa: UP031 - half of the time of an f-string
        at_ms >> 16,
        at_ms & 0xFFFF,
        bits & 0xFFF,
        bits >> 12 & 0x3FFF | 0x8000,
        bits >> 26,
    )
