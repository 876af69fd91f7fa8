"""Which shards of a stream to read, and from where. Pure.

A child is not read before its parents have ended: one key's records keep their order through a split or a merge.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.errors import ConfigError
from schemas.instants import parse_instant_us, us_to_datetime

LATEST = "latest"
TRIM = "trim"


@dataclass(frozen=True, slots=True)
class ListedShard:
    """A shard as the stream lists it."""

    shard_id: str
    parents: tuple[str, ...] = ()
    is_closed: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """Where a recording begins.

    Attributes:
        choice: `latest`, `trim`, or an ISO-8601 instant with its zone.
        now_us: when it begins.

    Raises:
        ConfigError: the choice is none of these, or an instant that is yet to come.
    """

    choice: str
    now_us: int

    def __post_init__(self) -> None:
        if self.choice not in (LATEST, TRIM) and self._instant_us() > self.now_us:
            raise ConfigError(f"--from {self.choice} is yet to come; give {LATEST} for what comes from now on")

    @property
    def at(self) -> datetime:
        """The first instant that is recorded, but for the oldest records."""
        return us_to_datetime(self.now_us if self.choice == LATEST else self._instant_us())

    def _instant_us(self) -> int:
        try:
            return parse_instant_us(self.choice)
        except (ValueError, OverflowError) as error:
            raise ConfigError(
                f"--from is {self.choice!r}; give {LATEST}, {TRIM} or an instant with its zone, "
                "such as 2026-11-24T10:00:00Z"
            ) from error


def unneeded(shards: Sequence[ListedShard], start: Start) -> set[str]:
    """Return the shards that were listed first and hold nothing to record: with `latest`, those that were closed."""
    return {shard.shard_id for shard in shards if shard.is_closed} if start.choice == LATEST else set()


def readable(shards: Sequence[ListedShard], ended: Collection[str]) -> list[str]:
    """Return the shards to read now, in the order listed.

    Args:
        shards: all that the stream lists; a parent that it no longer lists holds nobody up.
        ended: those of them that were read to their end, or need not be read.
    """
    listed = {shard.shard_id for shard in shards}
    return [
        shard.shard_id
        for shard in shards
        if shard.shard_id not in ended and all(parent in ended or parent not in listed for parent in shard.parents)
    ]


def iterator_arguments(start: Start, after: str | None, *, is_new: bool, is_first: bool) -> dict[str, str | datetime]:
    """Return the arguments of GetShardIterator for a shard.

    Args:
        start: where the recording begins.
        after: the sequence number of the last record that was read of it.
        is_new: it was not there when the recording began.
        is_first: no iterator was had of it before; a second one at the latest would skip what came in between.
    """
    if after is not None:
        return {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": after}
    if start.choice == TRIM or is_new:
        return {"ShardIteratorType": "TRIM_HORIZON"}
    if start.choice == LATEST and is_first:
        return {"ShardIteratorType": "LATEST"}
    return {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": start.at}
