"""A look at a payload's bytes that rules out an alerted event before any JSON is parsed.

Decides only that a payload holds none. Whether one that may hold one does is for the parser, so a page whose address
contains the word costs a parse and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

# Of the escapes that JSON has (RFC 8259, section 7) only \uXXXX can stand for a letter, digit, `_`, `.` or `-`.
_ESCAPE = b"\\u"


def byte_filter(event_types: Sequence[str]) -> Callable[[bytes], bool]:
    """Return a function that says whether bytes may hold an event of these types; False is certain.

    Args:
        event_types: of characters that a JSON text holds as they are, or as `\\uXXXX`; see `rules`.
    """
    literals = tuple(event_type.encode() for event_type in event_types)
    if len(literals) == 1:
        [literal] = literals
        return lambda payload: literal in payload or _ESCAPE in payload
    return lambda payload: _ESCAPE in payload or any(literal in payload for literal in literals)
