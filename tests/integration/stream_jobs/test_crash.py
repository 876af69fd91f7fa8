"""The job killed in mid-stream: no purchase lost, and only those repeated that say so."""

from __future__ import annotations

import json
import signal
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any

import pytest

from schemas.kpl import Aggregator
from schemas.receipt import Receipt

pytestmark = pytest.mark.timeout(300)


class Shop(Thread):
    """Sells without a pause until it is told to close: twenty aggregates a second, two purchases in each."""

    def __init__(self, kinesis: Any) -> None:
        super().__init__(daemon=True)
        self._kinesis = kinesis
        self.closing = Event()
        self.sold: list[str] = []

    def run(self) -> None:
        number = 0
        while not self.closing.wait(0.05):
            aggregator = Aggregator(50_000)
            purchases = []
            for kind in ("purchase", "page_view", "purchase"):
                number += 1
                event = {
                    "event_id": f"e{number}",
                    "user_id": f"u{number % 50}",
                    "session_id": "s",
                    "event_type": kind,
                    "event_timestamp": datetime.now(UTC).isoformat(),
                }
                assert aggregator.add(event["user_id"], json.dumps(event).encode())
                purchases += [event["event_id"]] if kind == "purchase" else []
            key = aggregator.partition_key
            self._kinesis.put_record(StreamName="clickstream", PartitionKey=key, Data=aggregator.drain())
            self.sold += purchases


def test_killed_in_mid_stream_and_started_again(
    emulator: Any,
    alert_job: Any,
    subscriber: Any,
    receipts: Callable[[], list[Receipt]],
    wait_until: Callable[[Callable[[], bool], float], None],
) -> None:
    shop = Shop(emulator.client("kinesis"))
    alert_job.start("--checkpoint-seconds", "5")
    shop.start()
    wait_until(lambda: len(subscriber.receive()) > 40, 60)
    known = alert_job.checkpoints()
    wait_until(lambda: bool(alert_job.checkpoints() - known), 60)
    # Well before the next checkpoint, so that what is alerted from here on is alerted again.
    seen_by_then = len(subscriber.receive())
    wait_until(lambda: len(subscriber.receive()) > seen_by_then + 20, 30)

    alert_job.signal_group(signal.SIGKILL)
    alert_job.start("--checkpoint-seconds", "2")
    started = len(shop.sold)
    wait_until(lambda: len(shop.sold) > started + 40, 30)
    shop.closing.set()
    shop.join(10)
    wait_until(lambda: set(subscriber.event_ids()) == set(shop.sold), 60)
    wait_until(lambda: {receipt.event_id for receipt in receipts()} == set(shop.sold), 30)

    flags = defaultdict(list)
    for alert in subscriber.receive():
        flags[alert.event_id].append(alert.maybe_repeat)
    assert all(sum(not flag for flag in of_one) <= 1 for of_one in flags.values()), "a repeat that does not say so"
    assert any(len(of_one) > 1 for of_one in flags.values()), "the kill came too early to make a repeat"
    assert flags[shop.sold[-1]] == [False], "what arrived after the restart is no repeat"
