"""Alert latency through the local stack, end to end: from the producer's put to the message at a subscriber's queue.

Everything is the real thing: the stack, the alert job and the producer as processes of their own, the subscriber with a
queue of its own, which it empties. The clock is the machine's monotonic one. Beside it stands the last hop alone, topic
to queue in the same stack at the same rate, which is no part of ours.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from bench.stream_producer import Note
from infra.local.description import connect
from infra.local.front_door import FrontDoor
from infra.local.state import active_environment
from schemas.alert import PurchaseAlert, decode_alert, encode_alert
from schemas.settings import load_settings
from stream_jobs.watching import subscribed

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

WARM_UP_S = 20.0
_HOP_S = 20.0
_MINUTE_NS = 60 * 10**9
# How long an alert may be missing before it counts as lost.
_LAST_ALERT_S = 30.0


@dataclass(slots=True)
class Subscriber:
    """What came to a queue, and when, by the monotonic clock; made anew for each measurement."""

    sqs: SQSClient
    queue_url: str
    came: list[tuple[PurchaseAlert, int]] = field(default_factory=list)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Receive until the end of the block, in a thread; another deletes, so that it does not hold up the first."""
        stopped = threading.Event()
        received: queue.Queue[list[MessageTypeDef]] = queue.Queue()
        with ThreadPoolExecutor(2) as threads:
            working = [
                threads.submit(self._receive, stopped, received),
                threads.submit(self._delete, stopped, received),
            ]
            try:
                yield
            finally:
                stopped.set()
            for work in working:
                work.result()

    def _receive(self, stopped: threading.Event, received: queue.Queue[list[MessageTypeDef]]) -> None:
        while not stopped.is_set():
            answer = self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            now_ns = time.monotonic_ns()
            messages = answer.get("Messages", [])
            self.came += [(decode_alert(message["Body"]), now_ns) for message in messages]
            received.put(messages)

    def _delete(self, stopped: threading.Event, received: queue.Queue[list[MessageTypeDef]]) -> None:
        while not stopped.is_set():
            try:
                messages = received.get(timeout=0.1)
            except queue.Empty:
                continue
            if messages:
                entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
                self.sqs.delete_message_batch(QueueUrl=self.queue_url, Entries=entries)  # type: ignore[arg-type]


def measure(rate: float, seconds: float) -> dict[str, Any]:
    """Return the figures of one run from a fresh stack, warm-up and starts apart."""
    with tempfile.TemporaryDirectory(prefix="clickstream-bench-") as folder:
        door = FrontDoor(Path(folder), is_quiet=True)
        begun_s = time.monotonic()
        door.run("up")
        try:
            up_s = time.monotonic() - begun_s
            return {"stack_start_s": round(up_s, 1)} | _through_the_stack(door, rate, seconds)
        finally:
            door.run("down")


def _through_the_stack(door: FrontDoor, rate: float, seconds: float) -> dict[str, Any]:
    environment = active_environment(door.state_dir) or {}
    clients = connect(environment)
    topic_arn = load_settings(environment, door.state_dir).alerts_topic_arn
    with subscribed(clients.sns, clients.sqs, topic_arn) as queue_url:
        begun_s = time.monotonic()
        with door.beside("alerts", "--checkpoint-seconds", "10") as alerts:
            alerts.wait_until(lambda: alerts.said("running"), "running")
            job_start_s = time.monotonic() - begun_s
            subscriber = Subscriber(clients.sqs, queue_url)
            with subscriber.listening():
                notes = _produce(environment, door.state_dir / "notes.ndjson", rate, WARM_UP_S + seconds)
                _wait_for(subscriber, len(notes))
        hop = Subscriber(clients.sqs, queue_url)
        with hop.listening():
            sent_ns = _publish(clients.sns, topic_arn, subscriber.came[-1][0], len(notes) / (WARM_UP_S + seconds))
            _wait_for(hop, len(sent_ns))
    return (
        {"alert_job_start_s": round(job_start_s, 1)}
        | latency_figures(notes, subscriber.came, WARM_UP_S)
        | {f"hop_{name}": value for name, value in quantiles(_latencies_ms(sent_ns, hop.came)).items()}
    )


def _produce(environment: dict[str, str], notes: Path, rate: float, seconds: float) -> list[Note]:
    command = [sys.executable, "-m", "bench.stream_producer", "--rate", str(rate), "--seconds", str(seconds)]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CLICKSTREAM_"))}
    subprocess.run(
        [*command, "--notes", str(notes)],
        env=inherited | environment | {"CLICKSTREAM_STATE_DIR": str(notes.parent)},
        check=True,
    )
    return msgspec.json.Decoder(Note).decode_lines(notes.read_bytes())


def _publish(sns: Any, topic_arn: str, alert: PurchaseAlert, per_s: float) -> dict[str, int]:
    """Publish alerts evenly, straight to the topic; return when each went out by its id."""
    sent_ns: dict[str, int] = {}
    begun_s = time.monotonic()
    for number in range(round(_HOP_S * per_s)):
        time.sleep(max(0.0, begun_s + number / per_s - time.monotonic()))
        event_id = f"hop-{number}"
        sent_ns[event_id] = time.monotonic_ns()
        body = encode_alert(msgspec.structs.replace(alert, event_id=event_id)).decode()
        sns.publish(TopicArn=topic_arn, Message=body)
    return sent_ns


def _wait_for(subscriber: Subscriber, count: int) -> None:
    deadline_s = time.monotonic() + _LAST_ALERT_S
    while len({alert.event_id for alert, _ in list(subscriber.came)}) < count and time.monotonic() < deadline_s:
        time.sleep(0.1)


def latency_figures(
    notes: Sequence[Note], came: Sequence[tuple[PurchaseAlert, int]], warm_up_s: float
) -> dict[str, Any]:
    """Return the latencies of what was put after the warm-up, whole and by minute, and the counts.

    Raises:
        RuntimeError: an alert is missing, or one is repeated without saying that it may be.
    """
    put_ns = {note.event_id: note.put_ns for note in notes}
    ids = [alert.event_id for alert, _ in came]
    missing = put_ns.keys() - set(ids)
    unflagged = len(ids) - len(set(ids)) - sum(alert.maybe_repeat for alert, _ in came)
    if missing or unflagged > 0:
        raise RuntimeError(f"{len(missing)} of {len(put_ns)} alerts did not come, {unflagged} came again unflagged")
    first_ns = min(put_ns.values()) + int(warm_up_s * 1e9)
    counted = {event_id: at_ns for event_id, at_ns in put_ns.items() if at_ns >= first_ns}
    by_minute: dict[int, dict[str, int]] = {}
    for event_id, at_ns in counted.items():
        by_minute.setdefault((at_ns - first_ns) // _MINUTE_NS, {})[event_id] = at_ns
    minutes = [quantiles(_latencies_ms(by_minute[minute], came)) for minute in sorted(by_minute)]
    handed_ns = {note.event_id: note.handed_ns for note in notes if note.event_id in counted}
    return {
        "alerts": len(counted),
        "alerts_repeated": len(ids) - len(set(ids)),
        **{f"alert_{name}": value for name, value in quantiles(_latencies_ms(counted, came)).items()},
        "alert_p50_by_minute_ms": [minute["p50_ms"] for minute in minutes],
        "alert_p99_by_minute_ms": [minute["p99_ms"] for minute in minutes],
        "alert_p50_with_batching_ms": quantiles(_latencies_ms(handed_ns, came))["p50_ms"],
    }


def _latencies_ms(sent_ns: dict[str, int], came: Sequence[tuple[PurchaseAlert, int]]) -> list[float]:
    """Return how long each took to come for the first time."""
    first: dict[str, int] = {}
    for alert, at_ns in came:
        first.setdefault(alert.event_id, at_ns)
    return [(first[event_id] - at_ns) / 1e6 for event_id, at_ns in sent_ns.items()]


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """Return the usual quantiles: of each, the smallest value that so large a share does not exceed."""
    ordered = sorted(values)
    shares = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99, "max_ms": 1.0}
    return {name: round(ordered[max(0, -int(-share * len(ordered) // 1) - 1)], 1) for name, share in shares.items()}
