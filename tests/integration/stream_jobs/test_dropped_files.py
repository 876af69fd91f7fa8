"""Files dropped in S3, end to end: real notifications, the function's own process, a real subscriber."""

from __future__ import annotations

import gzip
import json
import os
import signal
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from infra.local.description import DESCRIPTION, connect, create_function_resources
from infra.local.function_state import read_function_progress
from infra.local.processes import start_module, stop
from infra.local.stand_ins import HANDLER
from infra.local.state import ProcessId, is_alive
from schemas.dead_letter import DeadLetter
from schemas.instants import format_instant_us
from schemas.receipt import Receipt
from stream_jobs.clock import now_us

RAW = DESCRIPTION.raw_bucket
WaitUntil = Callable[[Callable[[], bool], float], None]


@dataclass
class Drops:
    """The raw bucket, what it tells, and the process of the function."""

    emulator: Any
    folder: Path
    wait_until: WaitUntil
    process: ProcessId | None = None

    def __post_init__(self) -> None:
        self.s3, self.sqs = self.emulator.client("s3"), self.emulator.client("sqs")
        self.run = uuid.uuid4().hex[:8]
        self.names = replace(
            DESCRIPTION,
            dropped_files=f"drops-{self.run}",
            dropped_files_dead=f"drops-dead-{self.run}",
            dropped_files_table=f"drops-{self.run}",
        )
        create_function_resources(self.names, connect(self.emulator.environment))
        self.queue_url = self.sqs.get_queue_url(QueueName=self.names.dropped_files)["QueueUrl"]
        self.queue_arn = self.attributes()["QueueArn"]
        self.notify({"QueueConfigurations": [{"QueueArn": self.queue_arn, "Events": ["s3:ObjectCreated:*"]}]})

    def notify(self, configuration: dict[str, Any]) -> None:
        """Have the raw bucket tell of its objects; S3 sends a message to test that first."""
        self.s3.put_bucket_notification_configuration(Bucket=RAW, NotificationConfiguration=configuration)

    def attributes(self) -> dict[str, str]:
        found: dict[str, str] = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["All"])[
            "Attributes"
        ]
        return found

    def start(self, timeout_s: float = 60, visibility_s: int = 90) -> ProcessId:
        self.sqs.set_queue_attributes(QueueUrl=self.queue_url, Attributes={"VisibilityTimeout": str(visibility_s)})
        (self.folder / "progress.json").unlink(missing_ok=True)
        arguments = ["--queue", self.names.dropped_files, "--handler", HANDLER, "--folder", str(self.folder)]
        arguments += ["--timeout-s", str(timeout_s)]
        environment = {"CLICKSTREAM_DROPPED_FILES_TABLE": self.names.dropped_files_table}
        self.process = start_module(
            "infra.local.function_worker",
            arguments,
            self.emulator.environment | environment,
            self.folder / "function.log",
        )
        self.wait_until(lambda: read_function_progress(self.folder) is not None, 30)
        return self.process

    def kill(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.wait_until(lambda: self.process is not None and not is_alive(self.process), 10)

    def event(self, name: str, event_type: str = "purchase", **more: Any) -> dict[str, Any]:
        return {
            "event_id": f"{self.run}-{name}",
            "user_id": f"user {name}",
            "session_id": "s",
            "event_type": event_type,
            "event_timestamp": format_instant_us(now_us()),
        } | more

    def lines(self, *names: str) -> bytes:
        return b"".join(json.dumps(self.event(name)).encode() + b"\n" for name in names)

    def put(self, name: str, content: bytes, prefix: str = "clickstream/") -> None:
        self.s3.put_object(Bucket=RAW, Key=f"{prefix}{self.run}/{name}", Body=content)

    def ids(self, *names: str) -> set[str]:
        return {f"{self.run}-{name}" for name in names}

    def is_through(self) -> bool:
        found = self.attributes()
        return found["ApproximateNumberOfMessages"] == found["ApproximateNumberOfMessagesNotVisible"] == "0"

    def rows(self, state: str) -> list[Any]:
        items: list[Any] = self.emulator.client("dynamodb").scan(TableName=self.names.dropped_files_table)["Items"]
        return [item for item in items if item["state"]["S"] == state]


@pytest.fixture
def drops(emulator: Any, tmp_path: Path, wait_until: WaitUntil) -> Iterator[Drops]:
    made = Drops(emulator, tmp_path, wait_until)
    yield made
    emulator.clear_faults()
    if made.process is not None:
        stop(made.process)
    made.notify({})


def flags(subscriber: Any, expected: set[str]) -> dict[str, list[bool]]:
    """Return event id -> whether each of its alerts, in order of arrival, says that it may be a repeat."""
    found = defaultdict(list)
    for alert in subscriber.receive():
        if alert.event_id in expected:
            found[alert.event_id].append(alert.maybe_repeat)
    return found


def test_files_of_every_form_are_alerted_once_and_firehose_s_are_not(
    drops: Drops, subscriber: Any, dead_letters: Callable[[], list[DeadLetter]], receipts: Callable[[], list[Receipt]]
) -> None:
    drops.start()
    many = [f"cut{number:03}" for number in range(300)]
    cut = gzip.compress(drops.lines(*many))
    firehose = f"clickstream/year=2026/month=11/day=24/hour=10/clickstream-1-2026-11-24-10-00-00-{uuid.uuid4()}.json.gz"
    drops.s3.put_object(Bucket=RAW, Key=firehose, Body=gzip.compress(drops.lines("from the stream")))
    drops.put("plain.json", drops.lines("plain1", "plain2"))
    drops.put("zipped.json.gz", gzip.compress(drops.lines("zipped")))
    drops.put("array.json", json.dumps([drops.event("array1"), drops.event("array2")], indent=1).encode())
    drops.put("escapes.ndjson", drops.lines("escapes").replace(b'"purchase"', b'"\\u0070urchase"'))
    drops.put("öl & so + 100%.json", drops.lines("umlaut"))
    drops.put("cut.gz", cut[: len(cut) // 2])
    drops.put("bad.json", b'{"event_type": "purchase"}\n' + drops.lines("after bad"))
    whole = drops.ids("plain1", "plain2", "zipped", "array1", "array2", "escapes", "umlaut", "after bad")
    drops.wait_until(lambda: whole <= set(subscriber.event_ids()) and drops.is_through(), 60)

    received = Counter(subscriber.event_ids())
    assert set(received.values()) == {1}
    assert not any(alert.maybe_repeat for alert in subscriber.alerts)
    assert not drops.ids("from the stream") & set(received)
    from_cut = set(received) - whole
    assert from_cut == drops.ids(*many[: len(from_cut)])
    assert len(from_cut) > 50
    assert sorted(letter.reason for letter in dead_letters()) == ["damaged_object", "missing_field"]
    assert set(received) == {receipt.event_id for receipt in receipts()} & set(received)


def test_a_notice_that_comes_twice_alerts_once(drops: Drops, subscriber: Any) -> None:
    drops.put("twice.json", drops.lines("twice1", "twice2"))
    (message,) = drops.sqs.receive_message(QueueUrl=drops.queue_url, VisibilityTimeout=0, WaitTimeSeconds=5)["Messages"]
    for _ in range(3):
        drops.sqs.send_message(QueueUrl=drops.queue_url, MessageBody=message["Body"])
    drops.start()
    drops.wait_until(drops.is_through, 30)
    assert flags(subscriber, drops.ids("twice1", "twice2")) == {
        event_id: [False] for event_id in drops.ids("twice1", "twice2")
    }


def test_a_file_of_any_size_is_worked_through_in_bounded_memory(drops: Drops, subscriber: Any) -> None:
    process = drops.start()
    drops.put("first.json", drops.lines("first"))
    drops.wait_until(lambda: drops.ids("first") <= set(subscriber.event_ids()), 30)
    before = peak_bytes(process)
    page_view = json.dumps(drops.event("v", "page_view", page_url="https://shop.example/" + "x" * 200)).encode() + b"\n"
    names = [f"large{number}" for number in range(200)]
    content = b"".join(drops.lines(name) + page_view * 300 for name in names)
    assert len(content) > 20_000_000
    drops.put("large.json", content)
    drops.put("large.json.gz", gzip.compress((page_view * 300_000) + drops.lines("last"), compresslevel=1))
    expected = drops.ids(*names, "last")
    drops.wait_until(lambda: expected <= set(subscriber.event_ids()) and drops.is_through(), 90)
    assert flags(subscriber, expected) == {event_id: [False] for event_id in expected}
    assert peak_bytes(process) - before < 40_000_000


def peak_bytes(process: ProcessId) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def test_killed_between_mark_and_send_everything_is_sent_and_says_that_it_may_be_a_repeat(
    drops: Drops, subscriber: Any
) -> None:
    names = [f"marked{number}" for number in range(30)]
    drops.start(timeout_s=3, visibility_s=4)
    drops.emulator.inject(**{"sns.PublishBatch": {"error": "Throttling", "times": 1_000}})
    drops.put("marked.json", drops.lines(*names))
    drops.wait_until(lambda: len(drops.rows("IN_PROGRESS")) == 30, 20)
    drops.kill()
    drops.emulator.clear_faults()
    drops.start(timeout_s=10, visibility_s=4)
    expected = drops.ids(*names)
    drops.wait_until(lambda: expected <= set(subscriber.event_ids()) and drops.is_through(), 60)
    assert flags(subscriber, expected) == {event_id: [True] for event_id in expected}
    assert not drops.rows("IN_PROGRESS")


def test_killed_between_send_and_mark_what_is_sent_again_says_so(drops: Drops, subscriber: Any) -> None:
    names = [f"sent{number}" for number in range(30)]
    drops.start(timeout_s=10, visibility_s=4)
    drops.emulator.inject(**{"dynamodb.BatchWriteItem": {"error": "ThrottlingException", "times": 1_000}})
    drops.put("sent.json", drops.lines(*names))
    expected = drops.ids(*names)
    drops.wait_until(lambda: expected <= set(subscriber.event_ids()), 20)
    drops.kill()
    drops.emulator.clear_faults()
    drops.start(timeout_s=10, visibility_s=4)
    drops.wait_until(lambda: drops.is_through() and len(subscriber.event_ids()) >= 60, 60)
    assert flags(subscriber, expected) == {event_id: [False, True] for event_id in expected}


def test_a_topic_that_fails_in_every_way_loses_nothing(drops: Drops, subscriber: Any) -> None:
    faults = [
        {"error": "Throttling", "times": 2},
        {"error": "InternalFailure", "times": 1},
        {"fail_records": [0, 2], "times": 2},
        {"error": "InternalFailure", "applied": True, "times": 1},
    ]
    drops.start()
    drops.emulator.inject(**{"sns.PublishBatch": faults})
    names = [f"failing{number}" for number in range(60)]
    drops.put("failing.json", drops.lines(*names))
    expected = drops.ids(*names)
    drops.wait_until(lambda: expected <= set(subscriber.event_ids()) and drops.is_through(), 60)
    found = flags(subscriber, expected)
    assert set(found) == expected
    assert all(sum(not flag for flag in of_one) <= 1 for of_one in found.values()), "a repeat that does not say so"
    assert any(len(of_one) == 2 for of_one in found.values()), "a call was carried out and its answer lost"


def test_a_table_that_fails_in_every_way_repeats_nothing(drops: Drops, subscriber: Any) -> None:
    throttle = "ProvisionedThroughputExceededException"
    drops.start()
    drops.emulator.inject(
        **{
            "dynamodb.BatchGetItem": [{"error": throttle}, {"fail_records": [0, 5, 9]}, {"ratio": 1.0}],
            "dynamodb.PutItem": [{"error": throttle, "times": 9}, {"error": "InternalServerError", "times": 2}],
            "dynamodb.BatchWriteItem": [{"error": throttle}, {"fail_records": [0, 24]}, {"ratio": 1.0}],
        }
    )
    names = [f"table{number}" for number in range(60)]
    drops.put("table.json", drops.lines(*names))
    expected = drops.ids(*names)
    drops.wait_until(lambda: expected <= set(subscriber.event_ids()) and drops.is_through(), 60)
    assert {event_id: len(of_one) for event_id, of_one in flags(subscriber, expected).items()} == dict.fromkeys(
        expected, 1
    )
    assert len(drops.rows("DONE")) >= 60
    assert not drops.rows("IN_PROGRESS")


def test_a_message_that_nothing_can_be_made_of_ends_in_the_dead_letter_queue(drops: Drops, subscriber: Any) -> None:
    dead_url = drops.sqs.get_queue_url(QueueName=drops.names.dropped_files_dead)["QueueUrl"]
    process = drops.start(timeout_s=1, visibility_s=0)
    drops.sqs.send_message(QueueUrl=drops.queue_url, MessageBody="poison")
    drops.put("beside.json", drops.lines("beside"))
    drops.wait_until(lambda: drops.ids("beside") <= set(subscriber.event_ids()), 30)
    found: list[Any] = []

    def is_dead() -> bool:
        found.extend(drops.sqs.receive_message(QueueUrl=dead_url).get("Messages", []))
        return bool(found)

    drops.wait_until(is_dead, 30)
    assert [message["Body"] for message in found] == ["poison"]
    assert is_alive(process)


def test_event_bridge_brings_notices_as_well(drops: Drops, subscriber: Any) -> None:
    events = drops.emulator.client("events")
    pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": [RAW]}}}
    events.put_rule(Name="drops", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="drops", Targets=[{"Id": "function", "Arn": drops.queue_arn}])
    drops.notify({"EventBridgeConfiguration": {}})
    try:
        drops.start()
        drops.put("by event bridge +ü.json", drops.lines("bridged"))
        drops.wait_until(lambda: drops.ids("bridged") <= set(subscriber.event_ids()) and drops.is_through(), 30)
    finally:
        events.remove_targets(Rule="drops", Ids=["function"])
    assert flags(subscriber, drops.ids("bridged")) == {f"{drops.run}-bridged": [False]}


def test_a_polite_end_comes_at_once_where_nothing_is_under_way_and_after_the_batch_where_something_is(
    drops: Drops, subscriber: Any
) -> None:
    process = drops.start()
    os.kill(process.pid, signal.SIGTERM)
    drops.wait_until(lambda: not is_alive(process), 5)

    process = drops.start()
    drops.emulator.inject(**{"sns.PublishBatch": {"error": "Throttling", "times": 5}})
    drops.put("ending.json", drops.lines("ending"))
    drops.wait_until(lambda: len(drops.rows("IN_PROGRESS")) == 1, 20)
    os.kill(process.pid, signal.SIGTERM)
    drops.wait_until(lambda: not is_alive(process), 20)
    assert drops.is_through()
    assert flags(subscriber, drops.ids("ending")) == {f"{drops.run}-ending": [False]}
