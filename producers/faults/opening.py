"""What a command that injects faults begins with: the plan from its options, and the file of the answer key."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from producers.answer_key import Run
from producers.faults.alert_duty import AlertDuty
from producers.faults.fault_plan import FaultPlan, parse_plan
from producers.faults.key_writer import KeyWriter
from schemas.errors import ConfigError, WorkFailedError
from schemas.instants import format_instant_us

# The three faults with an option of their own: the table that each stands for, beside its share.
_SHORTHAND = {
    "duplicates": ("duplicate", {}),
    "late": ("late", {"least": "1h", "most": "3h"}),
    "corrupt": ("corrupt", {}),
}


def plan_of_options(path: Path | None, **shares: float) -> FaultPlan:
    """Return the plan in a file, or the one that the shares of the short options stand for.

    Args:
        path: the file; None for none.
        shares: `duplicates`, `late` and `corrupt`; 0 for none.

    Raises:
        ConfigError: both are given, the file cannot be read, or with everything that is wrong with the plan.
    """
    given = {name: share for name, share in shares.items() if share}
    if path is not None:
        if given:
            raise ConfigError(f"--faults and {', '.join(f'--{name}' for name in given)}: the plan has its own shares")
        return _read_plan(path)
    faults = [
        f"{name} is {share:g}, a share lies between 0 and 1" for name, share in given.items() if not 0 < share <= 1
    ]
    if faults:
        raise ConfigError(faults)
    tables = {}
    for name, share in given.items():
        table, keys = _SHORTHAND[name]
        tables[table] = {"share": share, **keys}
    return msgspec.convert(tables, FaultPlan)


@contextmanager
def key_at(path: Path, started_us: int, duty: AlertDuty, producer_id: str | None = None) -> Iterator[KeyWriter]:
    """Give a key that is written to a file; its end is written after all that was made, and after an error too.

    Raises:
        ConfigError: the file cannot be opened.
        WorkFailedError: the file takes no more.
    """
    try:
        file = path.open("wb")
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error}") from error
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
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
    """Make one key of those of several processes, and remove theirs.

    Raises:
        WorkFailedError: a file cannot be read or written.
    """
    paths = list(parts)
    try:
        with whole.open("wb") as file:
            for path in paths:
                with path.open("rb") as part:
                    shutil.copyfileobj(part, file)
        for path in paths:
            path.unlink()
    except OSError as error:
        raise WorkFailedError(f"the parts of the answer key cannot be joined: {error}") from error


def _read_plan(path: Path) -> FaultPlan:
    try:
        return parse_plan(path.read_text("utf-8"), path.name)
    except OSError as error:
        raise ConfigError(f"cannot read the plan {path}: {error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"plan {path.name} is not UTF-8: {error}") from error


def _close(file: BinaryIO) -> None:
    try:
        file.close()
    except OSError as error:
        raise WorkFailedError(f"the answer key cannot be written: {error}") from error
