"""Hours as the commands take them."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.lake import parse_hour


def named_hours(texts: Iterable[str]) -> tuple[list[int], list[str]]:
    """Return the starts of the hours that some `--hour` name, in microseconds, and a fault for each that names none."""
    hours, faults = [], []
    for text in texts:
        try:
            hours.append(parse_hour(text))
        except ValueError:
            faults.append(f"--hour {text!r} is not an hour like 2026-11-24T10")
    return hours, faults
