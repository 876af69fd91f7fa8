"""How far a run is, in numbers.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Progress:
    """What a run has done so far; whoever watches it reads this at each step.

    Attributes:
        objects: raw objects to read.
        objects_read: how many of them were read.
        lines: lines in those.
        hours: event hours to merge.
        hours_merged: how many of them were merged.
        overtaken: how often another run committed first, so that this one planned again.
    """

    objects: int = 0
    objects_read: int = 0
    lines: int = 0
    hours: int = 0
    hours_merged: int = 0
    overtaken: int = 0

    def plan(self, objects: int) -> None:
        """Begin anew, with so many raw objects to read."""
        self.objects = objects
        self.objects_read = self.lines = self.hours = self.hours_merged = 0
