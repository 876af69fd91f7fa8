"""A look at a payload's bytes that rules out a purchase before any JSON is parsed.

Decides only that a payload holds none. Whether one that may hold a purchase does is for the parser, so a page whose
address contains the word costs a parse and nothing else.
"""

from __future__ import annotations

from schemas.event import PURCHASE

_LITERAL = PURCHASE.encode()
# Of the escapes that JSON has (RFC 8259, section 7) only \uXXXX can stand for a letter.
_ESCAPE = b"\\u"


def may_hold_purchase(payload: bytes) -> bool:
    """Say whether the bytes may hold a purchase; False is certain."""
    return _LITERAL in payload or _ESCAPE in payload
