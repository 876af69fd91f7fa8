"""Texts from outside as a terminal may show them: who sends events must not steer the terminal of who reads them."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return the text with every character that is not printable as its escape: a newline becomes `\n`."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
