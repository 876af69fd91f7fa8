"""Bounded patience with a far side that fails: waits longer each time and gives up at a deadline.

Clock, waiting and chance are arguments. Refuses to wait for ever, and to go on once it was told to stop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from schemas.errors import WorkFailedError
from stream_jobs.publishing import backoff_s


class StoppedError(Exception):
    """The job is closing: what was being tried is left to the next life."""


class GaveUpError(WorkFailedError):
    """The far side was away for too long: another attempt would only begin the same wait again."""


class Witness(Protocol):
    """Who is told what calls meet while they are borne with. Told by any thread."""

    def failing(self, who: object, what: str, since_s: float) -> None:
        """Calls fail in a row, since then."""
        ...

    def over(self, who: object) -> None:
        """A call succeeded after failures."""
        ...

    def sent_again(self, entries: int) -> None:
        """Entries of a batch go out once more."""
        ...


class Patience:
    """How long failures in a row are borne.

    Args:
        deadline_s: how long after the first failure in a row to give up.
        monotonic: a clock in seconds.
        wait: pauses for some seconds and says whether the job is closing.
        draw: gives a number from [0, 1).
        witness: who is told meanwhile.
    """

    def __init__(
        self,
        deadline_s: float,
        monotonic: Callable[[], float],
        wait: Callable[[float], bool],
        draw: Callable[[], float],
        witness: Witness | None = None,
    ) -> None:
        self._deadline_s = deadline_s
        self._monotonic = monotonic
        self._wait = wait
        self._draw = draw
        self._witness = witness
        self._failing_since_s: float | None = None
        self._failures = 0

    def succeeded(self) -> None:
        """Forget the failures so far."""
        if self._witness is not None and self._failures:
            self._witness.over(self)
        self._failing_since_s = None
        self._failures = 0

    def sends_again(self, entries: int) -> None:
        """Tell that entries of a batch go out once more."""
        if self._witness is not None and entries:
            self._witness.sent_again(entries)

    def failed(self, what: str, cause: Exception | None = None) -> None:
        """Wait before the next try.

        Args:
            what: what could not be done, for the error.
            cause: the error it met.

        Raises:
            GaveUpError: the deadline is over.
            StoppedError: the job is closing.
        """
        now_s = self._monotonic()
        if self._failing_since_s is None:
            self._failing_since_s = now_s
        if now_s - self._failing_since_s >= self._deadline_s:
            raise GaveUpError(f"{what}: gave up after {self._deadline_s:.0f} s and {self._failures} tries") from cause
        if self._witness is not None:
            self._witness.failing(self, what, self._failing_since_s)
        pause_s = backoff_s(self._failures, self._draw())
        self._failures += 1
        if self._wait(pause_s):
            raise StoppedError(what)
