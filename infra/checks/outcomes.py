"""What a check came to. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a check ended."""

    PASSED = "ok"
    FAILED = "FAIL"
    UNCHECKED = "skip"


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one folder.

    Attributes:
        folder: the folder's name, like `modules/lake`.
        name: what was checked.
        seconds: how long it took, as far as it took time of its own.
        text: what was found wrong, or why it was not checked; else a figure worth telling, or nothing.
    """

    folder: str
    name: str
    outcome: Outcome
    seconds: float = 0.0
    text: str = ""


def lines_of(check: Check) -> str:
    """Return a check as one line for a person, and below it what was found wrong."""
    told = f"{check.outcome:<5} {check.folder:<24} {check.name:<9} {check.seconds:5.1f} s"
    if not check.text:
        return told
    if check.outcome is Outcome.FAILED:
        return told + "\n" + "\n".join(f"      {line}".rstrip() for line in check.text.splitlines())
    return f"{told}  {check.text}"


def verdict(checks: Iterable[Check]) -> str:
    """Return the last line: how many passed, failed and, if any, were not checked."""
    counts = Counter(check.outcome for check in checks)
    told = f"{counts[Outcome.PASSED]} passed, {counts[Outcome.FAILED]} failed"
    return f"{told}, {counts[Outcome.UNCHECKED]} skipped" if counts[Outcome.UNCHECKED] else told


def exit_code(checks: Iterable[Check], *, allow_unchecked: bool) -> int:
    """Return 0 where all is well, 1 where a check failed, or was not made although that was not allowed."""
    outcomes = {check.outcome for check in checks}
    return int(Outcome.FAILED in outcomes or (Outcome.UNCHECKED in outcomes and not allow_unchecked))
