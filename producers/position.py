"""The position file: how far a run has come, so that after a kill the same run goes on from there.

Nothing before the position is sent again and nothing behind it is left out. The file is replaced as a whole, so a kill
at any moment leaves one that can be read; a lock beside it keeps a second process away.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import msgspec

from producers.stamping import Stamper
from schemas.errors import ConfigError, WorkFailedError

VERSION = "position.v1"
# In a fingerprint, when the run began: what it sends follows from that where times are moved to now.
BEGAN = "began"


class LeftAttestation(msgspec.Struct, frozen=True):
    """An attestation that may not have arrived.

    Attributes:
        lines: how many lines had been put before it.
        text: the attestation as it was put.
    """

    lines: int
    text: str


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says.

    Attributes:
        fingerprint: what decides which lines are sent, by name; a run with others is another run.
        settled: how many lines, from the first, are acknowledged or saved.
        unattested_seq: the number of the first event that no attestation covers.
        attestations: those that may not have arrived; they are put again as they are.
        is_finished: all lines are settled.
    """

    version: str = VERSION
    fingerprint: Mapping[str, str]
    producer_id: str
    settled: int = 0
    unattested_seq: int = 0
    attestations: tuple[LeftAttestation, ...] = ()
    is_finished: bool = False


def fingerprint_at(path: Path) -> Mapping[str, str]:
    """Return what the run of a file is made of; nothing where there is no file.

    Raises:
        ConfigError: it cannot be read.
    """
    found = _read(path)
    return found.fingerprint if found else {}


def texts_of(options: object) -> dict[str, str]:
    """Return the fields of a struct or dataclass as texts by name, for a fingerprint; None is left out."""
    fields: dict[str, object] = msgspec.to_builtins(options)
    return {name: msgspec.json.encode(value).decode() for name, value in fields.items() if value is not None}


class PositionFile:
    """The file of one run, open for its process alone. Safe for use from several threads.

    Args:
        path: the file; a run goes on from it where it exists.
        fingerprint: what decides which lines are sent, as texts by name.
        new_producer_id: names the producer of a new run.

    Attributes:
        start: where this process begins.

    Raises:
        ConfigError: the file belongs to another run, or to a process that lives, or cannot be read or written.
        WorkFailedError: by the other methods, when it cannot be written any more.
    """

    def __init__(self, path: Path, fingerprint: Mapping[str, str], new_producer_id: Callable[[], str]) -> None:
        self.path = path
        self._lock = Lock()
        self._guard = _locked(path.with_name(path.name + ".lock"))
        try:
            found = _read(path)
            if found is not None and (faults := _differences(path, found.fingerprint, fingerprint)):
                raise ConfigError(faults)
            self.start = found or Position(fingerprint=dict(fingerprint), producer_id=new_producer_id())
            self._now = self.start
            self._write()
        except OSError as error:
            self._guard.close()
            raise _unwritable(path, error) from error
        except ConfigError:
            self._guard.close()
            raise

    def stamper(self) -> Stamper:
        """Return the stamper of this run, which stamps its lines from the first on, the settled ones too."""
        return Stamper(self.start.producer_id, digest_from=self.start.unattested_seq)

    @property
    def settled(self) -> int:
        """How many lines are settled, as the file says."""
        return self._now.settled

    def move_to(self, settled: int) -> None:
        """Note how many lines are settled, those that this process skipped too."""
        with self._lock:
            if settled > self._now.settled:
                # What was put before lines that are settled is settled too.
                left = tuple(attestation for attestation in self._now.attestations if attestation.lines >= settled)
                self._replace(settled=settled, attestations=left)

    def note_attestation(self, data: bytes, lines: int, next_seq: int) -> None:
        """Note an attestation before it is put.

        Args:
            data: its bytes.
            lines: how many lines this process has put before it.
            next_seq: the number of the first event after those that it covers.
        """
        left = LeftAttestation(self.start.settled + lines, data.decode())
        with self._lock:
            self._replace(unattested_seq=next_seq, attestations=(*self._now.attestations, left))

    def finish(self) -> None:
        """Note that all lines and attestations are settled."""
        with self._lock:
            self._replace(is_finished=True, attestations=())

    def close(self) -> None:
        """Let another process go on."""
        self._guard.close()

    def _replace(self, **changes: object) -> None:
        self._now = msgspec.structs.replace(self._now, **changes)
        try:
            self._write()
        except OSError as error:
            raise WorkFailedError(f"the position cannot be written to {self.path}: {error.strerror}") from error

    def _write(self) -> None:
        partial = self.path.with_name(self.path.name + ".partial")
        partial.write_bytes(msgspec.json.encode(self._now) + b"\n")
        partial.replace(self.path)


def _read(path: Path) -> Position | None:
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Position, strict=True)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path} is no position of a run: {error}") from error
    if found.version != VERSION:
        raise ConfigError(f"{path} is {found.version}, this is {VERSION}; remove it to send everything from the start")
    return found


def _differences(path: Path, was: Mapping[str, str], given: Mapping[str, str]) -> list[str]:
    return [
        f"{path} belongs to another run, so give another file: "
        f"{name} was {was.get(name, 'absent')}, now it is {given.get(name, 'absent')}"
        for name in sorted(was.keys() | given.keys())
        if was.get(name) != given.get(name)
    ]


def _unwritable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"the position cannot be written to {path}: {error.strerror}")


def _locked(path: Path) -> BinaryIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    except OSError as error:
        raise _unwritable(path.with_suffix(""), error) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise ConfigError(f"another process uses the position of {path.with_suffix('')}") from None
    return file
