"""When each line is due, in seconds after the first: evenly, or as recorded.

A schedule is open: it does not move when a put was slow, so lost time is caught up and the rate does not drift.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from producers.lines import Line
from schemas.errors import ConfigError

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

    A line without a time, or one that goes back in time, is due together with the line before it.
    """

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._first_us: int | None = None
        self._due_s = 0.0

    def __call__(self, line: Line) -> float:
        """Return when the line is due."""
        if line.event_us is not None:
            if self._first_us is None:
                self._first_us = line.event_us
            self._due_s = max(self._due_s, (line.event_us - self._first_us) / 1e6 / self._speed)
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
