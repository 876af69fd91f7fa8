"""Verdicts on classes of outcomes, and how a difference becomes a count with examples.

Pure; asks the evidence. A difference is never netted against another one: a class is right when each thing that the key
asks for is there as often as it must be, and nothing else is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from producers.verify.evidence import Evidence

# The kinds of differences that have a column of their own; all others are things that came out wrong.
MISSING = "missing"
EXTRA = "extra"


class Difference(msgspec.Struct, frozen=True):
    """Things of one class that are wrong in the same way, and the first of them."""

    kind: str
    count: int
    examples: list[dict[str, Any]]


class Grade(msgspec.Struct, frozen=True, kw_only=True, tag_field="verdict", tag="judged"):
    """The verdict on one class.

    Attributes:
        expected: things that the key asks for.
        got: things that were found.
        right: of the expected ones, those that came out right.
        figures: what else is told and is no difference.
    """

    name: str
    expected: int
    got: int
    right: int
    differences: list[Difference]
    figures: dict[str, float] = {}

    @property
    def is_right(self) -> bool:
        """Nothing is missing and nothing else is there."""
        return not self.differences

    def count(self, kind: str) -> int:
        """Return how many things differ in this way."""
        return sum(difference.count for difference in self.differences if difference.kind == kind)

    @property
    def wrong(self) -> int:
        """How many things are neither missing nor extra, and wrong."""
        return sum(difference.count for difference in self.differences) - self.count(MISSING) - self.count(EXTRA)


class NotAsked(msgspec.Struct, frozen=True, kw_only=True, tag_field="verdict", tag="not asked"):
    """A class that was not judged, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Court:
    """What classes are judged by.

    Attributes:
        evidence: what was gathered, whole for each class that is asked.
        is_shared: what is neither in the key nor of its producers is traffic of others, and no difference.
        examples: how many of each difference are told.
    """

    evidence: Evidence
    is_shared: bool
    examples: int

    @property
    def counts(self) -> str:
        """The condition that a row which is not of the key fulfils where it is a difference."""
        return "is_ours" if self.is_shared else "true"

    def prepare(self, name: str, select: str) -> None:
        """Keep the rows of a SELECT under a name."""
        self.evidence.ask(f"CREATE OR REPLACE TABLE {name} AS {select}")

    def figures(self, select: str) -> dict[str, int]:
        """Return the sums, by name, that a SELECT gives in one row; of no rows 0."""
        [row] = self.evidence.ask(select)
        return {name: int(value or 0) for name, value in row.items()}

    def differences(self, selects: Mapping[str, str]) -> list[Difference]:
        """Return the differences that there are.

        Args:
            selects: kind -> SELECT of what differs so; its column `times` says how many things a row stands for, the
                others tell of them. A row with a `line` and no `object` is completed by where the line lies.
        """
        found = []
        for kind, select in selects.items():
            self.prepare("difference", select)
            count = self.figures("SELECT sum(times) AS n FROM difference")["n"]
            if count:
                rows = self.evidence.ask("SELECT * FROM difference ORDER BY ALL LIMIT ?", [self.examples])
                found.append(Difference(kind, count, [self._example(row) for row in rows]))
        return found

    def _example(self, row: dict[str, Any]) -> dict[str, Any]:
        if "line" in row and "object" not in row:
            for place in self.evidence.ask(
                "SELECT key AS object, number FROM raw_line JOIN raw_object USING (object) "
                "WHERE line = ?::UUID ORDER BY ALL LIMIT 1",
                [row["line"]],
            ):
                row |= place
        if row["times"] == 1:
            del row["times"]
        return {name: value for name, value in row.items() if value is not None and value != ""}
