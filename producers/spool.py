"""What could not be sent, on disk: one JSON object a line, the record's bytes in base64.

A process appends to a file of its own and holds a lock on it while it lives, so whoever gets the lock knows that its
writer has ended and that nobody else is at it. A file goes when all of it has been settled anew, never before.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from io import FileIO
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import msgspec

from producers.batching import Record, refusal_of
from producers.lines import Line

_LOCAL_HOSTS = {"127.0.0.1", "localhost", "::1"}


class SpooledRecord(msgspec.Struct, frozen=True):
    """One line of a spool file.

    Attributes:
        destination: the stream that it was for, see `destination_of`.
        lines: how many events the record holds; 0 for an attestation.
        reason: why it could not be sent.
    """

    destination: str
    partition_key: str
    explicit_hash_key: str | None
    lines: int
    reason: str
    data_base64: str

    def record(self) -> Record:
        """Return the record as it would have been put."""
        return Record(self.partition_key, base64.b64decode(self.data_base64), self.lines, self.explicit_hash_key)


_decode = msgspec.json.Decoder(SpooledRecord).decode


class Spool:
    """A file that exists once something could not be sent. Not safe for use from several threads.

    Args:
        path: the file; its folder holds those of other processes too.
        destination: the stream that its records are for.
    """

    def __init__(self, path: Path, destination: str) -> None:
        self.path = path
        self.destination = destination
        self._file: FileIO | None = None

    def save(self, unsent: Iterable[tuple[Record, str]]) -> None:
        """Append records with the reason for each.

        Raises:
            OSError: they cannot be written; then none of them is in the file.
        """
        if self._file is None:
            self._file = _open_locked(self.path)
        rest = b"".join(_encode(record, reason, self.destination) for record, reason in unsent)
        end = self._file.seek(0, os.SEEK_END)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError:
            # A line that is cut would spoil the one behind it.
            self._file.truncate(end)
            raise

    def close(self) -> None:
        """Leave the file to whoever starts next."""
        if self._file is not None:
            self._file.close()
            self._file = None


class LeftFile:
    """What an ended process left, read a line at a time, for it may be large.

    Attributes:
        unsendable: of the lines read so far, how many no stream can take, or were cut when their writer was killed.
    """

    def __init__(self, path: Path, file: BinaryIO, destination: str) -> None:
        self.path = path
        self.unsendable = 0
        self._file = file
        self._destination = destination

    def records(self) -> Iterator[Record]:
        """Yield what may be sent now, in the order in which it was saved."""
        self.unsendable = 0
        for line in self._lines():
            record, is_ours = self._judge(line)
            self.unsendable += is_ours and record is None
            if record is not None:
                yield record

    def replace(self, unsent: Iterable[tuple[Record, str]]) -> None:
        """Put what could not be sent again in the place of the records, which are settled; an empty file goes."""
        rest = self.path.with_suffix(".rest")
        with rest.open("wb") as file:
            file.writelines(line for line in self._lines() if self._judge(line)[0] is None)
            file.writelines(_encode(record, reason, self._destination) for record, reason in unsent)
            file.flush()
            os.fsync(file.fileno())
            is_empty = file.tell() == 0
        if is_empty:
            self.path.unlink()
            rest.unlink()
        else:
            rest.replace(self.path)

    def _lines(self) -> Iterator[bytes]:
        self._file.seek(0)
        return iter(self._file)

    def _judge(self, line: bytes) -> tuple[Record | None, bool]:
        """Return the record of a line where it may be sent, and whether it is for this destination or for none."""
        spooled = _read(line)
        if spooled is None:
            return None, True
        if spooled.destination != self._destination:
            return None, False
        record = spooled.record()
        is_sendable = not refusal_of(Line(record.partition_key, record.data, None, record.explicit_hash_key))
        return record if is_sendable else None, True


def left_files(folder: Path, destination: str) -> Iterator[LeftFile]:
    """Yield the spool files of ended processes, for what they hold for a destination; each is locked until the next."""
    for path in sorted(folder.glob("*.ndjson")):
        with _locked_if_left(path) as file:
            if file is not None:
                yield LeftFile(path, file, destination)


def _encode(record: Record, reason: str, destination: str) -> bytes:
    data = base64.b64encode(record.data).decode()
    spooled = SpooledRecord(destination, record.partition_key, record.explicit_hash_key, record.lines, reason, data)
    return msgspec.json.encode(spooled) + b"\n"


@contextmanager
def _locked_if_left(path: Path) -> Iterator[BinaryIO | None]:
    """Give the file, locked; None where its writer lives, another process is at it, or it has gone."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (FileNotFoundError, BlockingIOError):
            yield None
            return
        yield file if _is_at(file, path) else None


def _open_locked(path: Path) -> FileIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        file = path.open("ab", buffering=0)
        fcntl.flock(file, fcntl.LOCK_EX)
        if _is_at(file, path):
            return file
        file.close()


def _is_at(file: BinaryIO | FileIO, path: Path) -> bool:
    """Say whether a path still names an open file; it may have been removed before the lock was had."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def destination_of(endpoint_url: str, stream: str) -> str:
    """Return a name for a stream that tells it from those of other regions and of local stacks.

    A local stack has another port each time, so its streams of one name are one destination.
    """
    host = urlsplit(endpoint_url).hostname or ""
    return f"{'local' if host in _LOCAL_HOSTS else host}/{stream}"


def read_spool(path: Path) -> Iterator[SpooledRecord]:
    """Yield the records that a spool file holds, in the order in which they were saved.

    A line that was cut when its writer was killed is none.
    """
    with path.open("rb") as file:
        yield from (spooled for line in file if (spooled := _read(line)) is not None)


def _read(line: bytes) -> SpooledRecord | None:
    try:
        spooled = _decode(line)
        spooled.record()
    except (msgspec.DecodeError, binascii.Error):
        return None
    return spooled
