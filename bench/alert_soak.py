"""Long runs of the alert job under what production does to it: kills, failing services, an outage, steady traffic.

Each case starts a stack of its own, drives the real commands, listens as a real subscriber does, and ends with what it
counted, or with the first promise that was broken.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median
from threading import Event, Thread
from typing import Any

from infra.local.description import DESCRIPTION, connect
from infra.local.front_door import FrontDoor, RunningCommand
from infra.local.state import active_environment
from schemas.alert import decode_alert
from schemas.errors import WorkFailedError
from schemas.kpl import Aggregator
from schemas.receipt import Receipt, decode_receipt
from stream_jobs.watching import subscribed

KILLS = 20
KILLED_EVENTS = 20_000
FAULTY_SECONDS = 180
OUTAGE_SECONDS = 300
STEADY_SECONDS = 600
STEADY_RATE = 1_000
DRAIN_S = 180
CLOCK_SHIFTS_S = (-600, 7_200, -10_800, 30, -30, 0)


class LeftOutError(Exception):
    """The case cannot be run on this machine; the text says what it lacks."""


def kills(folder: Path) -> dict[str, Any]:
    """Kill the job and its JVM twenty times at random while events come in."""
    random = Random(7)
    with arena(folder) as place:
        traffic = Traffic(place, KILLED_EVENTS, per_s=75, purchases=0.15)
        with traffic.running():
            for _ in range(KILLS):
                with place.door.beside("alerts", "--checkpoint-seconds", "1") as job:
                    time.sleep(random.uniform(2, 16))
                    job.kill()
            with place.door.beside("alerts", "--checkpoint-seconds", "1"):
                traffic.wait()
                place.await_alerts(traffic.sold)
        return {"kills": KILLS, "events": traffic.sent} | place.verdict(traffic.sold)


def faults(folder: Path) -> dict[str, Any]:
    """Have every service fail in every way, the stream resharded twice, and broken bytes in one record of a hundred."""
    with arena(folder) as place, place.door.beside("alerts", "--checkpoint-seconds", "2") as job:
        job.wait_until(lambda: job.said("running"), "running")
        traffic = Traffic(place, FAULTY_SECONDS * 300, per_s=300, purchases=0.1, broken=0.01)
        plan: list[dict[str, Any]] = [
            {"sns.PublishBatch": {"error": "Throttling", "times": 50}},
            {"sns.PublishBatch": {"error": "InternalError", "times": 20}},
            {"sns.PublishBatch": {"error": "InternalError", "applied": True, "times": 5}},
            {"sns.PublishBatch": {"ratio": 0.5, "times": 60}},
            {"sns.PublishBatch": {"delay_s": 35, "times": 2}},
            {"s3.PutObject": {"error": "ServiceUnavailable", "status": 503, "times": 40}},
            {"sqs.SendMessageBatch": [{"error": "InternalError", "times": 10}, {"ratio": 0.5, "times": 10}]},
            {"kinesis.GetRecords": {"error": "ProvisionedThroughputExceededException", "times": 60}},
            {"kinesis.GetRecords": {"error": "InternalFailure", "times": 20}},
            {"kinesis.GetRecords": {"error": "ExpiredIteratorException", "status": 400, "times": 5}},
            {"kinesis.GetShardIterator": {"error": "InternalFailure", "times": 5}},
            {"kinesis.ListShards": {"error": "LimitExceededException", "times": 5}},
        ]
        with traffic.running():
            for number, faults_now in enumerate(plan):
                place.inject(faults_now)
                if number == 3:
                    place.split()
                if number == 7:
                    place.merge()
                time.sleep(FAULTY_SECONDS / len(plan))
            traffic.put(traffic.odd_events())
            traffic.wait()
            place.await_alerts(traffic.sold)
        job.require_alive()
        place.await_letters(traffic.broken_records)
        # The job tells its counters once a second.
        wait(lambda: place.status()["counters"]["too_old"] == 1, DRAIN_S, lambda: "the old purchase was not counted")
        told = place.status()
        if told["restarts"]:
            raise WorkFailedError(f"a fault that can be waited out restarted the job: {told['last_failure']}")
        found = {"events": traffic.sent, "broken_records": traffic.broken_records, "counters": told["counters"]}
        return found | place.verdict(traffic.sold)


def outage(folder: Path) -> dict[str, Any]:
    """Have the topic refuse everything for five minutes while events come in."""
    with arena(folder) as place, place.door.beside("alerts") as job:
        job.wait_until(lambda: job.said("running"), "running")
        traffic = Traffic(place, (OUTAGE_SECONDS + 60) * 300, per_s=300, purchases=0.1)
        with traffic.running():
            time.sleep(10)
            place.inject({"sns.PublishBatch": {"error": "Throttling", "times": 10**6}})
            time.sleep(OUTAGE_SECONDS)
            held_back = place.status()["behind_ms"]
            place.clear()
            begun_s = time.monotonic()
            traffic.wait()
            place.await_alerts(traffic.sold)
        job.require_alive()
        found = place.verdict(traffic.sold)
        if found["repeated"] or place.status()["restarts"]:
            raise WorkFailedError("a topic that took nothing was called a topic that may have taken something")
        return {"behind_ms_at_the_end": held_back, "drained_s": round(time.monotonic() - begun_s, 1)} | found


def clock_jumps(folder: Path) -> dict[str, Any]:
    """Set the job's clock back and forth, by minutes and hours, while events come in."""
    variables, shift = shifting_clock(folder)
    with arena(folder, variables) as place, place.door.beside("alerts", "--checkpoint-seconds", "2") as job:
        job.wait_until(lambda: job.said("running"), "running")
        traffic = Traffic(place, 60_000, per_s=300, purchases=0.1)
        seen = []
        with traffic.running():
            for seconds in CLOCK_SHIFTS_S:
                shift(seconds)
                before = len(place.message_ids)
                time.sleep(20)
                seen.append(len(place.message_ids) - before)
                if not seen[-1]:
                    raise WorkFailedError(f"with the clock {seconds} s off no alert came for 20 s")
            traffic.wait()
            place.await_alerts(traffic.sold)
        job.require_alive()
        told = place.status()
        if told["restarts"]:
            raise WorkFailedError(f"a clock that jumps restarted the job: {told['last_failure']}")
        return {"alerts_in_20_s": dict(zip(map(str, CLOCK_SHIFTS_S), seen, strict=True))} | place.verdict(traffic.sold)


def shifting_clock(folder: Path) -> tuple[dict[str, str], Callable[[int], None]]:
    """Return the variables under which a program has a clock of its own, and what sets that so many seconds off.

    Raises:
        LeftOutError: there is no C compiler.
    """
    source, library, offset = Path(__file__).with_name("clock_shift.c"), folder / "clock_shift.so", folder / "offset"
    if (compiler := shutil.which("cc")) is None:
        raise LeftOutError("there is no C compiler on this machine")
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    offset.write_bytes(bytes(8))

    def shift(seconds: int) -> None:
        with offset.open("r+b") as file:
            file.write(seconds.to_bytes(8, sys.byteorder, signed=True))

    return {"LD_PRELOAD": str(library), "CLOCK_SHIFT_FILE": str(offset)}, shift


def steady(folder: Path) -> dict[str, Any]:
    """Run alerts and watch beside `simulate --rate 1000` for ten minutes: flat memory, flat latency, equal counts."""
    door = FrontDoor(folder, is_quiet=True)
    door.run("up")
    samples: dict[str, list[float]] = defaultdict(list)
    with ExitStack() as cleanup:
        cleanup.callback(door.run, "down")
        job = cleanup.enter_context(door.beside("alerts"))
        watch = cleanup.enter_context(door.beside("watch", "--json"))
        job.wait_until(lambda: job.said("running"), "running")
        watch.wait_until(lambda: watch.said("watching"), "watching")
        events, rate = str(STEADY_SECONDS * STEADY_RATE), str(STEADY_RATE)
        shop = cleanup.enter_context(door.beside("simulate", "--events", events, "--rate", rate, "--json"))
        while shop.process.poll() is None:
            for name, command in (("alerts", job), ("watch", watch)):
                command.require_alive()
                samples[name].append(resident_mib(command))
            time.sleep(5)
        sold = shop.objects()[-1]["answer"]["purchases"]
        watch.wait_until(lambda: len({alert["event_id"] for alert in watch.objects()}) >= sold, "given every alert")
        alerts = watch.objects()
    latencies = [alert["latency_ms"] for alert in alerts]
    minute = max(1, len(latencies) * 60 // STEADY_SECONDS)
    found = {
        "purchases": sold,
        "alerts": len(alerts),
        "distinct": len({alert["event_id"] for alert in alerts}),
        "p50_ms_first_and_last_minute": [
            round(median(latencies[:minute]), 1),
            round(median(latencies[-minute:]), 1),
        ],
        "p99_ms": round(sorted(latencies)[len(latencies) * 99 // 100], 1),
        "resident_mib": {
            name: {"after_a_minute": of_one[12], "half": of_one[len(of_one) // 2], "end": of_one[-1]}
            for name, of_one in samples.items()
        },
    }
    first, last = found["p50_ms_first_and_last_minute"]
    grown = [name for name, of_one in samples.items() if of_one[-1] > 1.15 * of_one[len(of_one) // 2]]
    if not sold == len(alerts) == found["distinct"] or last > 2 * first or grown:
        raise WorkFailedError(f"not steady: {json.dumps(found)}")
    return found


@dataclass
class Arena:
    """A stack, the job's surroundings, and a subscriber."""

    door: FrontDoor
    environment: dict[str, str]
    clients: Any
    queue_url: str
    # Event id -> whether each of its messages said that it may be a repeat. Message ids, since a queue may give one
    # twice; they are the queue's, which are not the topic's.
    flags: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    message_ids: set[str] = field(default_factory=set)
    closing: Event = field(default_factory=Event)

    def listen(self) -> None:
        """Take in alerts until the arena closes."""
        sqs = connect(self.environment).sqs
        while not self.closing.is_set():
            answer = sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            messages = answer.get("Messages", [])
            for message in messages:
                if message["MessageId"] not in self.message_ids:
                    self.message_ids.add(message["MessageId"])
                    alert = decode_alert(message["Body"])
                    self.flags[alert.event_id].append(alert.maybe_repeat)
            entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
            if entries:
                sqs.delete_message_batch(QueueUrl=self.queue_url, Entries=entries)  # type: ignore[arg-type]

    def await_alerts(self, sold: set[str]) -> None:
        """Wait until every purchase was alerted.

        Raises:
            WorkFailedError: some are missing.
        """
        wait(lambda: sold <= self.flags.keys(), DRAIN_S, lambda: f"{len(sold - self.flags.keys())} purchases missing")

    def await_letters(self, count: int) -> None:
        """Wait until so many dead letters were queued.

        Raises:
            WorkFailedError: there are fewer.
        """
        sqs, queue_url = self.clients.sqs, self.environment["CLICKSTREAM_DEAD_LETTER_QUEUE_URL"]

        def queued() -> int:
            asked = ["ApproximateNumberOfMessages"]
            answer = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=asked)
            return int(answer["Attributes"]["ApproximateNumberOfMessages"])

        wait(lambda: queued() >= count, DRAIN_S, lambda: f"{queued()} dead letters instead of {count}")

    def verdict(self, sold: set[str]) -> dict[str, Any]:
        """Return what was received, once each promise is seen to be kept.

        Raises:
            WorkFailedError: with the promise that was broken.
        """
        repeated = {event_id for event_id, flags in self.flags.items() if len(flags) > 1}
        flagged = {event_id for event_id, flags in self.flags.items() if any(flags)}
        silent = [event_id for event_id, flags in self.flags.items() if flags.count(False) > 1]
        if silent or not repeated <= flagged:
            raise WorkFailedError(f"repeats that do not say so: {silent[:5]}")
        if foreign := self.flags.keys() - sold:
            raise WorkFailedError(f"alerts of no purchase: {sorted(foreign)[:5]}")
        wait(
            lambda: sold == {receipt.event_id for receipt in self.receipts()},
            DRAIN_S,
            lambda: f"{len(sold - {receipt.event_id for receipt in self.receipts()})} purchases without a receipt",
        )
        acknowledged = len({receipt.message_id for receipt in self.receipts()})
        if acknowledged > len(self.message_ids):
            raise WorkFailedError(f"{acknowledged} messages have a receipt, {len(self.message_ids)} were received")
        return {
            "purchases": len(sold),
            "alerts": len(self.message_ids),
            "acknowledged": acknowledged,
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

    def inject(self, plan: dict[str, Any]) -> None:
        """Have coming requests fail."""
        self._control("POST", json.dumps(plan).encode())

    def clear(self) -> None:
        """Have no more of them fail."""
        self._control("DELETE", None)

    def _control(self, method: str, body: bytes | None) -> None:
        url = self.environment["AWS_ENDPOINT_URL"] + "/_clickstream/faults"
        with urllib.request.urlopen(urllib.request.Request(url, body, method=method), timeout=10):  # noqa: S310
            pass

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
        shards = self.clients.kinesis.list_shards(StreamName=DESCRIPTION.stream)["Shards"]
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


class Traffic:
    """Events at a steady pace, ten to a record; `sold` holds the ids of the purchases that must be alerted.

    Args:
        arena: where they go.
        events: how many.
        per_s: how many a second.
        purchases: the share of purchases.
        broken: the share of records that are no events: broken frames, and bytes of no meaning around the word.
    """

    def __init__(self, arena: Arena, events: int, per_s: float, purchases: float, broken: float = 0.0) -> None:
        self._kinesis = connect(arena.environment).kinesis
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


def resident_mib(command: RunningCommand) -> float:
    """Return the memory of a command and all that it started."""
    pages = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        # Source: proc(5), fields 6 (session) and 24 (resident pages), counted from after the name.
        if int(fields[3]) == command.process.pid:
            pages += int(fields[21])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)
