from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from threading import Lock

import pytest

from stream_jobs.outbox import Address, Delivery, Entry, Limits
from stream_jobs.patience import StoppedError
from stream_jobs.sending import send


class Door:
    """Takes batches of two; a body is its order key and its number, like `a1`. Fails for the bodies that it is told.

    An upper-case order key goes to a destination of its own.
    """

    limits = Limits(max_entries=2, max_bytes=100, linger_ms=10_000, max_waiting=1)

    def __init__(self, *refused: bytes) -> None:
        self._refused = refused
        self._lock = Lock()
        self.taken: list[bytes] = []

    def address(self, body: bytes) -> Address:
        order_key = body[:1].decode()
        return Address("elsewhere" if order_key.isupper() else "", order_key, len(body))

    def deliver(self, batch: Sequence[Entry]) -> Delivery:
        bodies = [entry.body for entry in batch]
        if set(bodies) & set(self._refused):
            raise StoppedError("no")
        with self._lock:
            self.taken += bodies
        return Delivery(receipts=bodies, counts={"published": len(bodies)})


@pytest.fixture
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def test_everything_is_settled_and_each_order_kept(threads: Executor) -> None:
    door = Door()
    bodies = [f"{order}{number}".encode() for number in range(10) for order in "abc"]
    sent = send(door, bodies, threads, max_flights=4)
    assert sent.failure is None
    assert sent.settled == set(range(30))
    assert sorted(sent.receipts) == sorted(bodies)
    assert sent.counts == {"published": 30}
    for order in b"abc":
        assert [body for body in door.taken if body[0] == order] == [body for body in bodies if body[0] == order]


def test_after_a_failure_nothing_more_goes_out_and_the_rest_is_told_apart(threads: Executor) -> None:
    door = Door(b"a2")
    sent = send(door, [b"a0", b"a1", b"a2", b"a3", b"a4"], threads, max_flights=4)
    assert isinstance(sent.failure, StoppedError)
    assert (sent.settled, sent.unsure) == ({0, 1}, {2, 3})
    assert door.taken == [b"a0", b"a1"]


def test_a_destination_that_fails_holds_up_no_other(threads: Executor) -> None:
    door = Door(b"a0")
    bodies = [f"{order}{number}".encode() for number in range(6) for order in "aB"]
    sent = send(door, bodies, threads, max_flights=1)
    assert isinstance(sent.failure, StoppedError)
    assert {bodies[position] for position in sent.settled} == {body for body in bodies if body[:1] == b"B"}
    assert {bodies[position] for position in sent.unsure} == {b"a0", b"a1"}


def test_nothing_to_send_is_sent_at_once(threads: Executor) -> None:
    sent = send(Door(), [], threads, max_flights=1)
    assert (sent.settled, sent.failure) == (set(), None)
