"""Splits and merges shards of a stream, one after another, each until the stream is active again."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from schemas.errors import WorkFailedError

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient

_POLL_S = 0.5
_TIMEOUT_S = 600


class _Shard(NamedTuple):
    start: int
    end: int
    shard_id: str


class Resharder:
    """Changes the shards of one stream."""

    def __init__(self, client: KinesisClient, stream: str) -> None:
        self._client = client
        self._stream = stream

    def split(self) -> None:
        """Split the shard with the widest range in its middle.

        Raises:
            WorkFailedError: it cannot be split, or the stream does not become active.
        """
        self._until_active()
        widest = max(self._open_shards(), key=lambda shard: shard.end - shard.start)
        middle = (widest.start + widest.end + 1) // 2
        try:
            self._client.split_shard(
                StreamName=self._stream, ShardToSplit=widest.shard_id, NewStartingHashKey=str(middle)
            )
        except (ClientError, BotoCoreError) as error:
            raise WorkFailedError(f"shard {widest.shard_id} cannot be split: {error}") from error
        self._until_active()

    def merge(self) -> None:
        """Merge the two neighbours whose ranges are the narrowest together.

        Raises:
            WorkFailedError: they cannot be merged, there are no two, or the stream does not become active.
        """
        self._until_active()
        neighbours = list(pairwise(self._open_shards()))
        if not neighbours:
            raise WorkFailedError(f"nothing to merge: stream {self._stream} has one open shard")
        left, right = min(neighbours, key=lambda pair: pair[1].end - pair[0].start)
        try:
            self._client.merge_shards(
                StreamName=self._stream, ShardToMerge=left.shard_id, AdjacentShardToMerge=right.shard_id
            )
        except (ClientError, BotoCoreError) as error:
            raise WorkFailedError(f"shards {left.shard_id} and {right.shard_id} cannot be merged: {error}") from error
        self._until_active()

    def _open_shards(self) -> list[_Shard]:
        """Return the open shards by their ranges."""
        try:
            pages = self._client.get_paginator("list_shards").paginate(StreamName=self._stream)
            shards = [shard for page in pages for shard in page["Shards"]]
        except (ClientError, BotoCoreError) as error:
            raise WorkFailedError(f"the shards of {self._stream} cannot be listed: {error}") from error
        return sorted(
            _Shard(
                int(shard["HashKeyRange"]["StartingHashKey"]),
                int(shard["HashKeyRange"]["EndingHashKey"]),
                shard["ShardId"],
            )
            for shard in shards
            if "EndingSequenceNumber" not in shard["SequenceNumberRange"]
        )

    def _until_active(self) -> None:
        deadline_s = time.monotonic() + _TIMEOUT_S
        while True:
            try:
                summary = self._client.describe_stream_summary(StreamName=self._stream)
            except (ClientError, BotoCoreError) as error:
                raise WorkFailedError(f"stream {self._stream} does not tell its status: {error}") from error
            status = summary["StreamDescriptionSummary"]["StreamStatus"]
            if status == "ACTIVE":
                return
            if time.monotonic() > deadline_s:
                raise WorkFailedError(f"stream {self._stream} is {status} for more than {_TIMEOUT_S} s")
            time.sleep(_POLL_S)
