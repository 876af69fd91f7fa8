"""The whole job: mixed and bad input, a graceful stop in between, and errors before the start."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from schemas.dead_letter import DeadLetter
from schemas.kpl import Aggregator
from stream_jobs.receipts import Receipt

pytestmark = pytest.mark.timeout(300)
OVERSIZED = 300 * 1024


def event(event_id: str, event_type: str = "purchase", **fields: Any) -> bytes:
    known = {
        "event_id": event_id,
        "user_id": f"user-{event_id[-1]}",
        "session_id": "s",
        "event_type": event_type,
        "event_timestamp": "2026-11-24T10:00:00Z",
        "page_url": "https://shop.example/ü🎉",
        "metadata": {"order_id": f"order-{event_id}", "amount_minor": 1234, "currency": "EUR", "country": "DE"},
    }
    return json.dumps(known | fields, ensure_ascii=False).encode()


def aggregate(*events: bytes) -> bytes:
    aggregator = Aggregator(1_000_000)
    for data in events:
        assert aggregator.add("user", data)
    return aggregator.drain()


def test_mixed_input_and_a_stop_in_between(
    emulator: Any,
    alert_job: Any,
    subscriber: Any,
    dead_letters: Callable[[], list[DeadLetter]],
    receipts: Callable[[], list[Receipt]],
    wait_until: Callable[[Callable[[], bool], float], None],
) -> None:
    kinesis = emulator.client("kinesis")

    def put(*records: bytes) -> None:
        for record in records:
            kinesis.put_record(StreamName="clickstream", PartitionKey="user", Data=record)

    broken = aggregate(event("lost"))[:-1] + b"?"
    put(
        aggregate(event("kpl-1"), event("view", "page_view"), event("kpl-2")),
        event("plain-1"),
        event("line-1") + b"\n\n" + event("line-2") + b"\n" + event("line-2"),
        aggregate(event("kpl-1"), event("plain-1")),
        event("escaped").replace(b'"purchase"', b'"\\u0070urchase"'),
        event("no-amount", metadata={}),
        broken,
        event("huge", page_url="x" * OVERSIZED),
    )
    expected = {"kpl-1", "kpl-2", "plain-1", "line-1", "line-2", "escaped", "no-amount"}

    alert_job.start("--checkpoint-seconds", "1")
    wait_until(lambda: set(subscriber.event_ids()) >= expected, 30)
    letters: list[DeadLetter] = []

    def both_letters_came() -> bool:
        letters.extend(dead_letters())
        return len(letters) >= 2

    wait_until(both_letters_came, 20)
    wait_until(lambda: len(receipts()) == len(expected), 20)
    wait_until(lambda: alert_job.counters().get("dead_letters_sent") == 2, 20)
    counters = alert_job.counters()

    # Stopped by a signal to all of its processes, as a shell or a supervisor does.
    assert alert_job.signal_group(signal.SIGTERM) == 0
    put(event("while-away"), event("kpl-2"))
    alert_job.start("--checkpoint-seconds", "1")
    wait_until(lambda: "while-away" in subscriber.event_ids(), 30)
    emulator.inject(
        **{
            "kinesis.GetRecords": {"error": "ProvisionedThroughputExceededException", "times": 3},
            "sns.PublishBatch": {"error": "Throttling", "times": 3},
        }
    )
    put(event("afterwards"))
    wait_until(lambda: "afterwards" in subscriber.event_ids(), 30)
    wait_until(lambda: len(receipts()) == len(expected) + 2, 20)

    alerts = subscriber.receive()
    assert sorted(alert.event_id for alert in alerts) == sorted({*expected, "while-away", "afterwards"})
    assert not any(alert.maybe_repeat for alert in alerts)
    assert {alert.page_url for alert in alerts} == {"https://shop.example/ü🎉"}
    assert {alert.amount_minor for alert in alerts if alert.event_id != "no-amount"} == {1234}

    by_reason = {letter.reason: letter for letter in letters}
    assert by_reason["broken_frame"].payload() == broken
    location = str(by_reason["too_large"].payload_location)
    bucket, _, key = location.removeprefix("s3://").partition("/")
    kept = emulator.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    assert kept == event("huge", page_url="x" * OVERSIZED)

    assert sorted(receipt.event_id for receipt in receipts()) == sorted(alert.event_id for alert in alerts)
    assert (counters["records"], counters["events"], counters["purchases"]) == (8, 12, 10)
    assert (counters["duplicates"], counters["published"]) == (3, 7)
    assert counters["dead_letters"] == {"broken_frame": 1, "too_large": 1}


@pytest.mark.parametrize(
    ("variables", "code", "told"),
    [
        ({"CLICKSTREAM_STREAM": "no-such-stream"}, 2, "stream no-such-stream"),
        ({"CLICKSTREAM_ALERTS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:None"}, 2, "None"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, 1, "clickstream up"),
        ({"CLICKSTREAM_STREAM": ""}, 2, "CLICKSTREAM_STREAM"),
    ],
)
def test_what_is_missing_is_told_before_anything_starts(
    alert_job: Any, variables: dict[str, str], code: int, told: str
) -> None:
    run = subprocess.run(
        [sys.executable, "clickstream.py", "alerts"],
        env=alert_job.environment | variables,
        cwd=alert_job.project,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == code
    assert told in run.stderr
    assert not alert_job.folder.exists()
