"""What calls to a far side meet while they fail: noted by the threads that make them, told by the task's own.

An outage is borne in silence by whoever waits for a call; here it can be seen while it lasts. Knows no client, and of
Flink only that its metrics and its log are for one thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from stream_jobs.job_log import JobLog
from stream_jobs.metrics import Metrics

_TELL_INTERVAL_S = 10.0
_MAX_TEXT = 300


@dataclass(frozen=True, slots=True)
class Trouble:
    """What fails.

    Attributes:
        what: the last failure, as a text.
        since_s: when the first of these failures in a row came.
    """

    what: str
    since_s: float


class Troubles:
    """What the calls of one operator meet just now. For any thread.

    Args:
        monotonic: a clock in seconds.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self.monotonic = monotonic
        self.retries = 0
        self._lock = Lock()
        self._failing: dict[object, Trouble] = {}

    def failing(self, who: object, what: str, since_s: float) -> None:
        """Note that somebody's calls fail."""
        with self._lock:
            self._failing[who] = Trouble(what, since_s)

    def over(self, who: object) -> None:
        """Note that somebody's call succeeded."""
        with self._lock:
            self._failing.pop(who, None)

    def sent_again(self, entries: int) -> None:
        """Note that entries go out once more."""
        with self._lock:
            self.retries += entries

    def longest(self) -> Trouble | None:
        """Return what has been failing for the longest time, or None where nothing fails."""
        with self._lock:
            return min(self._failing.values(), key=lambda trouble: trouble.since_s, default=None)

    def failing_for_ms(self) -> int:
        """Return for how long something has been failing."""
        trouble = self.longest()
        return 0 if trouble is None else round((self.monotonic() - trouble.since_s) * 1000)


class TroubleTeller:
    """Counts and tells an operator's troubles, on its task's own thread.

    Args:
        troubles: what to tell.
        metrics: the operator's; they get a level.
        log: the operator's.
    """

    def __init__(self, troubles: Troubles, metrics: Metrics, log: JobLog) -> None:
        self._troubles = troubles
        self._metrics = metrics
        self._log = log
        self._counted = 0
        self._tell_at_s = troubles.monotonic() + _TELL_INTERVAL_S
        metrics.level("failing_for_ms", troubles.failing_for_ms)

    def look(self) -> None:
        """Count what was sent again since, and tell every ten seconds what fails. To be called all the time."""
        troubles = self._troubles
        if (retries := troubles.retries) != self._counted:
            self._metrics.add("retries", retries - self._counted)
            self._counted = retries
        now_s = troubles.monotonic()
        if now_s < self._tell_at_s:
            return
        self._tell_at_s = now_s + _TELL_INTERVAL_S
        if (trouble := troubles.longest()) is not None:
            self._log.tell("calls fail", what=trouble.what[:_MAX_TEXT], for_s=round(now_s - trouble.since_s))
