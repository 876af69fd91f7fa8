"""The alert job as a process of its own, and a subscriber that keeps what it receives."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from schemas.dead_letter import DeadLetter, decode_dead_letter
from schemas.receipt import Receipt, decode_receipt
from stream_jobs.watching import SeenAlert, seen, subscribed

PROJECT = Path(__file__).parents[3]
START_S = 120
WaitUntil = Callable[[Callable[[], bool], float], None]


@dataclass
class AlertJob:
    """`clickstream alerts` against an emulator."""

    environment: dict[str, str]
    folder: Path
    wait_until: WaitUntil
    process: subprocess.Popen[bytes] | None = None
    project: Path = PROJECT

    def start(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "clickstream.py", "alerts", *arguments],
            cwd=PROJECT,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.wait_until(lambda: self.status()["state"] == "running", START_S)

    def status(self) -> dict[str, Any]:
        """What the job says of itself; nothing where the running process has not said anything yet."""
        assert self.process is not None
        assert self.process.poll() is None, f"the job ended with {self.process.returncode}"
        status: dict[str, Any] = {"state": "none"}
        with suppress(FileNotFoundError):
            status = json.loads((self.folder / "status.json").read_bytes())
        return status if status.get("pid") == self.process.pid else {"state": "none"}

    def counters(self) -> dict[str, Any]:
        return dict(self.status().get("counters", {}))

    def signal_group(self, number: signal.Signals) -> int:
        """Signal every process of the job, its JVM too, and return the exit code."""
        assert self.process is not None
        os.killpg(self.process.pid, number)
        return self.process.wait(60)

    def checkpoints(self) -> set[Path]:
        return set(self.folder.glob("*/checkpoints/*/chk-*/_metadata"))


@dataclass
class Subscriber:
    """A queue of its own on the alert topic."""

    sqs: Any
    queue_url: str
    alerts: list[SeenAlert] = field(default_factory=list)

    def receive(self) -> list[SeenAlert]:
        """Take in what came, and return everything so far."""
        while messages := self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages"):
            self.alerts += [seen(message["Body"], message["MessageId"], 0) for message in messages]
            entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
            self.sqs.delete_message_batch(QueueUrl=self.queue_url, Entries=entries)
        return self.alerts

    def event_ids(self) -> list[str]:
        return [alert.event_id for alert in self.receive()]


@pytest.fixture
def alert_job(emulator: Any, tmp_path: Path, wait_until: WaitUntil) -> Iterator[AlertJob]:
    state_dir = tmp_path / "a state folder"  # Flink takes no escaped paths
    environment = {**os.environ, **emulator.environment, "CLICKSTREAM_STATE_DIR": str(state_dir)}
    job = AlertJob(environment, state_dir / "alerts", wait_until)
    yield job
    if job.process is not None and job.process.poll() is None:
        job.signal_group(signal.SIGKILL)


@pytest.fixture
def subscriber(emulator: Any) -> Iterator[Subscriber]:
    sqs = emulator.client("sqs")
    with subscribed(emulator.client("sns"), sqs, emulator.environment["CLICKSTREAM_ALERTS_TOPIC_ARN"]) as queue_url:
        yield Subscriber(sqs, queue_url)


@pytest.fixture
def dead_letters(emulator: Any) -> Callable[[], list[DeadLetter]]:
    """A function that takes the letters which have come out of the queue."""
    sqs, queue_url = emulator.client("sqs"), emulator.environment["CLICKSTREAM_DEAD_LETTER_QUEUE_URL"]

    def take() -> list[DeadLetter]:
        messages = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages", [])
        return [decode_dead_letter(message["Body"]) for message in messages]

    return take


@pytest.fixture
def receipts(emulator: Any) -> Callable[[], list[Receipt]]:
    """A function that reads all receipts in the lake."""
    s3, bucket = emulator.client("s3"), emulator.environment["CLICKSTREAM_CURATED_BUCKET"]

    def read() -> list[Receipt]:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="purchases/")
        keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
        bodies = [gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys]
        return [decode_receipt(line) for body in bodies for line in body.splitlines()]

    return read
