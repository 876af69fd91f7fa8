"""Statements of an SQL file, told apart by its quotes, comments and brackets alone: for what no parser here reads."""

from __future__ import annotations

import re

_PART = re.compile(r"""--[^\n]*|'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|.""", re.DOTALL)


def statements_of(text: str) -> list[str]:
    """Return the statements in order, each with its semicolon where it has one, without comments before or in them."""
    found, current = [], ""
    for part in _PART.findall(text):
        if part.startswith("--"):
            continue
        current += part
        if part == ";":
            found.append(current.strip())
            current = ""
    return [statement for statement in [*found, current.strip()] if statement]


def is_whole(text: str) -> bool:
    """Say whether every quote and bracket that is opened is closed, in its order."""
    open_brackets = []
    for part in _PART.findall(text):
        if part in "([":
            open_brackets.append(part)
        elif (part in ")]" and (not open_brackets or open_brackets.pop() + part not in ("()", "[]"))) or part in "'\"`":
            return False
    return not open_brackets
