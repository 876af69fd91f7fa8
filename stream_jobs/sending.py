"""Brings a number of bodies through a door at once, several batches at a time, and says what became of each.

Decides only what goes out when; what a batch is, and what an answer means, is decided by the outbox and by the door.
After a failure nothing more goes to that destination; what is out is waited for, what is for others goes on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field, replace

from stream_jobs.outbox import Delivery, Door, Entry, Outbox

# An instant at which every batch is due.
_WHENEVER_MS = 1 << 62


@dataclass(slots=True)
class Sent:
    """What became of some bodies, each known by its position.

    Attributes:
        settled: delivered, or rejected for good.
        unsure: in a batch that failed, and may have been delivered.
        failure: why not everything is settled; the first where there are several.
        receipts: of what was delivered.
        dead_letters: of what was rejected.
        counts: by name.
    """

    settled: set[int] = field(default_factory=set)
    unsure: set[int] = field(default_factory=set)
    failure: BaseException | None = None
    receipts: list[bytes] = field(default_factory=list)
    dead_letters: list[bytes] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def send(door: Door, bodies: Sequence[bytes], threads: Executor, max_flights: int) -> Sent:
    """Deliver bodies, those for one destination until a batch fails there.

    Args:
        door: where to.
        bodies: in their order.
        threads: deliver the batches.
        max_flights: how many batches are out at a time.
    """
    outbox = Outbox(replace(door.limits, max_flights=max_flights), door.address)
    positions = {outbox.add(body, 0).key: position for position, body in enumerate(bodies)}
    flights: dict[Future[Delivery], list[Entry]] = {}
    failed_destinations: set[str] = set()
    sent = Sent()
    while True:
        while batch := outbox.take(_WHENEVER_MS):
            if batch[0].address.destination in failed_destinations:
                outbox.settle(batch)
            else:
                flights[threads.submit(door.deliver, batch)] = batch
        if not flights:
            return sent
        for landed in wait(flights, return_when=FIRST_COMPLETED).done:
            batch = flights.pop(landed)
            outbox.settle(batch)
            failure = landed.exception()
            if failure is None:
                delivery = landed.result()
            else:
                delivery = Delivery(failure=failure, unsure=[entry.key for entry in batch])
            if delivery.failure is not None:
                failed_destinations.add(batch[0].address.destination)
            _take_in(batch, delivery, positions, sent)


def _take_in(batch: Sequence[Entry], delivery: Delivery, positions: Mapping[str, int], sent: Sent) -> None:
    sent.failure = sent.failure or delivery.failure
    sent.unsure |= {positions[key] for key in delivery.unsure}
    open_keys = {*delivery.unsure, *delivery.untouched}
    sent.settled |= {positions[entry.key] for entry in batch if entry.key not in open_keys}
    sent.receipts += delivery.receipts
    sent.dead_letters += delivery.dead_letters
    sent.counts.update(delivery.counts)
