"""What the alert job's long runs put into the stream: events at a steady pace, broken bytes among them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Event, Thread
from typing import Any

from infra.local.description import DESCRIPTION
from schemas.errors import WorkFailedError
from schemas.kpl import Aggregator


class Traffic:
    """Events at a steady pace, ten to a record; `sold` holds the ids of the purchases that must be alerted.

    Args:
        kinesis: a client, for its own use.
        events: how many.
        per_s: how many a second.
        purchases: the share of purchases.
        broken: the share of records that are no events: broken frames, and bytes of no meaning around the word.
    """

    def __init__(self, kinesis: Any, events: int, per_s: float, purchases: float, broken: float = 0.0) -> None:
        self._kinesis = kinesis
        self._events = events
        self._per_s = per_s
        self._purchases = purchases
        self._broken = broken
        self._random = Random(11)
        self._thread = Thread(target=self._run, daemon=True)
        self._closing = Event()
        self._failure: BaseException | None = None
        self.sent = 0
        self.broken_records = 0
        self.sold: set[str] = set()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send in the background."""
        self._thread.start()
        try:
            yield
        finally:
            self._closing.set()
            self._thread.join(30)

    def wait(self) -> None:
        """Wait until all is sent.

        Raises:
            WorkFailedError: it could not be.
        """
        self._thread.join()
        if self._failure is not None:
            raise WorkFailedError(f"the traffic broke off: {self._failure}")

    def put(self, events: list[bytes]) -> None:
        """Put events as one aggregated record each ten, and each oversized one plain."""
        aggregator = Aggregator(1_000_000)
        for event in events:
            key = f"user-{self._random.randrange(500)}"
            if not aggregator.add(key, event):
                self._put(key, event)
        if len(aggregator):
            self._put(aggregator.partition_key, aggregator.drain())

    def odd_events(self) -> list[bytes]:
        """Return what is rare: a purchase without an amount, one of a week ago, a signup, a record near 1 MiB."""
        old = datetime.now(UTC) - timedelta(days=7)
        self.broken_records += 1  # an event of that size is none
        return [
            self._event("purchase", metadata={}),
            self._event("purchase", is_sold=False, event_timestamp=old.isoformat()),
            self._event("signup"),
            self._event("purchase", is_sold=False, page_url="x" * 1_040_000),
        ]

    def _run(self) -> None:
        try:
            begun_s = time.monotonic()
            while self.sent < self._events and not self._closing.is_set():
                self.put(
                    [
                        self._event("purchase" if self._random.random() < self._purchases else "page_view")
                        for _ in range(10)
                    ]
                )
                if self._random.random() < self._broken:
                    self._put_broken()
                self._closing.wait(max(0.0, begun_s + self.sent / self._per_s - time.monotonic()))
        except Exception as error:  # not swallowed: `wait` raises it
            self._failure = error

    def _put_broken(self) -> None:
        aggregator = Aggregator(50_000)
        aggregator.add("user", self._event("page_view"))
        frame = aggregator.drain()
        damaged = self._random.choice([frame[:-1] + bytes([frame[-1] ^ 1]), frame[: len(frame) // 2], b'{"purchase'])
        self._put("user", damaged)
        self.broken_records += 1

    def _event(self, event_type: str, *, is_sold: bool | None = None, **fields: Any) -> bytes:
        self.sent += 1
        event_id = f"e{self.sent}"
        if event_type == "purchase" and is_sold is not False:
            self.sold.add(event_id)
        known = {
            "event_id": event_id,
            "user_id": f"user-{self._random.randrange(500)}",
            "session_id": "s",
            "event_type": event_type,
            "event_timestamp": datetime.now(UTC).isoformat(),
            "metadata": {"order_id": f"o{self.sent}", "amount_minor": "1234", "currency": "EUR", "country": "DE"},
        }
        return json.dumps(known | fields).encode()

    def _put(self, key: str, data: bytes) -> None:
        # A reshard refuses a put for a moment; the traffic must not end for it.
        for pause_s in (0.1, 0.5, 2.0):
            try:
                self._kinesis.put_record(StreamName=DESCRIPTION.stream, PartitionKey=key, Data=data)
                return
            except self._kinesis.exceptions.ClientError:
                time.sleep(pause_s)
        self._kinesis.put_record(StreamName=DESCRIPTION.stream, PartitionKey=key, Data=data)
