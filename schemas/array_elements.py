r"""The elements of a JSON array as lines, byte for byte where they were. Pure.

Follows texts and brackets only and judges no value: a comma between elements and the bracket that ends the array become
newlines, a newline inside of the array becomes `\r`, which is the same to a parser: white space, or in a text an error.
"""

from __future__ import annotations

import re

# A text, and how deep the elements may nest that are passed over by one pattern. Possessive: there is nothing to retry.
_TEXT = rb'"(?:[^"\\]*+"|(?:[^"\\]++|\\.)*+")'
_DEPTH = 6
_BETWEEN_TEXTS = rb'[^"{}\[\]]*+'


def _nested(depth: int) -> bytes:
    texts = rb"(?:" + _BETWEEN_TEXTS + _TEXT + rb")*+" + _BETWEEN_TEXTS
    inside = texts if depth == 1 else texts + rb"(?:" + _nested(depth - 1) + texts + rb")*+"
    return rb"[{\[]" + inside + rb"[}\]]"


_BETWEEN_VALUES = rb'[^"{}\[\],]*+'
# An element and what ends it, found as one.
_ELEMENT = re.compile(
    _BETWEEN_VALUES + rb"(?:(?:" + _TEXT + rb"|" + _nested(_DEPTH) + rb")" + _BETWEEN_VALUES + rb")*+[,\]]", re.DOTALL
)
# What decides where any other element ends. Commas matter only between elements.
_MARK = re.compile(rb'"[^"\\]*"|["{}\[\],]')
_MARK_INSIDE = re.compile(rb'"[^"\\]*"|["{}\[\]]')
_IN_TEXT = re.compile(rb'["\\]')
_NEWLINE = ord(b"\n")
_END = ord(b"]")


class ArrayElements:
    """Reads one array from behind its first bracket, chunk by chunk."""

    def __init__(self) -> None:
        self._depth = 1  # of the brackets that are open
        self._in_text = False
        self._is_escaped = False
        self._is_at_start = True  # of an element

    @property
    def is_over(self) -> bool:
        """Whether the array has ended."""
        return self._depth == 0

    @property
    def is_within(self) -> bool:
        """Whether something is open that is inside of the array."""
        return self._depth > 1 or self._in_text

    def as_lines(self, chunk: bytes) -> bytes:
        """Return as many bytes; those behind the array's end are as they were."""
        lines = bytearray(chunk.replace(b"\n", b"\r"))
        match = _ELEMENT.match
        at = 0
        while self._depth:
            if self._is_at_start and (element := match(chunk, at)):
                at = element.end()
            else:
                self._is_at_start, at = self._walk(chunk, at)
                if not self._is_at_start:
                    return bytes(lines)
            lines[at - 1] = _NEWLINE
            if chunk[at - 1] == _END:
                self._depth = 0
        lines[at:] = chunk[at:]
        return bytes(lines)

    def _walk(self, chunk: bytes, at: int) -> tuple[bool, int]:
        """Go on to where an element ends, and say whether it does."""
        if self._is_escaped:
            at, self._is_escaped = at + 1, False
        while found := self._next_mark().search(chunk, at):
            at = found.end()
            mark = found[0]
            if mark == b"\\":
                self._is_escaped = at == len(chunk)
                at += 1
            elif len(mark) == 1 and self._ends_element(mark):
                return True, at
        return False, at

    def _next_mark(self) -> re.Pattern[bytes]:
        if self._in_text:
            return _IN_TEXT
        return _MARK if self._depth == 1 else _MARK_INSIDE

    def _ends_element(self, mark: bytes) -> bool:
        if mark == b'"':
            self._in_text = not self._in_text
        elif mark in b"{[":
            self._depth += 1
        elif mark == b",":
            return self._depth == 1
        elif self._depth > 1:
            self._depth -= 1
        else:
            return mark == b"]"  # a brace that closes nothing is for the codec to judge
        return False
