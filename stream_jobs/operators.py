"""The job's operators: thin adapters between Flink and the pure logic.

They move values, keep state and count. What a record means, when a batch is due and what an answer says is decided
elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from pyflink.common import Time, Types
from pyflink.datastream import KeyedProcessFunction, OutputTag, ProcessFunction
from pyflink.datastream.state import MapStateDescriptor, StateTtlConfig

from schemas.alert import alert_of, encode_alert
from schemas.dead_letter import encode_dead_letter
from schemas.event import PURCHASE
from stream_jobs.decoding import Decoded, Decoder, state_key
from stream_jobs.job_log import OpenLog
from stream_jobs.metrics import Metrics
from stream_jobs.one_processor import share_one_processor
from stream_jobs.record_type import BYTES
from stream_jobs.rules import Rules

# User key, event key, one alert body a line: the event's alerts by every rule that it meets.
EVENT_TYPE = Types.TUPLE([Types.STRING(), Types.STRING(), BYTES])
# User key, alert body.
ALERT_TYPE = Types.TUPLE([Types.STRING(), BYTES])
DEAD_LETTERS = OutputTag("dead-letters", BYTES)
# For a beginning, empty bodies go all the way of an alert: so many user keys, one for each publishing lane at least.
_SIGNS = 64


class Decode(ProcessFunction):  # type: ignore[misc]
    """Records to events to alert, as (user key, event key, alert bodies), dead letters aside.

    What was in the stream before this attempt began may have been published by an earlier one; its alerts say so.

    Args:
        rules: what is alerted.
        max_age_us: how long before its arrival an alerted event may have happened; None for no limit.
        follows_unclean: an earlier life may have published what was in the stream before this one began.
        open_log: opens the operator's log.
    """

    def __init__(self, rules: Rules, max_age_us: int | None, follows_unclean: bool, open_log: OpenLog) -> None:
        self._rules = rules
        self._max_age_us = max_age_us
        self._follows_unclean = follows_unclean
        self._open_log = open_log

    def open(self, runtime_context: Any) -> None:
        """Called once for each attempt."""
        share_one_processor()
        self._decoder = Decoder(self._rules, self._max_age_us)
        self._metrics = Metrics(runtime_context.get_metrics_group())
        self._log = self._open_log("decode")
        # The Python context's own accessor does not work in thread mode; Java's does.
        attempt = runtime_context._runtime_context.getTaskInfo().getAttemptNumber()
        self._may_repeat = attempt > 0 or self._follows_unclean

    def process_element(self, value: tuple[bytes, int, str, str, bool], ctx: Any) -> Iterator[Any]:
        """Decode one record."""
        data, arrival_us, _, _, is_backlog = value
        if not arrival_us:
            yield DEAD_LETTERS, b""
            yield from ((f"{place:08x}", "", b"") for place in range(_SIGNS))
            return
        decoded = self._decoder.record(data, arrival_us)
        for found in decoded.alerts:
            event = found.event
            alerts = [alert_of(event, arrival_us, rule.name) for rule in found.rules]
            if is_backlog and self._may_repeat:
                alerts = [msgspec.structs.replace(alert, maybe_repeat=True) for alert in alerts]
            bodies = b"\n".join(encode_alert(alert) for alert in alerts)
            yield state_key(event.user_id), state_key(event.event_id), bodies
        for letter in decoded.dead_letters:
            self._metrics.add(f"dead_letters_{letter.reason}", 1)
            self._log.tell("dead letter", reason=letter.reason, stage=letter.stage, payload_bytes=letter.payload_bytes)
            yield DEAD_LETTERS, encode_dead_letter(letter)
        self._count(decoded)

    def _count(self, decoded: Decoded) -> None:
        # Once a record: each count is a call into the JVM.
        count = self._metrics.add
        count("records", 1)
        count("events", decoded.events)
        count("filtered", decoded.filtered)
        count("too_old", decoded.too_old)
        count("purchases", sum(found.event.event_type == PURCHASE for found in decoded.alerts))
        count("alerts", sum(len(found.rules) for found in decoded.alerts))


class Dedupe(KeyedProcessFunction):  # type: ignore[misc]
    """Drops a user's event whose id was seen within the time to live; gives the alerts of the others, in order.

    Args:
        hours: the time to live of an id, from when it was first seen.
    """

    def __init__(self, hours: int) -> None:
        self._hours = hours

    def open(self, runtime_context: Any) -> None:
        """Called once for each attempt."""
        share_one_processor()
        descriptor = MapStateDescriptor("seen", Types.STRING(), Types.BOOLEAN())
        # Not a Duration: PyFlink 2.2 takes it and fails at run time. No explicit RocksDB clean-up: see FLINK-40628.
        # Each access visits two entries and adds one at most, so that the hashmap is cleaned faster than it grows.
        kept = StateTtlConfig.new_builder(Time.hours(self._hours)).cleanup_incrementally(2, False)
        descriptor.enable_time_to_live(kept.build())
        self._seen = runtime_context.get_map_state(descriptor)
        self._metrics = Metrics(runtime_context.get_metrics_group())

    def process_element(self, value: tuple[str, str, bytes], ctx: Any) -> Iterator[tuple[str, bytes]]:
        """Give (user key, alert body) of each alert of an event that is new."""
        user_key, event_key, bodies = value
        if not bodies:
            yield user_key, b""
            return
        if self._seen.contains(event_key):
            self._metrics.add("duplicates", 1)
            return
        self._seen.put(event_key, True)
        for body in bodies.split(b"\n"):
            yield user_key, body
