"""What waits to be delivered, and what is out for delivery: the bookkeeping of one lane, first in, first out.

Decides when a batch is due and what is in it. An entry stays until its batch is settled, so whoever keeps the entries
in state can hand out the rest again after a crash. One batch is out at a time, which keeps a lane's order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from stream_jobs.batching import batch_length


@dataclass(frozen=True, slots=True)
class Limits:
    """When a batch is due.

    Attributes:
        max_entries: entries of a batch.
        max_bytes: bytes of a batch.
        linger_ms: how long a batch that is not full waits for more.
        max_waiting: from how many entries on the lane takes no more.
    """

    max_entries: int
    max_bytes: int
    linger_ms: int
    max_waiting: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to deliver.

    Attributes:
        key: its place in the lane; keys sort in order of arrival.
        body: what to deliver.
        restored: it comes from an earlier life, which may have delivered it.
        since_ms: when it came.
    """

    key: str
    body: bytes
    restored: bool
    since_ms: int


@dataclass(slots=True)
class Delivery:
    """What became of a batch: what to pass on, and counts by name."""

    receipts: list[bytes] = field(default_factory=list)
    dead_letters: list[bytes] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


class Door(Protocol):
    """Where batches go out."""

    @property
    def limits(self) -> Limits:
        """When a batch for this door is due."""
        ...

    def size_bytes(self, body: bytes) -> int:
        """Return what a body takes of a batch's bytes."""
        ...

    def deliver(self, batch: Sequence[Entry]) -> Delivery:
        """Deliver a batch; returns once every entry is settled. Called from several threads.

        Raises:
            WorkFailedError: it cannot be delivered; nothing of it may be forgotten.
            StoppedError: the job is closing.
        """
        ...


class Outbox:
    """The entries of one lane.

    Args:
        limits: when a batch is due.
        size_bytes: what a body takes of a batch's bytes.
        restored: key and body of what an earlier life left, in any order.
    """

    def __init__(
        self, limits: Limits, size_bytes: Callable[[bytes], int], restored: Iterable[tuple[str, bytes]] = ()
    ) -> None:
        self._limits = limits
        self._size_bytes = size_bytes
        self._waiting = deque(Entry(key, body, True, 0) for key, body in sorted(restored))
        self._out: list[Entry] = []
        self._next = int(self._waiting[-1].key) + 1 if self._waiting else 0

    def __len__(self) -> int:
        """Return the number of entries that are not settled."""
        return len(self._waiting) + len(self._out)

    @property
    def is_full(self) -> bool:
        """Whether the lane takes no more for now."""
        return len(self._waiting) >= self._limits.max_waiting

    def add(self, body: bytes, now_ms: int) -> Entry:
        """Take a body in."""
        entry = Entry(f"{self._next:016d}", body, False, now_ms)
        self._next += 1
        self._waiting.append(entry)
        return entry

    def take(self, now_ms: int) -> list[Entry]:
        """Return the next batch if it is due and none is out; it is out then."""
        if self._out or not self._waiting:
            return []
        limits = self._limits
        sizes = (self._size_bytes(entry.body) for entry in islice(self._waiting, limits.max_entries + 1))
        count = batch_length(sizes, limits.max_entries, limits.max_bytes)
        is_full = count == limits.max_entries or count < len(self._waiting)
        # A clock that was set back gives a negative wait, which must not hold the batch.
        if not is_full and 0 <= now_ms - self._waiting[0].since_ms < limits.linger_ms:
            return []
        self._out = [self._waiting.popleft() for _ in range(count)]
        return self._out

    def settle(self) -> list[Entry]:
        """Return the batch that was out; it is forgotten."""
        settled, self._out = self._out, []
        return settled
