"""The file of an answer key, and of several processes' keys one."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from producers.answer_key import Run
from producers.faults.alert_duty import AlertDuty, alert_duty_of
from producers.faults.key_writer import KeyWriter
from schemas.errors import ConfigError, WorkFailedError
from schemas.instants import format_instant_us
from schemas.settings import load_alerting


def part_file(path: Path, part: tuple[int, int]) -> Path:
    """Return the file of one of several processes, given its index and their number; one alone has the path itself."""
    index, parts = part
    return path if parts == 1 else path.with_name(f"{path.name}.{index + 1}-of-{parts}")


def part_files(path: Path) -> list[Path]:
    """Return the files that are there of one or of any number of processes, see `part_file`."""
    is_part = re.compile(rf"{re.escape(path.name)}(\.\d+-of-\d+)?", re.ASCII).fullmatch
    return sorted(found for found in path.parent.glob("*") if is_part(found.name))


def this_command() -> str:
    """Return the command of this process with its options, as a person types it."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


def check_writable(path: Path) -> None:
    """Leave all as it is, what an earlier run wrote there too.

    Raises:
        ConfigError: the file cannot be written.
    """
    try:
        if path.exists():
            path.open("ab").close()
        else:
            tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error


def duty_in_force(start_us: int, run_s: float) -> AlertDuty:
    """Return what the settings ask of a run, see `alert_duty_of`.

    Raises:
        ConfigError: a setting of what is alerted is malformed.
    """
    alerting = load_alerting(os.environ, Path.cwd())
    return alert_duty_of(alerting["alert_types"], alerting["max_alert_age"], start_us, run_s)


@contextmanager
def key_at(
    path: Path, started_us: int, duty: AlertDuty, command: str, producer_id: str | None = None
) -> Iterator[KeyWriter]:
    """Give a key that is written to a file; its end is written after all that was made, and after an error too.

    Args:
        path: the file; what it held is gone.
        started_us: when the run began.
        duty: which events must be alerted.
        command: what is run, for a person.
        producer_id: as the events name it; None where they name none.

    Raises:
        ConfigError: the file cannot be opened.
        WorkFailedError: the file takes no more.
    """
    try:
        file = path.open("wb")
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error
    run = Run(started=format_instant_us(started_us), command=command, producer_id=producer_id)
    key = KeyWriter(file, run, duty)
    try:
        yield key
    finally:
        try:
            key.close()
        finally:
            _close(file)


def join_keys(parts: Iterable[Path], whole: Path) -> None:
    """Make one key of those of several processes, and remove theirs; where no process wrote one, nothing is touched.

    Raises:
        WorkFailedError: a file cannot be read or written.
    """
    paths = [path for path in parts if path.exists()]
    if not paths:
        return
    try:
        with whole.open("wb") as file:
            for path in paths:
                with path.open("rb") as part:
                    shutil.copyfileobj(part, file)
        for path in paths:
            path.unlink()
    except OSError as error:
        raise WorkFailedError(f"the parts of the answer key cannot be joined: {error}") from error


def _close(file: BinaryIO) -> None:
    try:
        file.close()
    except OSError as error:
        raise WorkFailedError(f"the answer key cannot be written: {error}") from error
