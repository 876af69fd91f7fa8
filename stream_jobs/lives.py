"""The lives of the job on one machine: where the next one begins, and whether an earlier one may have published.

Each stream has a folder of its own, named by its identity: an emulator forgets everything when it stops, and positions
in its successor would point nowhere. A life begins from the newest checkpoint or savepoint in its stream's folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from schemas.errors import ConfigError

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
    """

    clean: bool
    start: str


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where a life begins.

    Attributes:
        restart_point: the folder of a checkpoint or savepoint, or None for a job without state.
        follows_unclean: an earlier life on this stream may have published what it did not get into its state.
        start: where shards without a position begin.
    """

    restart_point: Path | None
    follows_unclean: bool
    start: str


def stack_identity(endpoint: str, stream_created: str) -> str:
    """Return a digest that differs between two lives of an emulator, and between two streams."""
    return hashlib.sha256(f"{endpoint}\n{stream_created}".encode()).hexdigest()[:16]


def flink_uri(path: Path) -> str:
    """Return a path as Flink takes it: with its scheme, and nothing in it escaped."""
    return f"file://{path}"


def newest_restart_point(folder: Path) -> Path | None:
    """Return the newest complete checkpoint or savepoint below a folder; one without `_metadata` is not complete."""
    complete = [*folder.glob(f"{CHECKPOINTS}/*/chk-*/{_METADATA}"), *folder.glob(f"{SAVEPOINTS}/*/{_METADATA}")]
    return max(complete, key=lambda path: path.stat().st_mtime_ns).parent if complete else None


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


def begin(folder: Path, start: str, *, fresh: bool, savepoint: Path | None = None) -> Beginning:
    """Decide where a life begins and put it on record as not clean, for it may die at any moment.

    Args:
        folder: the stream's own.
        start: where the first life of this stream begins, see `shards.start_of`; later ones keep to it.
        fresh: forget earlier state.
        savepoint: begin from this one instead of the newest state; it is copied here, and becomes the newest.

    Raises:
        ConfigError: the savepoint is none, or is not complete.
    """
    folder.mkdir(parents=True, exist_ok=True)
    last = _read(folder)
    newest = newest_restart_point(folder)
    if savepoint is not None:
        restart_point: Path | None = adopt(folder, savepoint)
    else:
        restart_point = None if fresh else newest
    if restart_point is None:
        for name in (CHECKPOINTS, SAVEPOINTS):
            shutil.rmtree(folder / name, ignore_errors=True)
    elif savepoint is None:
        forget_older(folder, restart_point)
    if last is not None and not fresh:
        start = last.start
    _write(folder, _Life(clean=False, start=start))
    resumes_clean = last is not None and last.clean and restart_point is not None and savepoint in (None, newest)
    is_first = last is None and savepoint is None
    return Beginning(restart_point, not is_first and not resumes_clean, start)


def adopt(folder: Path, savepoint: Path) -> Path:
    """Make a savepoint the newest restart point of a stream's folder and return where it is there.

    Raises:
        ConfigError: it is none, or is not complete.
    """
    savepoint = (savepoint.parent if savepoint.name == _METADATA else savepoint).resolve()
    if not (savepoint / _METADATA).is_file():
        raise ConfigError(f"{savepoint} is no complete savepoint: it has no {_METADATA}")
    own = folder.resolve() / SAVEPOINTS
    if savepoint.is_relative_to(folder.resolve()):
        adopted = savepoint
    else:
        # Flink's savepoints hold relative paths and may be moved; its checkpoints may not.
        if savepoint.name.startswith("chk-"):
            raise ConfigError(f"{savepoint} is a checkpoint, which cannot be moved: stop the job to take a savepoint")
        adopted = own / savepoint.name
        shutil.copytree(savepoint, adopted, dirs_exist_ok=True)
    (adopted / _METADATA).touch()
    return adopted


def ended_clean(folder: Path, start: str) -> None:
    """Put on record that the life took its savepoint: all that was not acknowledged is in it, and known as such."""
    _write(folder, _Life(clean=True, start=start))


def forget_older(folder: Path, kept: Path) -> None:
    """Delete every restart point but one, and what an older life left beside it."""
    for path in (*folder.glob(f"{CHECKPOINTS}/*"), *folder.glob(f"{SAVEPOINTS}/*")):
        if kept != path and path not in kept.parents:
            shutil.rmtree(path)


def _read(folder: Path) -> _Life | None:
    path = folder / _RECORD
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Life)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path} is damaged ({error}); delete {folder} to start without saved state") from error


def _write(folder: Path, life: _Life) -> None:
    write_whole(folder / _RECORD, msgspec.json.encode(life))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old or the new one, never a part."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(data)
    part.replace(path)
