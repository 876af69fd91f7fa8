"""The operator that brings bodies through a door: a thin adapter between Flink, the outbox and the threads."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from pyflink.common import Types
from pyflink.datastream import KeyedProcessFunction
from pyflink.datastream.state import MapStateDescriptor

from stream_jobs.clock import now_ms
from stream_jobs.job_log import OpenLog
from stream_jobs.metrics import Metrics
from stream_jobs.one_processor import share_one_processor
from stream_jobs.operators import DEAD_LETTERS
from stream_jobs.outbox import Delivery, Door, Entry, Outbox
from stream_jobs.patience import Witness
from stream_jobs.troubles import Troubles, TroubleTeller


@dataclass(slots=True)
class _Lane:
    outbox: Outbox
    flights: dict[Future[Delivery], list[Entry]] = field(default_factory=dict)
    # Filled by the threads.
    landed: deque[Future[Delivery]] = field(default_factory=deque)
    timer_ms: int = 0


class Deliver(KeyedProcessFunction):  # type: ignore[misc]
    """Brings bodies through a door, one lane for each key.

    A body is in state before a thread gets it, and leaves on the task thread after its delivery, in the same step in
    which its receipt goes on: no crash loses one. What an earlier attempt left is delivered again. Its timers may lie
    ahead of a clock that was set back since, so an empty body, at the beginning of an attempt, has its lane go on.

    Args:
        open_door: makes the door; gets what pauses a thread and says whether the job is closing, and who is told what
            fails meanwhile.
        lane_of: the key of an element; the stream has to be keyed by it.
        body_of: takes the body out of an element.
        tick_ms: how often to look whether a delivery is through.
        open_log: opens the operator's log.
        clock_ms: for how long a body has waited.
    """

    def __init__(
        self,
        open_door: Callable[[Callable[[float], bool], Witness], Door],
        lane_of: Callable[[Any], int],
        body_of: Callable[[Any], bytes],
        tick_ms: int,
        open_log: OpenLog,
        clock_ms: Callable[[], int] = now_ms,
    ) -> None:
        self._open_door = open_door
        self._lane_of = lane_of
        self._body_of = body_of
        self._tick_ms = tick_ms
        self._open_log = open_log
        self._clock_ms = clock_ms

    def open(self, runtime_context: Any) -> None:
        """Called once for each attempt; lanes are restored when their key first comes up."""
        share_one_processor()
        self._stop = threading.Event()
        troubles = Troubles(time.monotonic)
        self._door = self._open_door(self._stop.wait, troubles)
        # Not BYTES: thread mode makes an array of objects of that in state, which fails at the first checkpoint.
        descriptor = MapStateDescriptor("entries", Types.STRING(), Types.PICKLED_BYTE_ARRAY())
        self._entries = runtime_context.get_map_state(descriptor)
        self._threads = ThreadPoolExecutor(self._door.limits.max_flights, "deliver")
        self._lanes: dict[int, _Lane] = {}
        self._metrics = Metrics(runtime_context.get_metrics_group())
        self._log = self._open_log("deliver")
        self._teller = TroubleTeller(troubles, self._metrics, self._log)
        self._opened_ms = self._clock_ms()
        self._metrics.level("unsettled", self._unsettled)
        self._metrics.level("oldest_unsettled_ms", self._oldest_unsettled_ms)

    def process_element(self, value: Any, ctx: Any) -> Iterator[Any]:
        """Take an element in; waits while the lane is full, which holds back the job."""
        # Each call into the JVM hands the interpreter lock over, so what Python knows itself is not asked of Flink.
        lane = self._lane(self._lane_of(value))
        if body := self._body_of(value):
            entry = lane.outbox.add(body, self._clock_ms())
            self._entries.put(entry.key, entry.body)
        else:
            yield b""
        yield from self._advance(lane, ctx)
        while lane.outbox.is_full and lane.flights:
            wait(lane.flights, timeout=self._tick_ms / 1000, return_when=FIRST_COMPLETED)
            yield from self._advance(lane, ctx)

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[Any]:
        """Settle what is through and hand out what is due."""
        lane = self._lane(ctx.get_current_key())
        if timestamp == lane.timer_ms:  # else one of an earlier attempt
            lane.timer_ms = 0
        yield from self._advance(lane, ctx)

    def close(self) -> None:
        """Called when the attempt ends; what is under way is delivered again by the next."""
        self._stop.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _lane(self, key: int) -> _Lane:
        lane = self._lanes.get(key)
        if lane is None:
            lane = _Lane(Outbox(self._door.limits, self._door.address, self._entries.items()))
            self._lanes[key] = lane
        return lane

    def _unsettled(self) -> int:
        return sum(len(lane.outbox) for lane in self._lanes.values())

    def _oldest_unsettled_ms(self) -> int:
        """Return for how long the oldest body has waited, of what an earlier attempt left since this one began."""
        since_ms = [lane.outbox.oldest_since_ms() for lane in self._lanes.values()]
        waits_ms = [self._clock_ms() - max(at_ms, self._opened_ms) for at_ms in since_ms if at_ms is not None]
        return max(waits_ms, default=0)

    def _advance(self, lane: _Lane, ctx: Any) -> Iterator[Any]:
        self._teller.look()
        while lane.landed:
            yield from self._settle(lane, lane.landed.popleft())
        while batch := lane.outbox.take(self._clock_ms()):
            flight = self._threads.submit(self._door.deliver, batch)
            lane.flights[flight] = batch
            flight.add_done_callback(lane.landed.append)
        if len(lane.outbox) and not lane.timer_ms:
            timers = ctx.timer_service()
            lane.timer_ms = timers.current_processing_time() + self._tick_ms
            timers.register_processing_time_timer(lane.timer_ms)
        self._metrics.tell_levels(at_rest=not self._unsettled())

    def _settle(self, lane: _Lane, flight: Future[Delivery]) -> Iterator[Any]:
        delivery = flight.result()
        if delivery.failure is not None:
            raise delivery.failure
        batch = lane.flights.pop(flight)
        lane.outbox.settle(batch)
        for entry in batch:
            self._entries.remove(entry.key)
        self._count(len(batch), delivery)
        if delivery.receipts:
            yield b"\n".join(delivery.receipts)
        for letter in delivery.dead_letters:
            yield DEAD_LETTERS, letter

    def _count(self, batch_size: int, delivery: Delivery) -> None:
        for name, count in delivery.counts.items():
            self._metrics.add(name, count)
        if delivery.dead_letters:
            self._log.tell("batch with dead letters", entries=batch_size, **delivery.counts)
        if delivery.latencies_ms:
            self._metrics.observe("batch_size", batch_size)
            # One value a batch: each is a call into the JVM, which hands the interpreter lock over.
            self._metrics.observe("slowest_alert_ms", max(delivery.latencies_ms))
            self._metrics.observe_quantiles("latency_ms", delivery.latencies_ms)
