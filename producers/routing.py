"""Which shard a partition key belongs to.

Decides from the hash ranges of the open shards alone and refuses ranges that leave a key without a shard. It does not
notice a later split or merge: a record still lands on the shard that then owns its hash key.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from schemas.errors import WorkFailedError

_CACHED_KEYS = 1 << 16


@dataclass(frozen=True, slots=True)
class Shard:
    """An open shard; it owns the hash keys from `start` up to the next shard's."""

    shard_id: str
    start: int


class Router:
    """Maps partition keys to the open shards of one stream.

    Args:
        shards: the open shards in any order.

    Raises:
        WorkFailedError: no shard owns the lowest hash key.
    """

    def __init__(self, shards: Sequence[Shard]) -> None:
        self.shards = tuple(sorted(shards, key=lambda shard: shard.start))
        if not self.shards or self.shards[0].start != 0:
            raise WorkFailedError("the stream's open shards do not cover the hash keys; is it still being created?")
        self._starts = [shard.start for shard in self.shards]
        # Users return, so most keys are known; the bound keeps memory flat.
        self.index_of = lru_cache(maxsize=_CACHED_KEYS)(self._index_of)

    def _index_of(self, partition_key: str) -> int:
        return bisect_right(self._starts, hash_key_of(partition_key)) - 1


def hash_key_of(partition_key: str) -> int:
    """Return the 128-bit hash key of a partition key.

    Source: Kinesis API reference, PutRecord: an MD5 hash maps partition keys to 128-bit integers.
    """
    return int.from_bytes(hashlib.md5(partition_key.encode(), usedforsecurity=False).digest(), "big")
