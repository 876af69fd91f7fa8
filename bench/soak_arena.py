"""Where the alert job's long runs take place: a stack of their own, faults on request, and a real subscriber."""

from __future__ import annotations

import gzip
import json
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

from infra.local.description import DESCRIPTION, Clients, connect
from infra.local.front_door import FrontDoor
from infra.local.state import active_environment
from schemas.errors import WorkFailedError
from schemas.receipt import Receipt, decode_receipt
from stream_jobs import aws_calls
from stream_jobs.patience import StoppedError
from stream_jobs.watching import Bounds, subscribed, watch

DRAIN_S = 180


@dataclass
class Arena:
    """A stack, the job's surroundings, and a subscriber.

    Attributes:
        flags: event id -> whether each of its messages said that it may be a repeat.
        message_ids: of all messages; a queue may give one twice. They are the queue's, not the topic's.
        foreign: ids of the messages that are no alerts.
    """

    door: FrontDoor
    environment: dict[str, str]
    clients: Clients
    queue_url: str
    flags: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    message_ids: set[str] = field(default_factory=set)
    foreign: list[str] = field(default_factory=list)
    closing: Event = field(default_factory=Event)

    def listen(self) -> None:
        """Take in alerts until the arena closes."""
        sqs, patience = connect(self.environment).sqs, aws_calls.patience(DRAIN_S, self.closing.wait)
        with suppress(StoppedError):
            for alert in watch(sqs, self.queue_url, Bounds(), self.closing.is_set, self.foreign.append, patience):
                if alert.message_id not in self.message_ids:
                    self.message_ids.add(alert.message_id)
                    self.flags[alert.event_id].append(alert.maybe_repeat)

    def await_alerts(self, sold: set[str]) -> None:
        """Wait until every purchase was alerted.

        Raises:
            WorkFailedError: some are missing.
        """
        wait(lambda: sold <= self.flags.keys(), DRAIN_S, lambda: f"{len(sold - self.flags.keys())} purchases missing")

    def await_letters(self, count: int) -> None:
        """Wait until so many dead letters were queued.

        Raises:
            WorkFailedError: there are fewer, or more.
        """
        sqs, queue_url = self.clients.sqs, self.environment["CLICKSTREAM_DEAD_LETTER_QUEUE_URL"]

        def queued() -> int:
            answer = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["ApproximateNumberOfMessages"])
            return int(answer["Attributes"]["ApproximateNumberOfMessages"])

        wait(lambda: queued() >= count, DRAIN_S, lambda: f"{queued()} dead letters instead of {count}")
        if queued() > count:
            raise WorkFailedError(f"{queued()} dead letters instead of {count}")

    def verdict(self, sold: set[str]) -> dict[str, Any]:
        """Return what was received, once each promise is seen to be kept.

        Raises:
            WorkFailedError: with the promise that was broken.
        """
        repeated = {event_id for event_id, flags in self.flags.items() if len(flags) > 1}
        flagged = {event_id for event_id, flags in self.flags.items() if any(flags)}
        silent = [event_id for event_id, flags in self.flags.items() if flags.count(False) > 1]
        if silent:
            raise WorkFailedError(f"{len(silent)} events with a repeat that does not say so: {silent[:5]}")
        if foreign := [*self.foreign, *sorted(self.flags.keys() - sold)]:
            raise WorkFailedError(f"{len(foreign)} messages are alerts of no purchase: {foreign[:5]}")
        wait(
            lambda: sold == {receipt.event_id for receipt in self.receipts()},
            DRAIN_S,
            lambda: f"{len(sold - {receipt.event_id for receipt in self.receipts()})} purchases without a receipt",
        )
        # An acknowledged message has a receipt, or several that say the same; each was received.
        messages = {receipt.message_id: receipt.event_id for receipt in self.receipts()}
        acknowledged = Counter(messages.values())
        if lost := [event_id for event_id, count in acknowledged.items() if count > len(self.flags[event_id])]:
            raise WorkFailedError(f"{len(lost)} events with more acknowledged messages than received: {lost[:5]}")
        return {
            "purchases": len(sold),
            "alerts": len(self.message_ids),
            "acknowledged": acknowledged.total(),
            "repeated": len(repeated),
            "flagged": len(flagged),
        }

    def receipts(self) -> list[Receipt]:
        """Return every receipt in the lake."""
        s3, bucket = self.clients.s3, self.environment["CLICKSTREAM_CURATED_BUCKET"]
        found: list[Receipt] = []
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="purchases/"):
            for item in page.get("Contents", ()):
                lines = gzip.decompress(s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()).splitlines()
                found += [decode_receipt(line) for line in lines]
        return found

    def status(self) -> dict[str, Any]:
        """Return what the job says of itself."""
        status: dict[str, Any] = json.loads((self.door.state_dir / "alerts" / "status.json").read_bytes())
        return status

    @contextmanager
    def failing(self, plan: Mapping[str, Any]) -> Iterator[None]:
        """Have requests fail by a plan of operation to fault, for as long as it lasts.

        Raises:
            WorkFailedError: no request of an operation was struck.
        """
        self._faults("POST", json.dumps(plan).encode())
        yield
        report = json.loads(self._faults("GET"))
        self._faults("DELETE")
        if spared := [operation for operation in plan if not report[operation]["struck"]]:
            raise WorkFailedError(f"no request came to fail: {', '.join(spared)}")

    def _faults(self, method: str, body: bytes | None = None) -> bytes:
        url = self.environment["AWS_ENDPOINT_URL"] + "/_clickstream/faults"
        request = urllib.request.Request(url, body, method=method)  # noqa: S310 (the endpoint is ours)
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            said: bytes = answer.read()
            return said

    def kinesis(self) -> Any:
        """Return a client of its own for a thread that puts records."""
        return connect(self.environment).kinesis

    def split(self) -> None:
        """Split the first open shard."""
        first = self._open_shards()[0]
        low, high = (int(first["HashKeyRange"][name]) for name in ("StartingHashKey", "EndingHashKey"))
        middle = str((low + high) // 2 + 1)
        self.clients.kinesis.split_shard(
            StreamName=DESCRIPTION.stream, ShardToSplit=first["ShardId"], NewStartingHashKey=middle
        )

    def merge(self) -> None:
        """Merge the two open shards with the lowest hash keys."""
        low, high = self._open_shards()[:2]
        self.clients.kinesis.merge_shards(
            StreamName=DESCRIPTION.stream, ShardToMerge=low["ShardId"], AdjacentShardToMerge=high["ShardId"]
        )

    def _open_shards(self) -> list[dict[str, Any]]:
        shards: list[Any] = self.clients.kinesis.list_shards(StreamName=DESCRIPTION.stream)["Shards"]
        still_open = [shard for shard in shards if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]
        return sorted(still_open, key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))


@contextmanager
def arena(folder: Path, variables: Mapping[str, str] | None = None) -> Iterator[Arena]:
    """Give a running stack with a subscriber that listens; both are gone afterwards."""
    door = FrontDoor(folder, True, variables or {})
    door.run("up")
    try:
        environment = active_environment(folder) or {}
        clients = connect(environment)
        with subscribed(clients.sns, clients.sqs, environment["CLICKSTREAM_ALERTS_TOPIC_ARN"]) as queue_url:
            found = Arena(door, environment, clients, queue_url)
            listener = Thread(target=found.listen, daemon=True)
            listener.start()
            try:
                yield found
            finally:
                found.closing.set()
                listener.join(10)
    finally:
        door.run("down")


def wait(is_met: Callable[[], bool], timeout_s: float, otherwise: Callable[[], str]) -> None:
    """Wait for a condition.

    Raises:
        WorkFailedError: it was not met in time; with what was found otherwise.
    """
    deadline_s = time.monotonic() + timeout_s
    while not is_met():
        if time.monotonic() > deadline_s:
            raise WorkFailedError(otherwise())
        time.sleep(0.2)
