"""Where lines go: into the stream, or into a file of newline-delimited JSON.

Both promise the same: every line put is counted once, as sent or as failed, and what failed is saved. A producer holds
a line at most `MAX_BUFFERED_S` while somebody calls `put` or minds `due_s`; it starts no thread of its own.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from producers.batching import Batcher, Record, calls_of
from producers.lines import Line
from producers.put import Outcome, Putter
from producers.spool import Spool
from schemas.errors import WorkFailedError

# Source: awslabs/amazon-kinesis-producer, default_config.properties: RecordMaxBufferedTime.
MAX_BUFFERED_S = 0.1


@dataclass(slots=True)
class Tally:
    """What became of the lines put so far.

    Attributes:
        sent: lines acknowledged.
        failed: lines that could not be sent.
        retried: how many times a record was put again.
        bytes: data acknowledged.
        records: Kinesis records acknowledged, or lines written to a file.
        first_failure: why the first failed line failed; empty where none did.
    """

    sent: int = 0
    retried: int = 0
    failed: int = 0
    bytes: int = 0
    records: int = 0
    first_failure: str = ""


class Sink(Protocol):
    """What delivery puts lines into."""

    tally: Tally

    @property
    def due_s(self) -> float:
        """When `flush` must be called at the latest, by the sink's clock; infinite while nothing is held."""
        ...

    def put(self, line: Line) -> None:
        """Take a line in."""
        ...

    def flush(self) -> None:
        """Send all that is held."""
        ...


class Producer:
    """Puts lines into a Kinesis stream. Not safe for use from several threads: one producer for each.

    Args:
        batcher: makes the records.
        putter: puts them.
        spool: keeps those that cannot be put.
        clock: seconds that never go back.
    """

    def __init__(self, batcher: Batcher, putter: Putter, spool: Spool, clock: Callable[[], float]) -> None:
        self.tally = Tally()
        self._batcher = batcher
        self._putter = putter
        self._spool = spool
        self._clock = clock
        self._due_s = math.inf

    @property
    def due_s(self) -> float:
        """When the oldest line held must go."""
        return self._due_s

    def put(self, line: Line) -> None:
        """Take a line in, and send what is held when it fills a call or is due.

        Raises:
            WorkFailedError: the stream takes nothing any more; all that was held is saved.
        """
        now_s = self._clock()
        if self._due_s is math.inf:
            self._due_s = now_s + MAX_BUFFERED_S
        self._batcher.add(line)
        if now_s >= self._due_s or self._batcher.is_full:
            self.flush()

    def flush(self) -> None:
        """Send all that is held; what cannot be sent is saved.

        Raises:
            WorkFailedError: as `put`.
        """
        self._due_s = math.inf
        waiting = deque(calls_of(self._batcher.drain()))
        try:
            while waiting:
                outcome = self._putter.put(waiting[0])
                waiting.popleft()
                self._count(outcome)
                if outcome.is_call_failure:
                    raise WorkFailedError(f"the stream takes no records: {outcome.unsent[-1][1]}")
        finally:
            # Reached with calls left only when something ended the work: an error or a second Ctrl-C.
            self._save([(record, "not tried: the work ended before") for call in waiting for record in call])

    def _count(self, outcome: Outcome) -> None:
        self.tally.retried += outcome.retried
        self.tally.records += len(outcome.sent)
        for record in outcome.sent:
            self.tally.sent += record.lines
            self.tally.bytes += len(record.data)
        self._save(outcome.unsent)

    def _save(self, unsent: list[tuple[Record, str]]) -> None:
        if not unsent:
            return
        self._spool.save(unsent)
        self.tally.failed += sum(record.lines for record, _ in unsent)
        self.tally.first_failure = self.tally.first_failure or unsent[0][1]


class FileSink:
    """Writes lines to an open file, a newline after each."""

    due_s = math.inf

    def __init__(self, file: BinaryIO) -> None:
        self.tally = Tally()
        self._file = file

    def put(self, line: Line) -> None:
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
            WorkFailedError: as `put`.
        """
        try:
            self._file.flush()
        except OSError as error:
            raise WorkFailedError(f"cannot write: {error}") from error
