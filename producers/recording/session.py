"""One recording: what a reader gives into archive files, until somebody stops it or enough is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from producers.recording.archive import PARTIAL_SUFFIX, SUFFIX, ArchiveFile
from schemas.errors import ConfigError, WorkFailedError
from schemas.kinesis_record import KinesisRecord
from schemas.kpl import BrokenFrameError, payloads

_FILE_BYTES = 128 << 20


class Stop(Protocol):
    """Says whether somebody asked to stop."""

    @property
    def is_set(self) -> bool:
        """Whether it is so."""
        ...


class Recorded(msgspec.Struct):
    """What was recorded.

    Attributes:
        records: Kinesis records.
        events: user records in them; a broken aggregate is one.
        bytes: of the records' data.
        files: finished files.
    """

    records: int = 0
    events: int = 0
    bytes: int = 0
    files: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """Where a recording goes: one file, or in a folder files that follow each other by name.

    Attributes:
        out: the path of either.
        prefix: how the files in a folder begin.
    """

    out: Path
    prefix: str

    @property
    def is_folder(self) -> bool:
        """Whether files are to follow each other."""
        return self.out.is_dir()

    def path(self, number: int) -> Path:
        """Return where a file goes, counted from 0; in a folder as many as there may be."""
        return self.out / f"{self.prefix}-{number:05}{SUFFIX}" if self.is_folder else self.out

    def check(self) -> None:
        """Raise ConfigError where a file is in the way or there is no folder for it."""
        path = self.path(0)
        if not path.parent.is_dir():
            raise ConfigError(f"--out: there is no folder {path.parent}")
        for taken in (path, path.with_name(path.name + PARTIAL_SUFFIX)):
            if taken.exists():
                raise ConfigError(f"--out: {taken} is there already")


def record(
    batches: Iterator[list[KinesisRecord]],
    target: Target,
    stop: Stop,
    *,
    limit: int | None,
    until_s: float,
    clock: Callable[[], float],
    recorded: Recorded,
    on_progress: Callable[[Recorded], object],
) -> None:
    """Write what comes until the stop, the limit, or the end of the time; then give the last file its name.

    Args:
        batches: what is read; empty ones let it stop.
        target: where to.
        stop: asked after each batch.
        limit: how many records.
        until_s: when to end, by the clock.
        clock: seconds that never go back.
        recorded: takes the counts.
        on_progress: called after each batch.

    Raises:
        WorkFailedError: the stream cannot be read, or the disk takes no more; what came before is kept.
    """
    with _files(target, recorded) as append:
        for batch in batches:
            kept = batch if limit is None else batch[: limit - recorded.records]
            if kept:
                append(kept)
            recorded.records += len(kept)
            recorded.events += sum(_events_in(found.data) for found in kept)
            recorded.bytes += sum(len(found.data) for found in kept)
            on_progress(recorded)
            if stop.is_set or recorded.records == limit or clock() >= until_s:
                break


@contextmanager
def _files(target: Target, recorded: Recorded) -> Iterator[Callable[[list[KinesisRecord]], None]]:
    """Give what appends a batch; a file is finished when the next one begins, and the last one in any case."""
    try:
        file = ArchiveFile(target.path(0))

        def append(batch: list[KinesisRecord]) -> None:
            nonlocal file
            if target.is_folder and file.size_bytes >= _FILE_BYTES:
                file.finish()
                recorded.files += 1
                file = ArchiveFile(target.path(recorded.files))
            file.append(batch)

        try:
            yield append
        finally:
            file.finish()
            recorded.files += 1
    except OSError as error:
        raise WorkFailedError(f"cannot write: {error}; what was recorded before is kept") from error


def _events_in(data: bytes) -> int:
    try:
        return len(payloads(data))
    except BrokenFrameError:
        return 1
