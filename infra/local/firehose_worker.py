"""The Firehose stand-in's process: polls every shard, parents before children, and delivers to S3.

Reads from the beginning of the stream or from its checkpoint, which moves only after every object of a delivery was
put; so a kill loses nothing and may repeat the last delivery. What fails is tried again until a deadline; then the
process ends and its log says why. SIGTERM delivers what is buffered first.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import time
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Literal, TypedDict
from uuid import uuid4

from infra.local.description import Clients, connect
from infra.local.firehose import Arrival, Buffer, Delivery, hints_of
from infra.local.firehose_state import Checkpoint, FirehoseFolder, Progress
from infra.local.retries import Retries
from schemas.errors import ClickstreamError
from schemas.instants import datetime_to_us

if TYPE_CHECKING:
    from mypy_boto3_kinesis.type_defs import ShardTypeDef

POLL_S = 0.2


class _Start(TypedDict, total=False):
    ShardIteratorType: Literal["TRIM_HORIZON", "AFTER_SEQUENCE_NUMBER"]
    StartingSequenceNumber: str


log = logging.getLogger("firehose")


class FirehoseWorker:
    """Moves one stream's records to one bucket.

    Args:
        clients: of the emulator.
        stream: read from.
        bucket: written to.
        buffer: holding nothing, at the checkpoint's positions.
        folder: for checkpoint, progress and flush requests.
        stop: ends `run`, and the patience with a failing service, when it is set.
        give_up_after_s: how long one call may go on failing.
    """

    def __init__(
        self,
        clients: Clients,
        stream: str,
        bucket: str,
        buffer: Buffer,
        folder: FirehoseFolder,
        stop: Event,
        give_up_after_s: float,
    ) -> None:
        self._clients, self._stream, self._bucket = clients, stream, bucket
        self._buffer, self._folder = buffer, folder
        self._stop = stop
        self._retries = Retries(f"stream {stream} to {bucket}", stop, give_up_after_s)
        self._checkpoint = folder.read_checkpoint()
        self._iterators: dict[str, str] = {}
        self._ended: set[str] = set()
        self._reported: Progress | None = None

    def run(self) -> None:
        """Deliver until stopped, then deliver what is buffered.

        Raises:
            WorkFailedError: Kinesis or S3 refused, or failed for too long.
        """
        self._open_ready_shards()
        while not self._stop.is_set():
            requests = self._folder.flush_requests()
            is_at_end = self._read_each_shard_once()
            if (requests and is_at_end) or self._buffer.is_due(time.time_ns() // 1000):
                self._deliver()
            self._report(is_at_end)
            if is_at_end:
                for request in requests:
                    request.unlink(missing_ok=True)
                self._stop.wait(POLL_S)
        self._deliver()
        self._report(is_at_end=False)

    def _open_ready_shards(self) -> bool:
        """Open every shard whose parents were read to their end; say whether one was opened."""
        shards = self._retries.call(_all_shards, self._clients, self._stream)
        waiting = [s for s in shards if s["ShardId"] not in self._iterators and s["ShardId"] not in self._ended]
        ready = [s["ShardId"] for s in waiting if _parents(s) <= self._ended]
        for shard_id in ready:
            self._iterators[shard_id] = self._iterator_of(shard_id)
        return bool(ready)

    def _iterator_of(self, shard_id: str) -> str:
        position = self._checkpoint.positions.get(shard_id)
        start: _Start = (
            {"ShardIteratorType": "TRIM_HORIZON"}
            if position is None
            else {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": position}
        )
        ask = self._clients.kinesis.get_shard_iterator
        return self._retries.call(ask, StreamName=self._stream, ShardId=shard_id, **start)["ShardIterator"]

    def _read_each_shard_once(self) -> bool:
        """Buffer what one GetRecords of each shard returns; say whether all of them were read to their end."""
        is_at_end = True
        for shard_id, iterator in list(self._iterators.items()):
            answer = self._retries.call(self._clients.kinesis.get_records, ShardIterator=iterator)
            for record in answer["Records"]:
                arrival_us = datetime_to_us(record["ApproximateArrivalTimestamp"])
                self._buffer.add(Arrival(record["Data"], arrival_us, shard_id, record["SequenceNumber"]))
                if self._buffer.is_full:
                    self._deliver()
            following = answer.get("NextShardIterator")
            if following:
                self._iterators[shard_id] = following
                is_at_end &= answer["MillisBehindLatest"] == 0
            else:
                del self._iterators[shard_id]
                self._ended.add(shard_id)
                is_at_end &= not self._open_ready_shards()
        return is_at_end

    def _deliver(self) -> None:
        if not self._buffer.records:
            return
        delivery = self._buffer.drain(str(uuid4()))
        for item in delivery.objects:
            self._retries.call(self._clients.s3.put_object, Bucket=self._bucket, Key=item.key, Body=item.body)
        self._checkpoint = _advanced(self._checkpoint, delivery)
        self._folder.write_checkpoint(self._checkpoint)
        log.info("delivered records=%d errors=%d", delivery.records, delivery.errors)

    def _report(self, is_at_end: bool) -> None:
        progress = Progress(
            delivered_records=self._checkpoint.delivered_records,
            delivered_objects=self._checkpoint.delivered_objects,
            failed_records=self._checkpoint.failed_records,
            buffered_records=self._buffer.records,
            buffered_bytes=self._buffer.size_bytes,
            caught_up=is_at_end and not self._buffer.records,
            positions=self._checkpoint.positions,
        )
        if progress != self._reported:
            self._folder.write_progress(progress)
            self._reported = progress


def _parents(shard: ShardTypeDef) -> set[str]:
    return {parent for parent in (shard.get("ParentShardId"), shard.get("AdjacentParentShardId")) if parent}


def _all_shards(clients: Clients, stream: str) -> list[ShardTypeDef]:
    pages = clients.kinesis.get_paginator("list_shards").paginate(StreamName=stream)
    return [shard for page in pages for shard in page["Shards"]]


def _advanced(checkpoint: Checkpoint, delivery: Delivery) -> Checkpoint:
    return Checkpoint(
        positions=delivery.positions,
        delivered_records=checkpoint.delivered_records + delivery.records,
        delivered_objects=checkpoint.delivered_objects + len(delivery.objects),
        failed_records=checkpoint.failed_records + delivery.errors,
    )


def main(arguments: list[str]) -> int:
    """Deliver until SIGTERM; return 1 after a failure that the log names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="for checkpoint, progress and flush requests")
    parser.add_argument("--stream", required=True)
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--seconds", type=float, default=10.0, help="deliver at this age of the oldest record")
    parser.add_argument("--mib", type=float, default=4.0, help="deliver at this size")
    parser.add_argument("--give-up-after-s", type=float, default=60.0, help="how long a call may go on failing")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    folder = FirehoseFolder(options.folder)
    try:
        buffer = Buffer(options.stream, hints_of(options.seconds, options.mib), folder.read_checkpoint().positions)
        worker = FirehoseWorker(
            connect(os.environ), options.stream, options.bucket, buffer, folder, stop, options.give_up_after_s
        )
        worker.run()
    except ClickstreamError as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
