"""Watching a running job from outside: how it does goes on record, and why it failed is told in one line."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JError  # type: ignore[import-untyped]

from schemas.errors import WorkFailedError
from stream_jobs.clock import now_us
from stream_jobs.job_status import JobStatus, Reading
from stream_jobs.lives import write_whole
from stream_jobs.patience import GaveUpError

_SILENCE_DEADLINE_S = 60.0
_FIRST_TOLD_MS = 5_000
_TOLD_AGAIN_MS = 60_000
_PYTHON_ERROR = re.compile(r"^pemja\.core\.PythonException: <class '[\w.]+'>: ")
_FINISHED = ("FAILED", "CANCELED", "FINISHED")


class StatusRecord:
    """What the job says of itself, in a file that others read.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.said: dict[str, Any] = {}

    def write(self, state: str, **more: Any) -> None:
        """Say in which state the job is, and what else is new; the rest stays as it was said."""
        self.said |= {"state": state, "updated_us": now_us()} | more
        write_whole(self._path, json.dumps(self.said).encode())


class JobWatch:
    """A job that was started.

    Args:
        job: Flink's client of it.
        status: where to ask how it does.
        record: where to say so.
        logs: the folder that errors point to.
        say: tells a person what happens.
        is_stopping: whether it was asked to stop.

    Attributes:
        has_run: whether all of it has run at some time.
    """

    def __init__(
        self,
        job: Any,
        status: JobStatus,
        record: StatusRecord,
        logs: Path,
        say: Callable[[str], None],
        is_stopping: Callable[[], bool],
    ) -> None:
        self._job = job
        self._status = status
        self._record = record
        self._logs = logs
        self._say = say
        self._is_stopping = is_stopping
        self._heard_s = time.monotonic()
        self._explained = 0
        self._tell_failing_at_ms: dict[str, int] = {}
        self.has_run = False

    def look(self) -> Reading | None:
        """Return how the job does and put it on record, or None where Flink is too busy to say.

        Raises:
            WorkFailedError: it has ended, gave up, or Flink does not answer any more.
        """
        self._fail_if_finished()
        try:
            reading = self._status.read()
        except OSError as error:
            if time.monotonic() - self._heard_s > _SILENCE_DEADLINE_S:
                raise WorkFailedError(f"Flink does not answer: {error}; its log is in {self._logs}") from error
            return None
        self._heard_s = time.monotonic()
        self.has_run |= reading.running
        if reading.restarts > self._explained:
            self._explain()
        self._tell_of_failing(reading)
        self._record.write(
            self._state(reading),
            restarts=reading.restarts,
            behind_ms=reading.behind_ms,
            oldest_unsettled_ms=reading.oldest_unsettled_ms,
            failing_for_ms=reading.failing_for_ms,
            latency_ms=reading.latency_ms,
            counters=reading.counters,
        )
        return reading

    def _tell_of_failing(self, reading: Reading) -> None:
        """Tell when the calls of an operator have failed for some time, every minute again, and when it is over."""
        for operator, for_ms in reading.failing_for_ms.items():
            if for_ms >= self._tell_failing_at_ms.get(operator, _FIRST_TOLD_MS):
                self._say(
                    f"{operator}: calls have failed for {for_ms // 1000} s, tried again; what fails is in {self._logs}"
                )
                self._tell_failing_at_ms[operator] = for_ms + _TOLD_AGAIN_MS
        for operator in self._tell_failing_at_ms.keys() - reading.failing_for_ms.keys():
            self._say(f"{operator}: calls succeed again")
            del self._tell_failing_at_ms[operator]

    def _explain(self) -> None:
        """Tell why Flink restarted the job, and end it where another attempt would only begin the same wait again."""
        try:
            failures = self._status.failures()
        except OSError:
            return  # too busy; the next look asks again
        if len(failures) <= self._explained:
            return  # it counts a restart before it tells of it
        self._explained = len(failures)
        cause = innermost_cause(failures[0])
        self._record.said["last_failure"] = plain(cause)
        if GaveUpError.__name__ in cause:
            self._job.cancel().result()
            raise WorkFailedError(plain(cause))
        self._say(f"restarted after a failure ({self._explained} so far): {plain(cause)}")

    def _state(self, reading: Reading) -> str:
        if self._is_stopping():
            return "stopping"
        if reading.running:
            return "running"
        return "restarting" if self.has_run else "starting"

    def _fail_if_finished(self) -> None:
        try:
            state = str(self._job.get_job_status().result()).rsplit(".", 1)[-1]
        except Py4JError:
            state = "FAILED"  # the mini cluster is gone, which only the end of the job explains
        if state in _FINISHED:
            try:
                self._job.get_job_execution_result().result()
            except Py4JError as error:
                raise WorkFailedError(
                    f"the job failed and gave up: {plain(innermost_cause(str(error)))}; its log is in {self._logs}"
                ) from error
            raise WorkFailedError(f"the job ended by itself ({state}), see {self._logs}")


def innermost_cause(text: str) -> str:
    """Return the innermost cause in a Java stack trace as one line."""
    causes = [line.strip() for line in text.splitlines() if "Caused by:" in line]
    cause = causes[-1].removeprefix("Caused by: ") if causes else text.strip().partition("\n")[0]
    return cause[:500]


def plain(cause: str) -> str:
    """Return a cause for a person: of an error of ours its message alone."""
    return _PYTHON_ERROR.sub("", cause)
