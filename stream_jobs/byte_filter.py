"""A look at a payload's bytes that rules out an alerted event before any JSON is parsed.

Decides only that a payload holds none. Whether one that may hold one does is for the parser, so a page whose address
contains the word costs a parse and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

# Of the escapes that JSON has (RFC 8259, section 7) only \uXXXX can stand for a letter, digit, `_`, `.` or `-`.
_ESCAPE = b"\\u"


class ByteFilter:
    """The filter for some event types.

    Args:
        event_types: of characters that a JSON text holds as they are or as escapes with a `u`; see `rules`.
    """

    def __init__(self, event_types: Sequence[str]) -> None:
        self._literals = [event_type.encode() for event_type in event_types]

    def passes(self, payload: bytes) -> bool:
        """Say whether bytes may hold an event of these types; False is certain."""
        return _ESCAPE in payload or any(literal in payload for literal in self._literals)

    def passing(self, payloads: list[bytes]) -> list[bytes]:
        """Return those of many payloads that pass, in order."""
        # A look for what hardly ever occurs, by its one rare byte first, and then the plainest loop that Python has.
        text = b"".join(payloads)
        if len(self._literals) > 1 or (b"\\" in text and _ESCAPE in text):
            return [payload for payload in payloads if self.passes(payload)]
        [literal] = self._literals
        return [payload for payload in payloads if literal in payload]
