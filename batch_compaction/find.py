"""Which raw objects there are to be looked at: those that S3 told of, those of recent hours, or all.

Finding may name what is known already, and does not judge that. It may miss: a notification that was lost, an object
put into the folder of an hour long past. `find_all` misses nothing; whoever finds by the others runs it from time to
time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from batch_compaction.notifications import Queue, Received
from batch_compaction.raw import RawObject, list_below, list_raw_objects, listed, raw_object
from schemas import lake
from schemas.errors import WorkFailedError
from schemas.instants import HOUR_US, hour_floor_us

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Firehose tries for a day to deliver, into the folder of the hour in which the oldest record arrived.
RECENT_HOURS = 48
# Below the connections that a client of botocore keeps.
_THREADS = 8
_LEVELS = tuple(map(re.compile, (r"year=\d{4}/", r"month=\d\d/", r"day=\d\d/", r"hour=\d\d/")))


@dataclass(frozen=True, slots=True)
class Found:
    """What a run is to look at.

    Attributes:
        objects: in key order, each once, as they are now.
        gone: keys that S3 told of and that are no longer there.
        strange: what was in the queue and is no notification, by message; it was left there.
        queue: where the objects were found, if in one.
        received: what it said.
    """

    objects: tuple[RawObject, ...]
    gone: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()
    queue: Queue | None = None
    received: Received = field(default_factory=Received, repr=False)

    def acknowledge(self) -> int:
        """Delete the messages that named the objects; call it once the run has committed.

        Returns:
            How many could not be deleted: they show up again, and name what is known then.
        """
        return 0 if self.queue is None else self.queue.delete(self.received)


def find(s3: S3Client, bucket: str, queue: Queue | None, now_us: int) -> Found:
    """Return what a regular run is to look at: what the queue tells, or without a queue what is recent."""
    return find_recent(s3, bucket, now_us) if queue is None else find_notified(s3, bucket, queue)


def find_all(s3: S3Client, bucket: str) -> Found:
    """Return every raw object."""
    return Found(tuple(list_raw_objects(s3, bucket)))


def find_recent(s3: S3Client, bucket: str, now_us: int, hours: int = RECENT_HOURS) -> Found:
    """Return the raw objects of the last hours' folders, and all that lie in no folder of an hour.

    What lies beside the folders of hours within a year, month or day that has no recent hour is left out.

    Args:
        s3: a client.
        bucket: the raw bucket.
        now_us: when the last hour is.
        hours: how many, the present one included; the next one is looked into too, for clocks that run ahead.
    """
    last_us = hour_floor_us(now_us) + HOUR_US
    folders = [lake.hour_folder(last_us - past * HOUR_US) for past in range(hours + 1)]
    recent = {lake.RAW_PREFIX + folder[: level.end()] for folder in folders for level in re.finditer("/", folder)}
    found = _walk(s3, bucket, lake.RAW_PREFIX, recent, 0)
    return Found(tuple(sorted(found, key=lambda raw: raw.key)))


def _walk(s3: S3Client, bucket: str, prefix: str, recent: set[str], level: int) -> Iterator[RawObject]:
    """Yield what lies in a folder of a year, month or day, and in those below that are recent or none of hours."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
    for page in pages:
        yield from listed(bucket, page.get("Contents", ()))
        for below in page.get("CommonPrefixes", ()):
            folder = below["Prefix"]
            is_of_hours = _LEVELS[level].fullmatch(folder, len(prefix)) is not None
            is_hour = level == len(_LEVELS) - 1
            if is_of_hours and not is_hour and folder in recent:
                yield from _walk(s3, bucket, folder, recent, level + 1)
            elif not is_of_hours or folder in recent:
                yield from list_below(s3, bucket, folder)


def find_notified(s3: S3Client, bucket: str, queue: Queue) -> Found:
    """Return the raw objects that the queue's messages name, as they are now.

    S3 is asked for each of them: so it does not matter in which order messages come, how often, and what has become of
    an object since.

    Raises:
        WorkFailedError: the queue cannot be read, or S3 refuses to tell of an object.
    """
    received = queue.receive()
    keys = sorted({notice.key for notice in received.notices if notice.bucket == bucket and _is_raw(notice.key)})
    with ThreadPoolExecutor(_THREADS, "find") as threads:
        objects = list(threads.map(lambda key: _ask(s3, bucket, key), keys))
    return Found(
        objects=tuple(raw for raw in objects if raw is not None),
        gone=tuple(key for key, raw in zip(keys, objects, strict=True) if raw is None),
        strange=tuple(f"message {message_id}: {why}" for message_id, why in sorted(received.strange.items())),
        queue=queue,
        received=received,
    )


def _is_raw(key: str) -> bool:
    return key.startswith(lake.RAW_PREFIX) and not key.endswith("/")


def _ask(s3: S3Client, bucket: str, key: str) -> RawObject | None:
    try:
        answer = s3.head_object(Bucket=bucket, Key=key)
    except (BotoCoreError, ClientError) as error:
        if isinstance(error, ClientError) and error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise WorkFailedError(f"ask for s3://{bucket}/{key}: {error}") from error
    return raw_object(bucket, key, answer["ETag"], answer["ContentLength"], answer["LastModified"])
