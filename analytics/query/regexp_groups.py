"""Which groups of a regular expression a match may lack."""

from __future__ import annotations

import re

_PART = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((\?(?:<(?![=!])|P<))?(\?)?|\)|\|", re.DOTALL)


def may_be_missing(pattern: str, group: int) -> bool:
    """Say whether a match of a pattern may lack a group: where it, or what it stands in, may be passed over.

    Args:
        pattern: in Java's form or RE2's.
        group: its number from 1; 0 for any.
    """
    if group == 0:
        return "|" in pattern or re.search(r"\)[?*{]", pattern) is not None
    opened: list[int | None] = []
    inside: list[set[int]] = []
    missing: set[int] = set()
    count = 0
    for part in _PART.finditer(pattern):
        text = part[0]
        if text == "|":
            return True
        if text.startswith("("):
            captures = not part[2]
            count += captures
            opened.append(count if captures else None)
            inside.append({count} if captures else set())
        elif text == ")" and opened:
            opened.pop()
            held = inside.pop()
            if pattern[part.end() : part.end() + 1] in ("?", "*") or pattern.startswith("{0", part.end()):
                missing |= held
            if inside:
                inside[-1] |= held
    return group in missing
