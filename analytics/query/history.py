"""What was asked: one JSON line a query, in the state folder; never what was answered."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

# The oldest half goes when there are more.
KEPT = 1000


class Asked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One query.

    Attributes:
        at: when, in ISO 8601 and UTC.
        engine: what answered it.
        sql: as it was given.
        seconds: how long that took.
        rows: how many came; None where it failed.
        bytes: that were read, as the engine counts them; None where it does not say.
        error: why it failed, in one line that quotes no row.
    """

    at: str
    engine: str
    sql: str
    seconds: float
    rows: int | None = None
    bytes: int | None = None
    error: str | None = None


class History:
    """The queries that were asked from one state folder."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "queries.jsonl"

    def add(self, asked: Asked) -> None:
        """Write one down."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._alone():
            lines = self._lines()
            if len(lines) >= KEPT:
                kept = self._path.with_suffix(".tmp")
                kept.write_bytes(b"".join(line + b"\n" for line in lines[-KEPT // 2 :]))
                kept.replace(self._path)
            with self._path.open("ab") as out:
                out.write(msgspec.json.encode(asked) + b"\n")

    def latest(self, count: int) -> list[Asked]:
        """Return the last ones, the latest first; a line that a killed process left half is passed over."""
        found: list[Asked] = []
        for line in reversed(self._lines()):
            if len(found) == count:
                break
            try:
                found.append(msgspec.json.decode(line, type=Asked))
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
        return found

    def _lines(self) -> list[bytes]:
        return self._path.read_bytes().splitlines() if self._path.exists() else []

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._path.with_suffix(".lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
