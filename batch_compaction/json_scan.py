"""The parts of plain JSON in an array of bytes, compiled: white space, signs, texts without escapes, whole numbers.

Each function is given where a part should begin and where the bytes end, beyond which it never reads, and returns a
place; `NOT_PLAIN` where no such part stands there.
"""

from __future__ import annotations

from batch_compaction.arrays import Octets
from batch_compaction.compiled import compiled

NOT_PLAIN = -1
_TAB, _RETURN, _SPACE, _QUOTE, _BACKSLASH, _ZERO, _NINE = b'\t\r "\\09'
_ASCII = 0x7F
_MAX_DIGITS = 18  # so many digits are a number of 64 bits, whatever they are


@compiled
def after_space(octets: Octets, at: int, end: int) -> int:
    """Return the place behind white space, of which there may be none."""
    while at < end and (octets[at] == _SPACE or octets[at] == _TAB or octets[at] == _RETURN):
        at += 1
    return at


@compiled
def after_sign(octets: Octets, at: int, end: int, sign: int) -> int:
    """Return the place of what follows a sign, white space on both sides of it passed over."""
    at = after_space(octets, at, end)
    return after_space(octets, at + 1, end) if at < end and octets[at] == sign else NOT_PLAIN


@compiled
def closing_quote(octets: Octets, at: int, end: int, is_utf8: bool) -> int:
    """Return where the closing quote of a text without escapes stands, given the place of the first one."""
    if at >= end or octets[at] != _QUOTE:
        return NOT_PLAIN
    at += 1
    while at < end:
        octet = octets[at]
        if octet == _QUOTE:
            return at
        if octet == _BACKSLASH or octet < _SPACE or (octet > _ASCII and not is_utf8):
            break
        at += 1
    return NOT_PLAIN


@compiled
def whole_number(octets: Octets, at: int, end: int) -> tuple[int, int]:
    """Return a number, one that is surely one of 64 bits, and the place behind it."""
    number, first = 0, at
    while at < end and at - first < _MAX_DIGITS and octets[at] >= _ZERO and octets[at] <= _NINE:
        number = number * 10 + (octets[at] - _ZERO)
        at += 1
    is_number = at > first and (at == first + 1 or octets[first] != _ZERO)
    return number, at if is_number else NOT_PLAIN
