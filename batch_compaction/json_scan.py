"""The parts of plain JSON in an array of bytes, compiled: white space, signs, texts without escapes, whole numbers.

Each function is given where a part should begin and where the bytes end, beyond which it never reads, and returns a
place; `NOT_PLAIN` where no such part stands there. Texts, most of all bytes, are not walked through again: the `marks`
of the bytes are looked for once, and a text ends at the mark that follows its opening quote.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from batch_compaction.arrays import Octets, Places
from batch_compaction.compiled import compiled

NOT_PLAIN = -1
_TAB, _NEWLINE, _RETURN, _SPACE, _QUOTE, _BACKSLASH, _ZERO, _NINE = b'\t\n\r "\\09'
_ASCII = 0x7F
# Of each value of a byte, whether it is a mark.
_MARKS_IN_UTF8 = np.array([octet < _SPACE or octet in (_QUOTE, _BACKSLASH) for octet in range(256)], np.uint8)
_MARKS = _MARKS_IN_UTF8 | (np.arange(256) > _ASCII)
_NONE, _ONE = np.uint64(0), np.uint64(1)
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


def marks_of(data: bytes) -> tuple[Places, int]:
    """Return where the marks of some bytes stand, and behind them their end, twice; and how many are newlines.

    A mark is a quote, or what a text without escapes does not hold: a backslash, a control character and, unless all
    bytes are UTF-8, one that is not ASCII.
    """
    marks = np.empty(len(data) + 2, np.int32)
    count, newlines = _find_marks(np.frombuffer(data, np.uint8), _MARKS_IN_UTF8 if _is_utf8(data) else _MARKS, marks)
    return marks[: count + 2], newlines


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    # Arrow looks through bytes without making a text of them.
    bounds = np.array([0, len(data)], np.int32)
    whole = pa.BinaryArray.from_buffers(pa.binary(), 1, [None, pa.py_buffer(bounds), pa.py_buffer(data)])
    try:
        whole.cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


@compiled
def _find_marks(octets: Octets, is_mark: Octets, marks: Places) -> tuple[int, int]:
    """Fill in where the marks stand, and their end twice; return how many they are, and how many newlines.

    Args:
        octets: the bytes.
        is_mark: of each value of a byte, 1 where it is a mark, else 0.
        marks: room for two more than there are bytes, since one is written for each, be it none.
    """
    # Without a sign: a negative index counts from the end, and to look for one takes time.
    count, newlines = _NONE, 0
    for at in range(len(octets)):
        marks[count] = at
        count += np.uint64(is_mark[octets[at]])
        newlines += octets[at] == _NEWLINE
    marks[count] = marks[count + _ONE] = len(octets)
    return int(count), newlines


@compiled
def closing_quote(octets: Octets, marks: Places, mark: int, at: int) -> tuple[int, int]:
    """Return where the closing quote of a text without escapes stands, and the mark behind it.

    Args:
        octets: the bytes.
        marks: where marks stand in them, and at last their end.
        mark: the first of the marks that may be at the place or behind it.
        at: the place of the opening quote.
    """
    while marks[mark] < at:
        mark += 1
    if at == len(octets) or octets[at] != _QUOTE:
        return NOT_PLAIN, mark
    closing = marks[mark + 1]
    return closing if closing < len(octets) and octets[closing] == _QUOTE else NOT_PLAIN, mark + 2


@compiled
def whole_number(octets: Octets, at: int, end: int) -> tuple[int, int]:
    """Return a number, one that is surely one of 64 bits, and the place behind it."""
    number, first = 0, at
    while at < end and at - first < _MAX_DIGITS and octets[at] >= _ZERO and octets[at] <= _NINE:
        number = number * 10 + (octets[at] - _ZERO)
        at += 1
    is_number = at > first and (at == first + 1 or octets[first] != _ZERO)
    return number, at if is_number else NOT_PLAIN
