"""Which shard a partition key belongs to.

Decides from the hash ranges of the open shards alone and refuses ranges that leave a key without a shard. It does not
notice a later split or merge: the answer to a put names the shard where a record landed, and whoever reads it asks for
the shards again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from schemas.errors import WorkFailedError
from schemas.hash_keys import MAX_HASH_KEY, hash_key_of


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard; it owns the hash keys from `start` to `end`, both included."""

    shard_id: str
    start: int
    end: int
    is_open: bool = True

    def owns(self, hash_key: int) -> bool:
        """Say whether records of a hash key belong here."""
        return self.start <= hash_key <= self.end


class Router:
    """Maps hash keys to the open shards of one stream.

    Args:
        shards: all shards in any order; closed ones take no records.

    Raises:
        WorkFailedError: a hash key has no open shard.
    """

    def __init__(self, shards: Iterable[Shard]) -> None:
        self.shards = tuple(sorted((shard for shard in shards if shard.is_open), key=lambda shard: shard.start))
        self._starts = [shard.start for shard in self.shards]
        uncovered = 0
        for shard in self.shards:
            if shard.start > uncovered:
                break
            uncovered = max(uncovered, shard.end + 1)
        if uncovered <= MAX_HASH_KEY:
            raise WorkFailedError("the stream's open shards do not cover the hash keys; is it still being created?")

    def index_of(self, hash_key: int) -> int:
        """Return the place in `shards` of the shard that takes a hash key."""
        return bisect_right(self._starts, hash_key) - 1


def address_of(partition_key: str, explicit_hash_key: str | None) -> int:
    """Return the hash key by which a record is routed: the explicit one, which is valid, where it has one."""
    return hash_key_of(partition_key) if explicit_hash_key is None else int(explicit_hash_key)
