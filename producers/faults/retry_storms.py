"""Retry storms: the lines of a stretch of time, once it is over, all together and several times."""

from __future__ import annotations

from collections.abc import Callable

from producers.faults.chance import Chance
from producers.faults.fault_tables import RetryStorm, duration_us
from producers.lines import Line

# A storm of more lines comes in parts, so that what is held stays small.
MOST_HELD = 1000

Make = Callable[[], Line]


class RetryStorms:
    """Holds the copies of one storm's lines. Which stretches have one follows from chance alone."""

    def __init__(self, table: RetryStorm, chance: Chance) -> None:
        self._table = table
        self._window_us = duration_us(table.window)
        self._chance = chance
        self._window: int | None = None
        self._is_stormy = False
        self._held: list[Make] = []

    def reach(self, event_us: int) -> list[Make]:
        """Go on to the stretch of an instant, and return the copies that are due before its event."""
        window = event_us // self._window_us
        if window == self._window:
            return []
        self._window = window
        self._is_stormy = self._chance.of_window(window).which < self._table.share
        return self.end()

    @property
    def is_raging(self) -> bool:
        """Whether events of this stretch are sent again."""
        return self._is_stormy

    def hold(self, copy: Make) -> list[Make]:
        """Keep what makes a copy, and return the copies that are due after its event."""
        self._held.append(copy)
        return self.end() if len(self._held) >= MOST_HELD else []

    def end(self) -> list[Make]:
        """Return all copies that were held."""
        burst = self._held * self._table.times
        self._held.clear()
        return burst
