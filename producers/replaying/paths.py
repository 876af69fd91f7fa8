"""Paths into a row: a column, then keys or positions inside the JSON that it holds.

A path that leads nowhere finds None; it is no error.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec


def path_steps(path: str) -> list[str]:
    """Return the steps of a path: a column, then keys or positions inside the JSON that it holds.

    Source: RFC 6901 (without the leading slash): `/` separates, `~1` is a slash in a name and `~0` a tilde.
    """
    return [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")]


def value_at(row: Mapping[str, Any], steps: list[str]) -> Any:
    """Return what a row holds at a path, None where it holds nothing; a text on the way is read as JSON."""
    value: Any = row.get(steps[0])
    for step in steps[1:]:
        value = _inside(_parsed(value), step)
        if value is None:
            return None
    return value


def _parsed(value: Any) -> Any:
    return _parsed_text(value) if isinstance(value, str) else value


# Several paths of a mapping lead into one column of a row.
@lru_cache(64)
def _parsed_text(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None


def _inside(value: Any, step: str) -> Any:
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
        return value[int(step)]
    return None
