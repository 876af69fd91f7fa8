"""What lines are put into, whatever takes them; and the plainest of these, a file of newline-delimited JSON.

All promise the same: every line put is counted once, as sent or as failed, and what failed is saved where it can be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Protocol

from producers.lines import Line
from schemas.errors import WorkFailedError

# How many lines a sink takes in that are not settled; after a kill no more than these are sent again.
WINDOW_LINES = 20_000


@dataclass(slots=True)
class Tally:
    """What became of the lines put so far.

    Attributes:
        sent: lines acknowledged.
        failed: lines that could not be sent.
        retried: how many times a record was put again.
        throttled: of these, how often since the stream was asked too much.
        lost: of the failed lines, those that could not be saved either.
        remapped: lines that were put again since a shard was split or merged; they may arrive twice.
        resent: lines of earlier runs that were sent from the spool; not among `sent`.
        unsendable: of the failed lines, those that no stream can ever take.
        attestations: attestations acknowledged; no lines.
        bytes: data acknowledged.
        records: Kinesis records acknowledged, or lines written to a file.
        first_failure: why the first failed line failed; empty where none did.
    """

    sent: int = 0
    retried: int = 0
    throttled: int = 0
    failed: int = 0
    unsendable: int = 0
    lost: int = 0
    remapped: int = 0
    resent: int = 0
    attestations: int = 0
    bytes: int = 0
    records: int = 0
    first_failure: str = ""


class Sink(Protocol):
    """What delivery puts lines into."""

    tally: Tally

    @property
    def settled(self) -> int:
        """How many of the lines put, counted from the first, are sent or saved with all before them."""
        ...

    def put_line(self, line: Line) -> None:
        """Take a line in."""
        ...

    def flush(self) -> None:
        """Return when all that was put is settled."""
        ...

    def close(self) -> None:
        """Flush, and take nothing more."""
        ...


class FileSink:
    """Writes lines to an open file, a newline after each. Not safe for use from several threads."""

    def __init__(self, file: BinaryIO) -> None:
        self.tally = Tally()
        self.settled = 0
        self._file = file

    def put_line(self, line: Line) -> None:
        """Write a line.

        Raises:
            WorkFailedError: the file takes no more.
        """
        try:
            self._file.write(line.data + b"\n")
        except OSError as error:
            self.tally.failed += 1
            raise WorkFailedError(f"cannot write: {error}") from error
        self.tally.sent += 1
        self.tally.records += 1
        self.tally.bytes += len(line.data) + 1

    def flush(self) -> None:
        """Hand all that is written to the system.

        Raises:
            WorkFailedError: as `put_line`.
        """
        try:
            self._file.flush()
        except OSError as error:
            raise WorkFailedError(f"cannot write: {error}") from error
        self.settled = self.tally.sent

    def close(self) -> None:
        """Flush; the file is closed by whoever opened it."""
        self.flush()
