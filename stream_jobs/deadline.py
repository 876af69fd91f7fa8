"""How much time an invocation has left, and what may still be begun in it. Pure; clock and pause are arguments.

Refuses to begin what could not be ended: a reserve at the end is for what is under way, its last part for giving back.
"""

from __future__ import annotations

from collections.abc import Callable

from schemas.instants import SECOND_US

_LONGEST_RESERVE_S = 20.0
_LONGEST_LAST_WORDS_S = 2.0
# What two clocks may differ by.
_CLOCK_MARGIN_US = 2 * SECOND_US


class OutOfTimeError(Exception):
    """There is no time to begin more; what was done so far is done."""


class Deadline:
    """The end of one invocation.

    Args:
        left_s: how many seconds are left until it is broken off.
        pause: waits for some seconds.
    """

    def __init__(self, left_s: Callable[[], float], pause: Callable[[float], object]) -> None:
        self._left_s = left_s
        self._pause = pause
        total_s = left_s()
        self._reserve_s = min(_LONGEST_RESERVE_S, total_s / 4)
        self._last_words_s = min(_LONGEST_LAST_WORDS_S, total_s / 20)

    def require_time(self) -> None:
        """Return where there is time to begin something.

        Raises:
            OutOfTimeError: there is not.
        """
        if self._left_s() < self._reserve_s:
            raise OutOfTimeError(f"less than {self._reserve_s:.0f} s left")

    def require_time_to_end(self) -> None:
        """Return where there is time to end what was begun.

        Raises:
            OutOfTimeError: there is not.
        """
        if not self.patience_s():
            raise OutOfTimeError(f"less than {self._last_words_s:.0f} s left")

    def patience_s(self) -> float:
        """Return how long a far side may go on failing."""
        return max(0.0, self._left_s() - self._last_words_s)

    def wait(self, pause_s: float) -> bool:
        """Pause before another try, or say that there is no time for one."""
        if pause_s >= self.patience_s():
            return True
        self._pause(pause_s)
        return False

    def lease_until_us(self, now_us: int) -> int:
        """Return the instant at which this invocation has certainly ended."""
        return now_us + int(self._left_s() * SECOND_US) + _CLOCK_MARGIN_US
