"""When each line is due, in seconds after the first: evenly, or as recorded.

A schedule is open: it does not move when a put was slow, so lost time is caught up and the rate does not drift.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from producers.lines import Line
from schemas.errors import ConfigError
from schemas.instants import DAY_US, SECOND_US

Schedule = Callable[[Line], float]
_SPEED = re.compile(r"(\d+(?:\.\d+)?)x")


def at_once(line: Line) -> float:
    """Return 0: as fast as possible."""
    return 0.0


class EvenSchedule:
    """So many lines a second."""

    def __init__(self, lines_per_s: float) -> None:
        self._lines_per_s = lines_per_s
        self._count = 0

    def __call__(self, line: Line) -> float:
        """Return when the next line is due."""
        due_s = self._count / self._lines_per_s
        self._count += 1
        return due_s


class RecordedSchedule:
    """The gaps between the recorded events, divided by a speed.

    A line without a time, or one that goes back in time, is due together with the line before it. No gap is longer than
    a day, and after a step back of more than a day the gaps are measured from there: one wrong clock must neither stop
    the replay nor end its pacing.
    """

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._latest_us: int | None = None
        self._due_s = 0.0

    def __call__(self, line: Line) -> float:
        """Return when the line is due."""
        if line.event_us is not None:
            gap_us = 0 if self._latest_us is None else line.event_us - self._latest_us
            if self._latest_us is None or not -DAY_US <= gap_us <= 0:
                self._latest_us = line.event_us
            self._due_s += max(0, min(gap_us, DAY_US)) / SECOND_US / self._speed
        return self._due_s


def schedule_of(rate: float, speed: str = "max") -> Schedule:
    """Return the schedule that a command's options ask for.

    Args:
        rate: lines a second, 0 for no such limit.
        speed: `max`, or a factor like `1x` or `60x`.

    Raises:
        ConfigError: a factor that is none, or both a rate and a factor.
    """
    if speed == "max":
        return EvenSchedule(rate) if rate else at_once
    match = _SPEED.fullmatch(speed)
    if match is None or float(match[1]) == 0:
        raise ConfigError(f"--speed is {speed!r}; give max or a factor such as 1x or 60x")
    if rate:
        raise ConfigError("--rate and --speed both say when lines are due; give one of them")
    return RecordedSchedule(float(match[1]))
