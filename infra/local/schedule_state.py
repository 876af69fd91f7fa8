"""What the schedule's process tells those who watch it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from infra.local.state import replace_file

_PROGRESS_FILE = "progress.json"


class ScheduledRun(msgspec.Struct, frozen=True, kw_only=True):
    """The last run of a command.

    Attributes:
        ended: when, UTC.
        exit_code: 0 done, 1 the work failed, 2 nothing was done; below 0 the signal that ended it.
        seconds: how long it took.
        runs: how often it was run since the process began.
        failures: how often its exit code was not 0.
    """

    ended: str
    exit_code: int
    seconds: float
    runs: int
    failures: int


class ScheduleProgress(msgspec.Struct, frozen=True, kw_only=True):
    """What the schedule has done since its process began.

    Attributes:
        running: the command that is under way.
        due: job -> when it is due next, UTC.
        last: command -> its last run.
    """

    running: str | None = None
    due: dict[str, str] = {}
    last: dict[str, ScheduledRun] = {}


def read_schedule_progress(folder: Path) -> ScheduleProgress | None:
    """Return the last progress, or None before the process works."""
    try:
        return msgspec.json.decode((folder / _PROGRESS_FILE).read_bytes(), type=ScheduleProgress)
    except FileNotFoundError:
        return None


def write_schedule_progress(folder: Path, progress: ScheduleProgress) -> None:
    """Replace the progress."""
    replace_file(folder / _PROGRESS_FILE, msgspec.json.encode(progress))
