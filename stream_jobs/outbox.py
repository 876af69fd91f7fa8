"""What waits to be delivered, and what is out for delivery: the bookkeeping of one lane.

Decides when a batch is due and what is in it. An entry stays until its batch is settled, so whoever keeps the entries
in state can hand out the rest again after a crash. Several batches may be out at a time; what has one order key is
never out in two of them, and goes out in the order in which it came.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

# SNS PublishBatch and SQS SendMessageBatch alike: ten entries, 256 KiB over all of them.
# Source: SNS API reference, PublishBatch; SQS developer guide, "Message quotas".
MAX_BATCH_ENTRIES = 10
MAX_BATCH_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """When a batch is due.

    Attributes:
        max_entries: entries of a batch.
        max_bytes: bytes of a batch.
        linger_ms: how long a batch that is not full waits for more.
        max_waiting: from how many entries on the lane takes no more.
        max_flights: batches that may be out at a time.
        max_waiting_bytes: from how many bytes of bodies on it takes no more; the state holds as many again.
    """

    max_entries: int
    max_bytes: int
    linger_ms: int
    max_waiting: int
    max_flights: int = 1
    max_waiting_bytes: int = 32 << 20


@dataclass(frozen=True, slots=True)
class Address:
    """Where a body goes, and what it must not overtake.

    Attributes:
        destination: a batch has one.
        order_key: bodies of one destination and order key keep their order.
        size_bytes: what the body takes of a batch's bytes.
        is_alone: no other body of its order key is in its batch, since entries of a batch may fail one by one.
    """

    destination: str = ""
    order_key: str = ""
    size_bytes: int = 0
    is_alone: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to deliver.

    Attributes:
        key: its place in the lane; keys sort in order of arrival.
        body: what to deliver.
        address: where to.
        restored: it comes from an earlier life, which may have delivered it.
        since_ms: when it came.
    """

    key: str
    body: bytes
    address: Address
    restored: bool
    since_ms: int


@dataclass(slots=True)
class Delivery:
    """What became of a batch.

    Attributes:
        receipts: of what was delivered.
        dead_letters: of what was rejected for good.
        counts: by name.
        latencies_ms: how long each delivered entry took in all.
        failure: why not everything is settled.
        unsure: keys of the entries that are not settled and may have been delivered.
        untouched: keys of those that are not settled and were not delivered.
    """

    receipts: list[bytes] = field(default_factory=list)
    dead_letters: list[bytes] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    latencies_ms: list[float] = field(default_factory=list)
    failure: BaseException | None = None
    unsure: list[str] = field(default_factory=list)
    untouched: list[str] = field(default_factory=list)


class Door(Protocol):
    """Where batches go out."""

    @property
    def limits(self) -> Limits:
        """When a batch for this door is due."""
        ...

    def address(self, body: bytes) -> Address:
        """Return where a body goes."""
        ...

    def deliver(self, batch: Sequence[Entry]) -> Delivery:
        """Deliver a batch of one destination. Called from several threads.

        Returns once every entry is settled, or with the failure where a part of the batch may be.

        Raises:
            WorkFailedError: it cannot be delivered; nothing of it may be forgotten.
            StoppedError: the job is closing.
        """
        ...


class Outbox:
    """The entries of one lane.

    Args:
        limits: when a batch is due.
        address: tells where a body goes.
        restored: key and body of what an earlier life left, in any order.
    """

    def __init__(
        self, limits: Limits, address: Callable[[bytes], Address], restored: Iterable[tuple[str, bytes]] = ()
    ) -> None:
        self._limits = limits
        self._address = address
        self._waiting = deque(Entry(key, body, address(body), True, 0) for key, body in sorted(restored))
        self._out: list[list[Entry]] = []
        self._busy: set[tuple[str, str]] = set()
        self._waiting_bytes = sum(entry.address.size_bytes for entry in self._waiting)
        self._waiting_body_bytes = sum(len(entry.body) for entry in self._waiting)
        self._next = int(self._waiting[-1].key) + 1 if self._waiting else 0

    def __len__(self) -> int:
        """Return the number of entries that are not settled."""
        return len(self._waiting) + sum(map(len, self._out))

    @property
    def is_full(self) -> bool:
        """Whether the lane takes no more for now."""
        limits = self._limits
        return len(self._waiting) >= limits.max_waiting or self._waiting_body_bytes >= limits.max_waiting_bytes

    def oldest_since_ms(self) -> int | None:
        """Return when the oldest entry came that is not settled, or None of none."""
        since_ms = [batch[0].since_ms for batch in list(self._out)]
        with suppress(IndexError):
            since_ms.append(self._waiting[0].since_ms)
        return min(since_ms, default=None)

    def add(self, body: bytes, now_ms: int) -> Entry:
        """Take a body in."""
        entry = Entry(f"{self._next:016d}", body, self._address(body), False, now_ms)
        self._next += 1
        self._waiting.append(entry)
        self._waiting_bytes += entry.address.size_bytes
        self._waiting_body_bytes += len(body)
        return entry

    def take(self, now_ms: int) -> list[Entry]:
        """Return the next batch if one is due and may go out; it is out then, until it is settled."""
        if not self._waiting or len(self._out) >= self._limits.max_flights or self._is_early(now_ms):
            return []
        batch, is_full = self._next_batch()
        if not batch or (not is_full and self._lingers(batch[0], now_ms)):
            return []
        self._waiting_bytes -= sum(entry.address.size_bytes for entry in batch)
        self._waiting_body_bytes -= sum(len(entry.body) for entry in batch)
        if batch[-1] is self._waiting[len(batch) - 1]:
            for _ in batch:
                self._waiting.popleft()
        else:
            taken = {entry.key for entry in batch}
            self._waiting = deque(entry for entry in self._waiting if entry.key not in taken)
        self._out.append(batch)
        self._busy.update(map(_order_of, batch))
        return batch

    def settle(self, batch: list[Entry]) -> None:
        """Forget a batch that was out."""
        self._out.remove(batch)
        self._busy.difference_update(map(_order_of, batch))

    def _is_early(self, now_ms: int) -> bool:
        """Say, without a look at each entry, that no batch can be due."""
        limits = self._limits
        is_small = len(self._waiting) < limits.max_entries and self._waiting_bytes <= limits.max_bytes
        return is_small and self._lingers(self._waiting[0], now_ms)

    def _lingers(self, entry: Entry, now_ms: int) -> bool:
        # A clock that was set back gives a negative wait, which must not hold the batch; nor may it hold up the job.
        return not self.is_full and 0 <= now_ms - entry.since_ms < self._limits.linger_ms

    def _next_batch(self) -> tuple[list[Entry], bool]:
        """Return what can go out first, and whether nothing more can be in its batch."""
        limits = self._limits
        batch: list[Entry] = []
        orders: set[tuple[str, str]] = set()
        total_bytes = 0
        for entry in self._waiting:
            address, order = entry.address, _order_of(entry)
            if order in self._busy or (address.is_alone and order in orders):
                continue
            if batch and address.destination != batch[0].address.destination:
                continue
            total_bytes += address.size_bytes
            # One that no batch holds goes alone, for its door to reject. None is passed over to fill a gap: that could
            # turn an order round.
            if batch and total_bytes > limits.max_bytes:
                return batch, True
            batch.append(entry)
            orders.add(order)
            if len(batch) == limits.max_entries:
                return batch, True
        return batch, False


def _order_of(entry: Entry) -> tuple[str, str]:
    return entry.address.destination, entry.address.order_key
