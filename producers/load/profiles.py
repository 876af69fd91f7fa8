"""The shapes of a load: how many events are due by any moment, and when each one is due.

Pure functions of the time since the start. Nothing that happens during a run moves them: an event that was put late was
due when it was due.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ConfigError

# How many events are put in time at once.
_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a profile in which the rate changes evenly.

    Attributes:
        seconds: how long it lasts.
        begin_rate: events a second at its begin.
        end_rate: events a second at its end.
    """

    seconds: float
    begin_rate: float
    end_rate: float

    def count(self, after_s: float) -> float:
        """Return how many events are due in the first seconds of it."""
        slope = (self.end_rate - self.begin_rate) / self.seconds
        return after_s * (self.begin_rate + slope * after_s / 2)

    def after_s(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the seconds after which so many events are due, the inverse of `count`."""
        slope = (self.end_rate - self.begin_rate) / self.seconds
        root = np.sqrt(np.maximum(0.0, self.begin_rate**2 + 2 * slope * counts))
        # Nothing is due before the first event, where a piece may begin without a rate.
        speed = np.maximum(self.begin_rate + root, np.finfo(float).tiny)
        after: NDArray[np.float64] = np.clip(2 * counts / speed, 0.0, self.seconds)
        return after


class Profile:
    """A load over time, made of pieces.

    Args:
        pieces: in order of time.
    """

    def __init__(self, pieces: list[Piece]) -> None:
        self._pieces = pieces
        self._starts_s = [0.0]
        self._counts = [0.0]
        for piece in pieces:
            self._starts_s.append(self._starts_s[-1] + piece.seconds)
            self._counts.append(self._counts[-1] + piece.count(piece.seconds))

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self._starts_s[-1]

    @property
    def total(self) -> int:
        """How many events are due in all."""
        # A sum of floats may end just below the whole number that it stands for.
        return math.floor(self._counts[-1] + 1e-6)

    def due_by(self, at_s: float) -> int:
        """Return how many events are due before a moment; the counts of adjoining spans add up to `total`."""
        if at_s >= self.seconds:
            return self.total
        if at_s <= 0:
            return 0
        place = max(index for index, start_s in enumerate(self._starts_s) if start_s <= at_s)
        count = self._counts[place] + self._pieces[place].count(at_s - self._starts_s[place])
        # The event of number n is due when n events were due before it, so the first one is due at once.
        return min(self.total, math.ceil(count - 1e-6))

    def due_s(self, numbers: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return when the events of some numbers are due; the first one has the number 0, the last one `total` - 1."""
        places = np.clip(np.searchsorted(self._counts, numbers, side="right") - 1, 0, len(self._pieces) - 1)
        due = np.empty(len(numbers))
        for place, piece in enumerate(self._pieces):
            here = places == place
            due[here] = self._starts_s[place] + piece.after_s(numbers[here] - self._counts[place])
        return due

    def share(self, index: int, parts: int) -> Iterator[float]:
        """Yield when the events of one process are due, in order: each takes every so-many-th event.

        Args:
            index: of the process, from 0.
            parts: how many processes there are.
        """
        for first in range(index, self.total, parts * _AT_ONCE):
            numbers = np.arange(first, min(self.total, first + parts * _AT_ONCE), parts)
            yield from self.due_s(numbers).tolist()


def _steady(rate: float, seconds: float) -> list[Piece]:
    return [Piece(seconds, rate, rate)]


def _ramp(rate: float, seconds: float) -> list[Piece]:
    return [Piece(seconds, 0.0, rate)]


def _spike(rate: float, seconds: float) -> list[Piece]:
    low = rate / 5
    return [Piece(seconds * 0.4, low, low), Piece(seconds * 0.2, rate, rate), Piece(seconds * 0.4, low, low)]


# No profile asks for more than the rate that it is given.
PROFILES: dict[str, Callable[[float, float], list[Piece]]] = {
    "steady": _steady,
    "ramp": _ramp,
    "spike": _spike,
    "soak": _steady,
}


def profile_of(name: str, rate: float, seconds: float) -> Profile:
    """Return a profile by its name.

    Args:
        name: `steady` and `soak` keep the rate; `ramp` grows evenly from nothing to it; `spike` keeps a fifth of it,
            and has it whole for the middle fifth of the time.
        rate: events a second at the most.
        seconds: how long it lasts.

    Raises:
        ConfigError: there is no such profile, or it would have no event.
    """
    if name not in PROFILES:
        raise ConfigError(f"--profile is {name!r}, which is none of {', '.join(PROFILES)}")
    faults = [
        f"{named} is {value:g}, it must be above 0"
        for named, value in (("--rate", rate), ("--minutes", seconds))
        if not 0 < value < math.inf
    ]
    if faults:
        raise ConfigError(faults)
    profile = Profile(PROFILES[name](rate, seconds))
    if not profile.total:
        raise ConfigError(f"{rate:g} events a second for {seconds:g} s make no event: raise --rate or --minutes")
    return profile
