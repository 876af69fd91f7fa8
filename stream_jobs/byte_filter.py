"""A look at a payload's bytes that rules out an alerted event before any JSON is parsed.

Decides only that a payload holds none. Whether one that may hold one does is for the parser, so a page whose address
contains the word costs a parse and nothing else. An escape of a letter that is in no alerted type, as many JSON writers
make of `ü` and `&`, is nothing to look at: no alerted type can be spelled with it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence


class ByteFilter:
    """The filter for some event types.

    Args:
        event_types: of letters, digits, `_`, `.` and `-`; see `rules`.
    """

    def __init__(self, event_types: Sequence[str]) -> None:
        self._literals = [event_type.encode() for event_type in event_types]
        # Of the escapes that JSON has (RFC 8259, section 7) only \uXXXX, its hex digits in either case, can stand for
        # such a character.
        codes = sorted({f"{ord(letter):02{form}}" for letter in "".join(event_types) for form in "xX"})
        self._may_spell_one = re.compile(rf"\\u00(?:{'|'.join(codes)})".encode()).search

    def passes(self, payload: bytes) -> bool:
        """Say whether bytes may hold an event of these types; False is certain."""
        return any(literal in payload for literal in self._literals) or self._has_escape(payload)

    def passing(self, payloads: list[bytes]) -> list[bytes]:
        """Return those of many payloads that pass, in order."""
        # A look for what hardly ever occurs, and then the plainest loop that Python has.
        if len(self._literals) > 1 or self._has_escape(b"".join(payloads)):
            return [payload for payload in payloads if self.passes(payload)]
        [literal] = self._literals
        return [payload for payload in payloads if literal in payload]

    def _has_escape(self, text: bytes) -> bool:
        # By the rare byte of every escape first: to look for that alone costs a twentieth.
        return b"\\" in text and self._may_spell_one(text) is not None
