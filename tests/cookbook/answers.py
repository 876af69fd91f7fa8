"""Answers of engines and recounts in one form, and what an answer must be to tell anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def as_rows(rows: Iterable[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Return rows as tuples. Python compares whole numbers, decimals and floats by their exact values, so no rule is
    needed for these: a float that differs in its last bit is another answer."""
    return [tuple(row) for row in rows]


def tells_something(rows: Sequence[Sequence[Any]]) -> bool:
    """Say whether there are rows, and no column has nothing but nulls, nor all of them nothing but zeros."""
    columns = list(zip(*rows, strict=True))
    return (
        bool(rows)
        and all(any(value is not None for value in column) for column in columns)
        and any(value for column in columns for value in column if isinstance(value, int | float))
    )
