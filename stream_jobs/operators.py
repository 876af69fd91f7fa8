"""The job's operators: thin adapters between Flink and the pure logic.

They move values, keep state and count. What a record means, when a batch is due and what an answer says is decided
elsewhere.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import msgspec
from pyflink.common import Time, Types
from pyflink.datastream import KeyedProcessFunction, OutputTag, ProcessFunction
from pyflink.datastream.state import MapStateDescriptor, StateTtlConfig

from schemas.alert import alert_of, encode_alert
from schemas.dead_letter import encode_dead_letter
from stream_jobs.clock import now_us
from stream_jobs.decoding import decode_record, state_key
from stream_jobs.outbox import Delivery, Door, Outbox

BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())
PURCHASE_TYPE = Types.TUPLE([Types.STRING(), Types.STRING(), BYTES])
DEAD_LETTERS = OutputTag("dead-letters", BYTES)
# What two clocks of one deployment may differ by.
_CLOCK_MARGIN_US = 2_000_000


class Counters:
    """Flink counters, made when first used."""

    def __init__(self, metrics: Any) -> None:
        self._metrics = metrics
        self._counters: dict[str, Any] = {}

    def add(self, name: str, count: int = 1) -> None:
        """Add to a counter."""
        if name not in self._counters:
            self._counters[name] = self._metrics.counter(name)
        self._counters[name].inc(count)


class Decode(ProcessFunction):  # type: ignore[misc]
    """Records to purchases as (user key, event key, alert), dead letters aside.

    A purchase that arrived before this attempt began may have been published by an earlier one; its alert says so.

    Args:
        repeats_before_us: until when an earlier life may have published what arrived; 0 where there was none.
    """

    def __init__(self, repeats_before_us: int) -> None:
        self._repeats_before_us = repeats_before_us

    def open(self, runtime_context: Any) -> None:
        """Called once for each attempt."""
        self._counters = Counters(runtime_context.get_metrics_group())
        # The Python context's own accessor does not work in thread mode; Java's does.
        if runtime_context._runtime_context.getTaskInfo().getAttemptNumber() > 0:
            self._repeats_before_us = now_us() + _CLOCK_MARGIN_US
        elif self._repeats_before_us:
            self._repeats_before_us += _CLOCK_MARGIN_US

    def process_element(self, value: tuple[bytes, int, str, str], ctx: Any) -> Iterator[Any]:
        """Decode one record."""
        data, arrival_us, *_ = value
        decoded = decode_record(data, arrival_us)
        self._counters.add("records")
        self._counters.add("events", decoded.events)
        for event in decoded.purchases:
            alert = alert_of(event, arrival_us)
            if arrival_us < self._repeats_before_us:
                alert = msgspec.structs.replace(alert, maybe_repeat=True)
            self._counters.add("purchases")
            yield state_key(event.user_id), state_key(event.event_id), encode_alert(alert)
        for letter in decoded.dead_letters:
            self._counters.add(f"dead_letters_{letter.reason}")
            yield DEAD_LETTERS, encode_dead_letter(letter)


class Dedupe(KeyedProcessFunction):  # type: ignore[misc]
    """Drops a user's purchase whose event id was seen within the time to live; keeps the user's order.

    Args:
        hours: the time to live of an id, from when it was first seen.
    """

    def __init__(self, hours: int) -> None:
        self._hours = hours

    def open(self, runtime_context: Any) -> None:
        """Called once for each attempt."""
        descriptor = MapStateDescriptor("seen", Types.STRING(), Types.BOOLEAN())
        # Not a Duration: PyFlink 2.2 takes it and fails at run time. No explicit RocksDB clean-up: see FLINK-40628.
        descriptor.enable_time_to_live(StateTtlConfig.new_builder(Time.hours(self._hours)).build())
        self._seen = runtime_context.get_map_state(descriptor)
        self._counters = Counters(runtime_context.get_metrics_group())

    def process_element(self, value: tuple[str, str, bytes], ctx: Any) -> Iterator[Any]:
        """Pass a purchase on as (user key, event key, alert) if it is new."""
        if self._seen.contains(value[1]):
            self._counters.add("duplicates")
        else:
            self._seen.put(value[1], True)
            yield value


@dataclass(slots=True)
class _Lane:
    outbox: Outbox
    sending: Future[Delivery] | None = None
    timer_ms: int = 0


class Deliver(KeyedProcessFunction):  # type: ignore[misc]
    """Brings bodies through a door, one lane for each key.

    A body is in state before a thread gets it, and leaves on the task thread after its delivery, in the same step in
    which its receipt goes on: no crash loses one. What an earlier attempt left is delivered again.

    Args:
        open_door: makes the door; gets what pauses a thread and says whether the job is closing.
        body_of: takes the body out of an element.
        tick_ms: how often to look whether a delivery is through.
        lanes: how many keys there are at most.
    """

    def __init__(
        self,
        open_door: Callable[[Callable[[float], bool]], Door],
        body_of: Callable[[Any], bytes],
        tick_ms: int,
        lanes: int = 1,
    ) -> None:
        self._open_door = open_door
        self._body_of = body_of
        self._tick_ms = tick_ms
        self._max_lanes = lanes

    def open(self, runtime_context: Any) -> None:
        """Called once for each attempt; lanes are restored when their key first comes up."""
        self._stop = threading.Event()
        self._door = self._open_door(self._stop.wait)
        # Not BYTES: thread mode makes an array of objects of that in state, which fails at the first checkpoint.
        descriptor = MapStateDescriptor("entries", Types.STRING(), Types.PICKLED_BYTE_ARRAY())
        self._entries = runtime_context.get_map_state(descriptor)
        self._threads = ThreadPoolExecutor(self._max_lanes, "deliver")
        self._lanes: dict[Any, _Lane] = {}
        metrics = runtime_context.get_metrics_group()
        self._counters = Counters(metrics)
        metrics.gauge("unsettled", lambda: sum(len(lane.outbox) for lane in list(self._lanes.values())))

    def process_element(self, value: Any, ctx: Any) -> Iterator[Any]:
        """Take an element in; waits while the lane is full, which holds back the job."""
        lane = self._lane(ctx)
        entry = lane.outbox.add(self._body_of(value), ctx.timer_service().current_processing_time())
        self._entries.put(entry.key, entry.body)
        yield from self._advance(lane, ctx)
        while lane.outbox.is_full and lane.sending is not None:
            wait([lane.sending], timeout=self._tick_ms / 1000)
            yield from self._advance(lane, ctx)

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[Any]:
        """Settle what is through and hand out what is due."""
        lane = self._lane(ctx)
        lane.timer_ms = 0  # it has fired, whatever a clock that was set back says
        yield from self._advance(lane, ctx)

    def close(self) -> None:
        """Called when the attempt ends; what is under way is delivered again by the next."""
        self._stop.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _lane(self, ctx: Any) -> _Lane:
        key = ctx.get_current_key()
        lane = self._lanes.get(key)
        if lane is None:
            lane = _Lane(Outbox(self._door.limits, self._door.size_bytes, self._entries.items()))
            self._lanes[key] = lane
        return lane

    def _advance(self, lane: _Lane, ctx: Any) -> Iterator[Any]:
        timers = ctx.timer_service()
        now_ms = timers.current_processing_time()
        if lane.sending is not None and lane.sending.done():
            delivery = lane.sending.result()
            lane.sending = None
            for entry in lane.outbox.settle():
                self._entries.remove(entry.key)
            for name, count in delivery.counts.items():
                self._counters.add(name, count)
            yield from delivery.receipts
            for letter in delivery.dead_letters:
                yield DEAD_LETTERS, letter
        if batch := lane.outbox.take(now_ms):
            lane.sending = self._threads.submit(self._door.deliver, batch)
        if len(lane.outbox) and lane.timer_ms <= now_ms:
            lane.timer_ms = now_ms + self._tick_ms
            timers.register_processing_time_timer(lane.timer_ms)
