"""The whole job: mixed and bad input, a graceful stop in between, and errors before the start."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from infra.local.job import alerts_health
from schemas.dead_letter import DeadLetter
from schemas.kpl import Aggregator
from schemas.receipt import Receipt
from stream_jobs.runtime import free_port
from stream_jobs.watching import subscribed
from tests.integration.stream_jobs.conftest import Subscriber

pytestmark = pytest.mark.timeout(300)
OVERSIZED = 300 * 1024


@pytest.fixture
def create_topic(emulator: Any) -> Callable[[str], str]:
    """A function that makes a topic and returns its ARN."""

    def create(name: str) -> str:
        attributes = {"FifoTopic": "true"} if name.endswith(".fifo") else {}
        return str(emulator.client("sns").create_topic(Name=name, Attributes=attributes)["TopicArn"])

    return create


def event(event_id: str, event_type: str = "purchase", **fields: Any) -> bytes:
    known = {
        "event_id": event_id,
        "user_id": f"user-{event_id[-1]}",
        "session_id": "s",
        "event_type": event_type,
        "event_timestamp": datetime.now(UTC).isoformat(),
        "page_url": "https://shop.example/ü🎉",
        "metadata": {"order_id": f"order-{event_id}", "amount_minor": 1234, "currency": "EUR", "country": "DE"},
    }
    return json.dumps(known | fields, ensure_ascii=False).encode()


def aggregate(*events: bytes) -> bytes:
    aggregator = Aggregator(1_000_000)
    for data in events:
        assert aggregator.add("user", data)
    return aggregator.drain()


def counted(scraped: str, name: str) -> float:
    """What Prometheus read of a metric, over all subtasks."""
    return sum(float(line.rsplit(" ", 1)[1]) for line in scraped.splitlines() if f"_{name}{{" in line)


def test_mixed_input_and_a_stop_in_between(
    emulator: Any,
    alert_job: Any,
    subscriber: Any,
    dead_letters: Callable[[], list[DeadLetter]],
    receipts: Callable[[], list[Receipt]],
    create_topic: Callable[[str], str],
    wait_until: Callable[[Callable[[], bool], float], None],
) -> None:
    kinesis = emulator.client("kinesis")

    def put(*records: bytes) -> None:
        for record in records:
            kinesis.put_record(StreamName="clickstream", PartitionKey="user", Data=record)

    big_topic = create_topic("BigPurchases")
    alert_job.environment |= {
        "CLICKSTREAM_ALERT_TYPES": "purchase, signup",
        "CLICKSTREAM_ALERT_RULES": f"big: purchase where amount_minor >= 100000 to {big_topic}",
    }
    broken = aggregate(event("lost"))[:-1] + b"?"
    yesterday = datetime.now(UTC) - timedelta(hours=25)
    put(
        aggregate(event("kpl-1"), event("view", "page_view"), event("kpl-2")),
        event("plain-1"),
        event("line-1") + b"\n\n" + event("line-2") + b"\n" + event("line-2"),
        aggregate(event("kpl-1"), event("plain-1")),
        event("escaped").replace(b'"purchase"', b'"\\u0070urchase"'),
        event("no-amount", metadata={}),
        broken,
        huge := event("huge", page_url="x" * OVERSIZED),
        event("old", event_timestamp=yesterday.isoformat()),
        event("new-user", "signup"),
        event("big", metadata={"amount_minor": "100000"}),
    )
    expected = {"kpl-1", "kpl-2", "plain-1", "line-1", "line-2", "escaped", "no-amount", "new-user", "big"}

    emulator.inject(**{"s3.PutObject": {"error": "ServiceUnavailable", "status": 503, "times": 4}})
    prometheus_port = free_port()
    alert_job.start("--checkpoint-seconds", "1", "--prometheus-port", str(prometheus_port))
    wait_until(lambda: set(subscriber.event_ids()) >= expected, 30)
    letters: list[DeadLetter] = []

    def both_letters_came() -> bool:
        letters.extend(dead_letters())
        return len(letters) >= 2

    wait_until(both_letters_came, 20)
    wait_until(lambda: len(receipts()) == len(expected) + 1, 30)
    # What each operator counts comes into the status on its own, up to a second later.
    last_counts = {"dead_letters_sent": 2, "duplicates": 3, "published": 10}
    wait_until(lambda: last_counts.items() <= alert_job.counters().items(), 20)
    status = alert_job.status()
    counters = status["counters"]
    with urlopen(f"http://127.0.0.1:{prometheus_port}/metrics", timeout=10) as answer:
        scraped = answer.read().decode()

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
    wait_until(lambda: len(receipts()) == len(expected) + 3, 20)

    alerts = subscriber.receive()
    assert sorted(alert.event_id for alert in alerts) == sorted({*expected, "while-away", "afterwards"})
    assert not any(alert.maybe_repeat for alert in alerts)
    assert alert_job.status()["restarts"] == 0
    assert {alert.page_url for alert in alerts} == {"https://shop.example/ü🎉"}
    assert {alert.amount_minor for alert in alerts if alert.event_id not in ("no-amount", "big")} == {1234}

    by_reason = {letter.reason: letter for letter in letters}
    assert by_reason["broken_frame"].payload() == broken
    location = str(by_reason["too_large"].payload_location)
    bucket, _, key = location.removeprefix("s3://").partition("/")
    kept = emulator.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    assert kept == huge

    by_rule = Counter(receipt.rule for receipt in receipts())
    assert by_rule == {"purchase": len(alerts) - 1, "signup": 1, "big": 1}
    assert {receipt.event_id for receipt in receipts()} == {alert.event_id for alert in alerts}
    assert (counters["records"], counters["events"], counters["filtered"], counters["too_old"]) == (11, 15, 1, 1)
    assert (counters["purchases"], counters["alerts"], counters["duplicates"], counters["published"]) == (11, 13, 3, 10)
    assert counters["dead_letters"] == {"broken_frame": 1, "too_large": 1}
    assert status["latency_ms"]["p99"] > 0
    assert 0 < counted(scraped, "slowest_alert_ms_count") == counted(scraped, "batch_size_count")
    assert "_dead_letters_broken_frame" in scraped
    assert "user-" not in (logs := "".join(log.read_text() for log in (alert_job.folder / "log").iterdir()))
    assert '"reason\\":\\"broken_frame' in logs.replace(" ", "")

    # A topic that is gone is no outage: the job must not restart for ever.
    emulator.client("sns").delete_topic(TopicArn=big_topic)
    put(event("too-big", metadata={"amount_minor": "100000"}))
    assert alert_job.process.wait(120) == 1
    told = json.loads((alert_job.folder / "status.json").read_bytes())
    assert (told["state"], told["restarts"]) == ("failed", 3)
    assert "NotFound" in told["last_failure"]


def test_a_fifo_topic_keeps_a_users_order_and_an_outage_beyond_the_deadline_ends_the_job_clearly(
    emulator: Any,
    alert_job: Any,
    create_topic: Callable[[str], str],
    wait_until: Callable[[Callable[[], bool], float], None],
) -> None:
    topic_arn = emulator.environment["CLICKSTREAM_ALERTS_TOPIC_ARN"]
    create_topic(topic_arn.rsplit(":", 1)[-1] + ".fifo")
    sqs, kinesis = emulator.client("sqs"), emulator.client("kinesis")
    names = [f"{number}-of-{user}" for number in range(20) for user in "abc"]
    with subscribed(emulator.client("sns"), sqs, topic_arn + ".fifo") as queue_url:
        subscriber = Subscriber(sqs, queue_url)
        arguments = ["--fifo", "--publish-deadline", "3", "--from", datetime.now(UTC).isoformat()]
        alert_job.start(*arguments)
        emulator.inject(**{"sns.PublishBatch": {"ratio": 0.3, "times": 5}})
        kinesis.put_record(StreamName="clickstream", PartitionKey="user", Data=aggregate(*map(event, names)))
        wait_until(lambda: len(subscriber.receive()) >= len(names), 60)
        received = subscriber.event_ids()
        for user in "abc":
            assert [name for name in received if name.endswith(user)] == [name for name in names if name.endswith(user)]

        emulator.inject(**{"sns.PublishBatch": {"error": "InternalError", "times": 1000}})
        kinesis.put_record(StreamName="clickstream", PartitionKey="user", Data=event("in-the-outage"))
        assert alert_job.process.wait(60) == 1
        told = json.loads((alert_job.folder / "status.json").read_bytes())
        assert told["state"] == "failed"
        assert "gave up after 3 s" in told["last_failure"]

        emulator.clear_faults()
        alert_job.start(*arguments)
        wait_until(lambda: "in-the-outage" in subscriber.event_ids(), 60)
        assert [alert.maybe_repeat for alert in subscriber.alerts if alert.event_id == "in-the-outage"] == [True]


def test_a_savepoint_taken_elsewhere_is_where_an_upgraded_job_goes_on(
    emulator: Any,
    alert_job: Any,
    subscriber: Any,
    tmp_path: Path,
    wait_until: Callable[[Callable[[], bool], float], None],
) -> None:
    kinesis = emulator.client("kinesis")

    def put(name: str) -> None:
        kinesis.put_record(StreamName="clickstream", PartitionKey="user", Data=event(name))

    alert_job.start("--from", datetime.now(UTC).isoformat(), "--parallelism", "2")
    put("before")
    wait_until(lambda: "before" in subscriber.event_ids(), 30)
    assert alert_job.signal_group(signal.SIGTERM) == 0
    savepoint = Path(json.loads((alert_job.folder / "status.json").read_bytes())["savepoint"])
    shutil.copytree(savepoint, tmp_path / "kept" / savepoint.name)
    put("before")
    put("after")

    alert_job.environment["CLICKSTREAM_STATE_DIR"] = str(tmp_path / "another")
    alert_job.folder = tmp_path / "another" / "alerts"
    alert_job.start("--savepoint", str(tmp_path / "kept" / savepoint.name))
    wait_until(lambda: "after" in subscriber.event_ids(), 30)
    wait_until(lambda: alert_job.counters().get("duplicates") == 1, 30)
    assert sorted(subscriber.event_ids()) == ["after", "before"]


def test_an_outage_is_seen_while_it_lasts(
    emulator: Any,
    alert_job: Any,
    subscriber: Any,
    wait_until: Callable[[Callable[[], bool], float], None],
) -> None:
    kinesis = emulator.client("kinesis")
    topic_is_away = {"sns.PublishBatch": {"error": "Throttling", "times": 10_000}}
    stream_is_away = {"kinesis.GetRecords": {"error": "InternalFailure", "times": 10_000}}

    def outage_ms(operator: str) -> int:
        return int(alert_job.status()["failing_for_ms"].get(operator, 0))

    alert_job.start("--from", datetime.now(UTC).isoformat())
    emulator.inject(**topic_is_away)
    for name in ("waits-1", "waits-2"):
        kinesis.put_record(StreamName="clickstream", PartitionKey="user", Data=event(name))
    wait_until(lambda: outage_ms("publish") > 0, 20)
    emulator.inject(**topic_is_away, **stream_is_away)
    wait_until(lambda: min(outage_ms("publish"), outage_ms("poll")) > 11_000, 40)

    status = alert_job.status()
    assert (status["state"], status["restarts"], status["counters"]["published"]) == ("running", 0, 0)
    assert status["oldest_unsettled_ms"] > 11_000
    assert status["behind_ms"] > 11_000
    assert status["counters"]["retries"] > 2
    health = alerts_health(alert_job.folder.parent, status["updated_us"])
    assert "calls to the topic fail for 1" in health
    assert "calls to the stream fail for 1" in health
    logs = "".join(log.read_text() for log in (alert_job.folder / "log").iterdir())
    for code in ("Throttling", "InternalFailure"):
        assert any("calls fail" in line and code in line for line in logs.splitlines())

    emulator.clear_faults()
    wait_until(lambda: {"waits-1", "waits-2"} <= set(subscriber.event_ids()), 30)
    wait_until(lambda: alert_job.status()["failing_for_ms"] == {}, 20)
    wait_until(lambda: alert_job.status()["behind_ms"] < 1_000, 20)
    assert not any(alert.maybe_repeat for alert in subscriber.alerts)


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
