"""The lives of the job on one machine: where the next one begins, and whether an earlier one may have published.

Each stream has a folder of its own, named by its identity: an emulator forgets everything when it stops, and positions
in its successor would point nowhere. A life begins from the newest checkpoint or savepoint in its stream's folder.
Folders are given resolved: Flink tells of them that way.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from schemas.errors import ConfigError, WorkFailedError

CHECKPOINTS = "checkpoints"
SAVEPOINTS = "savepoints"
_METADATA = "_metadata"
_RECORD = "life.json"
_LOCK = "lock"


class _Life(msgspec.Struct, frozen=True):
    """What the last life left on record.

    Attributes:
        clean: it ended with a savepoint.
        start: where shards without a position begin; kept, since a life may die before its first checkpoint.
        restart_point: what it began from, or ended with where it ended clean; below the stream's folder.
    """

    clean: bool
    start: str
    restart_point: str | None


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where a life begins.

    Attributes:
        restart_point: the folder of a checkpoint or savepoint below the stream's, or None for a job without state.
        follows_unclean: an earlier life on this stream may have published what it did not get into its state.
        start: where shards without a position begin.
        adopted: where the restart point is to be copied from, if it is not there yet.
    """

    restart_point: Path | None
    follows_unclean: bool
    start: str
    adopted: Path | None = None


def stream_identity(stream_arn: str, created_us: int) -> str:
    """Return a digest that differs between two streams, and between two lives of an emulator."""
    return hashlib.sha256(f"{stream_arn}\n{created_us}".encode()).hexdigest()[:16]


def flink_uri(path: Path) -> str:
    """Return a path as Flink takes it: with its scheme, and nothing in it escaped."""
    return f"file://{path}"


def newest_restart_point(folder: Path, last: Path | None) -> Path | None:
    """Return the newest complete checkpoint or savepoint below a folder; one without `_metadata` is not complete.

    No clock is asked, which may have been set back: what is not the last life's own restart point is newer than that,
    Flink numbers a life's checkpoints, and a savepoint ends it.

    Args:
        folder: the stream's own.
        last: what the last life began from, or ended with.
    """
    complete = [*folder.glob(f"{CHECKPOINTS}/*/chk-*/{_METADATA}"), *folder.glob(f"{SAVEPOINTS}/*/{_METADATA}")]

    def age(path: Path) -> tuple[bool, bool, int]:
        number = path.name.removeprefix("chk-")
        return path != last, not path.name.startswith("chk-"), int(number) if number.isdecimal() else 0

    return max((path.parent for path in complete), key=age, default=None)


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the folder for this process.

    Raises:
        ConfigError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"another alert job already runs with the state in {folder}; stop it first") from None
        yield


def choose(folder: Path, start: str, *, fresh: bool, savepoint: Path | None = None) -> Beginning:
    """Decide where a life begins; changes nothing.

    Args:
        folder: the stream's own.
        start: where the first life of this stream begins, see `shards.start_of`; later ones keep to it.
        fresh: forget earlier state.
        savepoint: begin from this one instead of the newest state.

    Raises:
        ConfigError: the savepoint is none, is not complete or cannot be moved here; or the record is damaged.
    """
    last = _read(folder)
    its_own = folder / last.restart_point if last is not None and last.restart_point else None
    restart_point, adopted = (None if fresh else newest_restart_point(folder, its_own)), None
    if savepoint is not None:
        restart_point, adopted = _adopted(folder, savepoint)
    if last is not None and not fresh:
        start = last.start
    resumes_clean = last is not None and last.clean and restart_point is not None and restart_point == its_own
    is_first = last is None and savepoint is None
    return Beginning(restart_point, not is_first and not resumes_clean, start, adopted)


def begin(folder: Path, beginning: Beginning) -> None:
    """Make the folder hold the chosen restart point alone, and put the life on record as not clean: it may die."""
    folder.mkdir(parents=True, exist_ok=True)
    if beginning.adopted is not None and beginning.restart_point is not None:
        shutil.copytree(beginning.adopted, beginning.restart_point, dirs_exist_ok=True)
    _forget_others(folder, beginning.restart_point)
    _write(folder, beginning.restart_point, beginning.start, clean=False)


def ended_clean(folder: Path, start: str, savepoint: Path) -> None:
    """Put on record that the life took its savepoint: all that was not acknowledged is in it, and known as such.

    Raises:
        WorkFailedError: the savepoint is not where it should be.
    """
    if not (savepoint / _METADATA).is_file() or savepoint.parent != folder / SAVEPOINTS:
        raise WorkFailedError(f"the savepoint {savepoint} is not in {folder / SAVEPOINTS}")
    _forget_others(folder, savepoint)
    _write(folder, savepoint, start, clean=True)


def _adopted(folder: Path, savepoint: Path) -> tuple[Path, Path | None]:
    """Return where a savepoint is, or will be, below a stream's folder, and from where it is to be copied.

    Raises:
        ConfigError: it is none, is not complete, or cannot be moved.
    """
    savepoint = (savepoint.parent if savepoint.name == _METADATA else savepoint).resolve()
    if not (savepoint / _METADATA).is_file():
        raise ConfigError(f"{savepoint} is no complete savepoint: it has no {_METADATA}")
    if savepoint.is_relative_to(folder):
        return savepoint, None
    # Flink's savepoints hold relative paths and may be moved; its checkpoints may not.
    if savepoint.name.startswith("chk-"):
        raise ConfigError(f"{savepoint} is a checkpoint, which cannot be moved: stop the job to take a savepoint")
    return folder / SAVEPOINTS / savepoint.name, savepoint


def _forget_others(folder: Path, kept: Path | None) -> None:
    """Delete every restart point but one, and what an older life left beside it.

    Before a record says which one it is: what is not on record counts as newer.
    """
    patterns = (f"{CHECKPOINTS}/*", f"{CHECKPOINTS}/*/chk-*", f"{SAVEPOINTS}/*")
    for path in [path for pattern in patterns for path in folder.glob(pattern)]:
        if kept is None or (kept != path and path not in kept.parents):
            _remove(path)


def _remove(folder: Path) -> None:
    """Delete a folder, of which Flink, which deletes its checkpoints when it likes, may take away parts meanwhile."""
    while folder.exists():
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)


def _read(folder: Path) -> _Life | None:
    path = folder / _RECORD
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Life)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path} is damaged ({error}); delete {folder} to start without saved state") from error


def _write(folder: Path, restart_point: Path | None, start: str, *, clean: bool) -> None:
    place = None if restart_point is None else str(restart_point.relative_to(folder))
    write_whole(folder / _RECORD, msgspec.json.encode(_Life(clean, start, place)))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old or the new one, never a part."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(data)
    part.replace(path)
