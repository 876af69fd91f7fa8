"""What can be seen of a load from beside it: its alerts by their receipts, and how far the alert job is behind.

It reads and counts, and never touches what it looks at. What it cannot read ends neither the load nor in silence.
"""

from __future__ import annotations

import gzip
import os
import queue
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from producers.load.timeline import Timeline
from schemas.instants import HOUR_US, SECOND_US, parse_instant_us
from schemas.job_health import STALE_AFTER_US, JobRecord, is_said_to_live
from schemas.lake import RECEIPTS_PREFIX, hour_folder
from schemas.receipt import Receipt, decode_receipt

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Receipts are collected for some seconds, and several tasks write them; what is named by an earlier instant than this
# before now has long been listed.
_LOOK_BACK_US = 600 * SECOND_US
_LOOK_EVERY_S = 1.0
_END_DEADLINE_S = 5.0
_JOB_RECORD = Path("alerts") / "status.json"
# What an object that is no receipts may raise; a time that is none is a ValueError.
_DAMAGED = (OSError, EOFError, zlib.error, msgspec.DecodeError, ValueError)


class SeenAlert(NamedTuple):
    """An alert by its receipt: when its event happened, when its topic acknowledged it, and how long after arrival."""

    happened_us: int
    published_us: int
    latency_ms: float


class Receipts:
    """The receipts of alerts whose events happened since an instant, each object once, as they appear.

    Args:
        client: of S3.
        bucket: the curated one.
        since_us: the instant.

    Attributes:
        trouble: why receipts could not be read, the last time that they could not; empty where they always could.
    """

    def __init__(self, client: S3Client, bucket: str, since_us: int) -> None:
        self.trouble = ""
        self._client = client
        self._bucket = bucket
        self._since_us = since_us
        self._seen: set[str] = set()

    def read(self, now_us: int) -> list[SeenAlert]:
        """Return what is new. It may be called from any one thread."""
        found: list[SeenAlert] = []
        try:
            listed = set(self._list(max(self._since_us, now_us - _LOOK_BACK_US), now_us))
            for key in sorted(listed - self._seen):
                found += self._receipts_in(key)
                self._seen.add(key)
            # What is listed no more is not looked for again.
            self._seen &= listed
        except (ClientError, BotoCoreError) as error:
            self.trouble = f"receipts could not be read: {error}"
        return found

    def _list(self, from_us: int, until_us: int) -> Iterator[str]:
        for hour_us in range(from_us // HOUR_US * HOUR_US, until_us + 1, HOUR_US):
            folder = RECEIPTS_PREFIX + hour_folder(hour_us)
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=folder, StartAfter=f"{folder}receipts-{from_us}"
            )
            for page in pages:
                yield from (found["Key"] for found in page.get("Contents", ()))

    def _receipts_in(self, key: str) -> list[SeenAlert]:
        body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        try:
            seen = [_seen(decode_receipt(line)) for line in gzip.decompress(body).splitlines()]
        except _DAMAGED as error:
            self.trouble = f"{key} holds no receipts: {error}"
            return []
        return [alert for alert in seen if alert.happened_us >= self._since_us]


class AlertJob:
    """The alert job that runs beside the producers, by what it puts on record in the state folder.

    Args:
        state_dir: the folder.

    Attributes:
        trouble: why its record could not be read, the last time that it could not; empty where it always could.
    """

    def __init__(self, state_dir: Path) -> None:
        self.trouble = ""
        self._path = state_dir / _JOB_RECORD

    def behind_ms(self, now_us: int) -> int | None:
        """Return how far it is behind the newest record of the stream; None where no job says so here and now."""
        try:
            record = msgspec.json.decode(self._path.read_bytes(), type=JobRecord)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            self.trouble = f"the record of the alert job could not be read: {error}"
            return None
        is_heard = now_us - record.updated_us <= STALE_AFTER_US
        is_there = is_said_to_live(record) and record.pid is not None and _is_running(record.pid)
        return record.behind_ms if is_heard and is_there else None


class Watch:
    """Looks at what comes out of the pipeline, in a thread of its own, so that the load never waits for it.

    Args:
        timeline: what to tell.
        receipts: where alerts are seen.
        job: where the alert job is seen.
        start_s: when the load begins, by the monotonic clock.

    Attributes:
        alerts: how many were seen so far.
    """

    def __init__(self, timeline: Timeline, receipts: Receipts, job: AlertJob, start_s: float) -> None:
        self.alerts = 0
        self._timeline = timeline
        self._start_s = start_s
        self._receipts = receipts
        self._job = job
        self._seen: queue.SimpleQueue[SeenAlert] = queue.SimpleQueue()
        self._behind: queue.SimpleQueue[tuple[float, int]] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def troubles(self) -> list[str]:
        """What could not be seen."""
        return [trouble for trouble in (self._receipts.trouble, self._job.trouble) if trouble]

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look for as long as this lasts."""
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join(_END_DEADLINE_S)

    def collect(self) -> int:
        """Put what was seen into the timeline, and return how many alerts were new; for the thread that has it."""
        new = 0
        while not self._seen.empty():
            self._timeline.add_alert(*self._seen.get())
            new += 1
        while not self._behind.empty():
            self._timeline.see_behind(*self._behind.get())
        self.alerts += new
        return new

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_EVERY_S):
            now_us = time.time_ns() // 1000
            behind_ms = self._job.behind_ms(now_us)
            if behind_ms is not None:
                self._behind.put((max(0.0, time.monotonic() - self._start_s), behind_ms))
            for alert in self._receipts.read(now_us):
                self._seen.put(alert)


def _seen(receipt: Receipt) -> SeenAlert:
    happened_us, published_us = map(parse_instant_us, (receipt.event_timestamp, receipt.published_timestamp))
    return SeenAlert(happened_us, published_us, receipt.latency_ms)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
