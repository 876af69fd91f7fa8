"""The shapes of a load: how many events are due by any moment, and when each one is due.

Pure functions of the time since the start. Nothing that happens during a run moves them: an event that was put late was
due when it was due.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from schemas.errors import ConfigError


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

    def after_s(self, count: float) -> float:
        """Return the seconds after which so many events are due, the inverse of `count`."""
        slope = (self.end_rate - self.begin_rate) / self.seconds
        root = math.sqrt(max(0.0, self.begin_rate**2 + 2 * slope * count))
        return min(self.seconds, 2 * count / (self.begin_rate + root)) if count > 0 else 0.0


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

    def due_s(self, first: int = 0, step: int = 1) -> Iterator[float]:
        """Yield when the events are due, in order: those of the numbers first, first + step, and so on, below `total`.

        Processes that share a load take every so-many-th event, each beginning with its own index.
        """
        place = 0
        for number in range(first, self.total, step):
            while self._counts[place + 1] <= number and place + 1 < len(self._pieces):
                place += 1
            yield self._starts_s[place] + self._pieces[place].after_s(number - self._counts[place])


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
