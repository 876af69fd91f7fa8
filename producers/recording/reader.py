"""All shards of a stream, read in turn, record by record in the order of each shard.

A read that is throttled or fails is tried again after a growing pause, so many times in a row; nothing is skipped, and
what was read is not read again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from producers.opening import no_client_told
from producers.pacing import Backoff
from producers.put import is_transient
from producers.recording.shards import ListedShard, Start, iterator_arguments, readable, unneeded
from schemas.errors import ConfigError, WorkFailedError
from schemas.instants import datetime_to_us
from schemas.kinesis_record import KinesisRecord

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient

# Source: Kinesis developer guide, "Quotas and limits": five reads a second of a shard. A read gives 10 MB at most; an
# emulator knows no such limit, so the number of records keeps an answer small.
_READ_EVERY_S = 0.2
_READ_RECORDS = 1000
_LIST_EVERY_S = 10.0
# About a minute of failures in a row.
PATIENCE = Backoff(tries=20, first_s=0.1, longest_s=5.0)

_T = TypeVar("_T")


@dataclass(slots=True)
class _Shard:
    shard_id: str
    is_new: bool
    iterator: str | None = None
    has_begun: bool = False
    after: str | None = None
    due_s: float = -math.inf
    failures: int = 0
    behind_ms: int = 0


class StreamReader:
    """Reads one stream. Not safe for use from several threads.

    Args:
        client: made without retries of its own.
        stream: its name.
        start: where to begin.
        patience: the bound of failures in a row, for each shard.
        clock: seconds that never go back.
        sleep: waits so many seconds.
        uniform: draws from [0, 1).

    Attributes:
        retried: how many reads failed and were tried again.
        shards: how many shards were read.
    """

    def __init__(
        self,
        client: KinesisClient,
        stream: str,
        start: Start,
        patience: Backoff,
        clock: Callable[[], float],
        sleep: Callable[[float], object],
        uniform: Callable[[], float],
    ) -> None:
        self.retried = 0
        self.shards = 0
        self._client: Any = client
        self._stream = stream
        self._start = start
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        self._uniform = uniform
        self._ended: set[str] = set()
        self._reading: dict[str, _Shard] = {}

    @property
    def behind_ms(self) -> int:
        """How far the shard that is furthest behind was behind, by its last answer."""
        return max((shard.behind_ms for shard in self._reading.values()), default=0)

    def open(self) -> None:
        """Find the place in every shard where the recording begins.

        Raises:
            ConfigError: there is no such stream, or there are no credentials.
            WorkFailedError: Kinesis refused, or failed too often in a row.
        """
        listed = self._insist("the list of shards", self._listed)
        self._ended |= unneeded(listed, self._start)
        self._take_up(listed, is_new=False)
        # All at once, so that where a shard begins does not hang on how long others are read.
        for shard in self._reading.values():
            shard.iterator = self._insist(shard.shard_id, partial(self._iterator_of, shard))

    def batches(self) -> Iterator[list[KinesisRecord]]:
        """Yield what each read gave, of one shard and in its order, on and on; empty ones too, so that one may stop.

        Raises:
            WorkFailedError: Kinesis refused, or failed too often in a row.
        """
        listed_s = self._clock()
        while True:
            for shard in [shard for shard in self._reading.values() if shard.due_s <= self._clock()]:
                yield self._read(shard)
                if shard.shard_id in self._ended:
                    listed_s = -math.inf
            if self._clock() >= listed_s + _LIST_EVERY_S:
                self._take_up(self._insist("the list of shards", self._listed), is_new=True)
                listed_s = self._clock()
            next_s = min((shard.due_s for shard in self._reading.values()), default=math.inf)
            if (pause_s := min(next_s - self._clock(), _READ_EVERY_S)) > 0:
                self._sleep(pause_s)
                yield []

    def _take_up(self, listed: list[ListedShard], *, is_new: bool) -> None:
        for shard_id in readable(listed, self._ended):
            if shard_id not in self._reading:
                self._reading[shard_id] = _Shard(shard_id, is_new)
                self.shards += 1

    def _read(self, shard: _Shard) -> list[KinesisRecord]:
        """Return the next records of a shard; none where the read failed and is due again."""
        shard.due_s = self._clock() + _READ_EVERY_S
        try:
            if shard.iterator is None:
                shard.iterator = self._iterator_of(shard)
            answer = self._client.get_records(ShardIterator=shard.iterator, Limit=_READ_RECORDS)
        except (ClientError, BotoCoreError) as error:
            if _code_of(error) == "ExpiredIteratorException":
                shard.iterator = None
            else:
                shard.failures += 1
                shard.due_s = self._clock() + self._pause_s(shard.shard_id, shard.failures, error)
            return []
        shard.failures = 0
        records = [_record(shard.shard_id, found) for found in answer["Records"]]
        if records:
            shard.after = records[-1].sequence_number
        shard.iterator = answer.get("NextShardIterator")
        shard.behind_ms = answer.get("MillisBehindLatest", 0)
        if shard.iterator is None:
            self._ended.add(shard.shard_id)
            del self._reading[shard.shard_id]
        return records

    def _iterator_of(self, shard: _Shard) -> str:
        arguments = iterator_arguments(self._start, shard.after, is_new=shard.is_new, is_first=not shard.has_begun)
        answer = self._client.get_shard_iterator(StreamName=self._stream, ShardId=shard.shard_id, **arguments)
        shard.has_begun = True
        iterator: str = answer["ShardIterator"]
        return iterator

    def _listed(self) -> list[ListedShard]:
        pages = self._client.get_paginator("list_shards").paginate(StreamName=self._stream)
        return [_listed_shard(shard) for page in pages for shard in page["Shards"]]

    def _insist(self, what: str, call: Callable[[], _T]) -> _T:
        failures = 0
        while True:
            try:
                return call()
            except (ClientError, BotoCoreError) as error:
                failures += 1
                self._sleep(self._pause_s(what, failures, error))

    def _pause_s(self, what: str, failures: int, error: ClientError | BotoCoreError) -> float:
        """Return how long to wait after so many failures in a row, or raise what they mean."""
        if isinstance(error, NoCredentialsError):
            raise ConfigError(no_client_told(error)) from error
        if _code_of(error) == "ResourceNotFoundException" and not self.shards:
            raise ConfigError(
                f"there is no stream {self._stream!r}; start the local one with `clickstream up`, or name another in "
                "CLICKSTREAM_STREAM"
            ) from error
        if not is_transient(error) or failures >= self._patience.tries:
            raise WorkFailedError(f"cannot read {what} of {self._stream}: {error}") from error
        self.retried += 1
        return self._patience.wait_s(failures, self._uniform())


def _code_of(error: ClientError | BotoCoreError) -> str:
    return str(error.response.get("Error", {}).get("Code")) if isinstance(error, ClientError) else ""


def _listed_shard(shard: dict[str, Any]) -> ListedShard:
    parents = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
    is_closed = "EndingSequenceNumber" in shard["SequenceNumberRange"]
    return ListedShard(shard["ShardId"], tuple(parent for parent in parents if parent), is_closed)


def _record(shard_id: str, found: dict[str, Any]) -> KinesisRecord:
    return KinesisRecord(
        data=found["Data"],
        partition_key=found["PartitionKey"],
        sequence_number=found["SequenceNumber"],
        shard_id=shard_id,
        arrival_timestamp_us=datetime_to_us(found["ApproximateArrivalTimestamp"]),
    )
