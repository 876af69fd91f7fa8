"""The delivering operator by hand: state, timers and the door of the test's own, no Flink."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from schemas.errors import WorkFailedError
from stream_jobs import metrics
from stream_jobs.delivering import Deliver
from stream_jobs.operators import DEAD_LETTERS
from stream_jobs.outbox import Address, Delivery, Entry, Limits
from stream_jobs.patience import Witness


class MapState(dict[str, bytes]):
    put = dict.__setitem__

    def remove(self, key: str) -> None:
        del self[key]


@dataclass
class Counter:
    counts: dict[str, int]
    name: str

    def inc(self, count: int) -> None:
        self.counts[self.name] += count


class Flink:
    """What the operator sees of Flink, for one key; state outlives an attempt, as a checkpoint's does.

    Its clock is the operator's too.
    """

    def __init__(self) -> None:
        self.state = MapState()
        self.timers: set[int] = set()
        self.counts: dict[str, int] = defaultdict(int)
        self.now_ms = 1000

    def get_map_state(self, _: Any) -> MapState:
        return self.state

    def get_metrics_group(self) -> Flink:
        return self

    def add_group(self, _: str) -> Flink:
        return self

    def counter(self, name: str) -> Counter:
        return Counter(self.counts, name)

    def timer_service(self) -> Flink:
        return self

    def current_processing_time(self) -> int:
        return self.now_ms

    def register_processing_time_timer(self, at_ms: int) -> None:
        self.timers.add(at_ms)

    def get_current_key(self) -> int:
        return 0

    def fire(self, operator: Deliver) -> list[Any]:
        """Fire every timer that is set, once, and return what came out."""
        due, self.timers = sorted(self.timers), set()
        return [out for at_ms in due for out in operator.on_timer(at_ms, self)]


class Door:
    witness: Witness
    limits = Limits(max_entries=2, max_bytes=1000, linger_ms=10, max_waiting=3)

    def __init__(self) -> None:
        self.delivered: list[Entry] = []
        self.is_open = threading.Event()
        self.is_open.set()
        self.failure: Exception | None = None

    def address(self, body: bytes) -> Address:
        return Address(size_bytes=len(body))

    def deliver(self, batch: Sequence[Entry]) -> Delivery:
        assert self.is_open.wait(10)
        if self.failure:
            raise self.failure
        self.delivered += batch
        refused = [entry.body for entry in batch if entry.body == b"refused"]
        receipts = [entry.body for entry in batch if entry.body != b"refused"]
        return Delivery(receipts, refused, {"dead_letters_publish_rejected": len(refused)})


class Log:
    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def tell(self, message: str, **fields: Any) -> None:
        self.lines.append((message, fields))


@pytest.fixture
def log() -> Log:
    """What the operators say."""
    return Log()


@pytest.fixture
def attempt(log: Log) -> Iterator[Callable[[Flink, Door], Deliver]]:
    opened: list[Deliver] = []

    def begin(flink: Flink, door: Door) -> Deliver:
        def open_door(_: object, witness: Witness) -> Door:
            door.witness = witness
            return door

        operator = Deliver(
            open_door, lambda _: 0, lambda body: body, 5, open_log=lambda _: log, clock_ms=lambda: flink.now_ms
        )
        operator.open(flink)
        opened.append(operator)
        return operator

    yield begin
    for operator in opened:
        operator.close()


def settle(operator: Deliver) -> None:
    """Wait until the operator was told of every delivery under way."""
    for flight in [flight for lane in operator._lanes.values() for flight in lane.flights]:
        told = threading.Event()
        flight.add_done_callback(lambda _, told=told: told.set())  # type: ignore[misc]
        assert told.wait(10)


def test_an_entry_is_in_state_until_its_receipt_goes_on(attempt: Callable[[Flink, Door], Deliver]) -> None:
    flink, door = Flink(), Door()
    operator = attempt(flink, door)
    assert [*operator.process_element(b"one", flink), *operator.process_element(b"two", flink)] == []
    settle(operator)
    assert len(door.delivered) == 2
    assert sorted(flink.state.values()) == [b"one", b"two"]
    assert flink.fire(operator) == [b"one\ntwo"]
    assert flink.state == {}
    assert flink.timers == set()


def test_what_an_attempt_left_is_delivered_by_the_next_as_restored(attempt: Callable[[Flink, Door], Deliver]) -> None:
    flink, closed, door = Flink(), Door(), Door()
    closed.is_open.clear()
    list(attempt(flink, closed).process_element(b"one", flink))
    operator = attempt(flink, door)
    flink.fire(operator)
    settle(operator)
    assert flink.fire(operator) == [b"one"]
    assert [entry.restored for entry in door.delivered] == [True]
    closed.is_open.set()


def test_an_empty_body_has_a_lane_go_on_whose_timers_wait_for_a_clock_that_was_set_back(
    attempt: Callable[[Flink, Door], Deliver],
) -> None:
    flink, closed, door = Flink(), Door(), Door()
    closed.is_open.clear()
    list(attempt(flink, closed).process_element(b"one", flink))
    flink.timers.clear()
    operator = attempt(flink, door)
    assert list(operator.process_element(b"", flink)) == [b""], "what comes behind goes on as well"
    settle(operator)
    assert flink.fire(operator) == [b"one"]
    assert (flink.state, [entry.body for entry in door.delivered]) == ({}, [b"one"])
    closed.is_open.set()


def test_a_clock_that_is_set_back_holds_nothing(attempt: Callable[[Flink, Door], Deliver]) -> None:
    flink, door = Flink(), Door()
    operator = attempt(flink, door)
    list(operator.process_element(b"one", flink))
    flink.now_ms -= 600
    flink.fire(operator)
    settle(operator)
    assert flink.timers
    assert flink.fire(operator) == [b"one"]


def test_a_full_lane_takes_no_more_until_the_door_opens(attempt: Callable[[Flink, Door], Deliver]) -> None:
    flink, door = Flink(), Door()
    door.is_open.clear()
    operator = attempt(flink, door)
    for body in (b"1", b"2", b"3", b"4"):
        list(operator.process_element(body, flink))
    threading.Timer(0.1, door.is_open.set).start()
    assert list(operator.process_element(b"5", flink)) == [b"1\n2"]
    assert sorted(flink.state.values()) == [b"3", b"4", b"5"]


def test_a_refused_entry_becomes_a_dead_letter_and_leaves(attempt: Callable[[Flink, Door], Deliver], log: Log) -> None:
    flink, door = Flink(), Door()
    operator = attempt(flink, door)
    list(operator.process_element(b"refused", flink))
    list(operator.process_element(b"fine", flink))
    settle(operator)
    assert flink.fire(operator) == [b"fine", (DEAD_LETTERS, b"refused")]
    assert flink.state == {}
    assert log.lines == [("batch with dead letters", {"entries": 2, "dead_letters_publish_rejected": 1})]


def test_an_outage_is_seen_while_it_lasts(
    attempt: Callable[[Flink, Door], Deliver], monkeypatch: pytest.MonkeyPatch
) -> None:
    flink, door = Flink(), Door()
    door.is_open.clear()
    operator = attempt(flink, door)
    monkeypatch.setattr(metrics, "_LEVELS_INTERVAL_S", 0)
    list(operator.process_element(b"one", flink))
    flink.now_ms += 20
    flink.fire(operator)
    door.witness.failing("a batch", "publish: Throttling", time.monotonic() - 30)
    door.witness.sent_again(3)
    flink.now_ms += 30_000
    flink.fire(operator)
    assert flink.counts["unsettled"] == 1
    assert flink.counts["oldest_unsettled_ms"] == 30_020
    assert flink.counts["failing_for_ms"] >= 30_000
    assert flink.counts["retries"] == 3

    door.is_open.set()
    door.witness.over("a batch")
    settle(operator)
    flink.fire(operator)
    levels = ("unsettled", "oldest_unsettled_ms", "failing_for_ms")
    assert [flink.counts[name] for name in levels] == [0, 0, 0]


def test_what_an_attempt_left_waits_from_the_beginning_of_the_next(
    attempt: Callable[[Flink, Door], Deliver], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "_LEVELS_INTERVAL_S", 0)
    flink, door = Flink(), Door()
    door.is_open.clear()
    list(attempt(flink, door).process_element(b"one", flink))
    flink.now_ms += 5_000
    operator = attempt(flink, door)
    flink.fire(operator)
    flink.now_ms += 7_000
    flink.fire(operator)
    assert flink.counts["oldest_unsettled_ms"] == 7_000
    door.is_open.set()


def test_a_delivery_that_fails_fails_the_attempt_and_forgets_nothing(attempt: Callable[[Flink, Door], Deliver]) -> None:
    flink, door = Flink(), Door()
    door.failure = WorkFailedError("gave up")
    operator = attempt(flink, door)
    list(operator.process_element(b"one", flink))
    list(operator.process_element(b"two", flink))
    settle(operator)
    with pytest.raises(WorkFailedError, match="gave up"):
        flink.fire(operator)
    assert sorted(flink.state.values()) == [b"one", b"two"]


def test_a_timer_of_an_earlier_attempt_does_not_make_a_second_row_of_timers(
    attempt: Callable[[Flink, Door], Deliver],
) -> None:
    flink, door = Flink(), Door()
    door.is_open.clear()
    operator = attempt(flink, door)
    list(operator.process_element(b"one", flink))
    [own] = flink.timers
    list(operator.on_timer(own - 3, flink))
    assert flink.timers == {own}
    door.is_open.set()
