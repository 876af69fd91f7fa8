"""Which shards to read, and from where: the arithmetic of positions.

A position is a sequence number, or `ENDED` once a closed shard was read to its end. A shard without one begins where
the job began. A child is not read before its parents have ended: one key's events keep their order through a reshard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.instants import us_to_datetime

ENDED = "ENDED"
TRIM_HORIZON = "trim-horizon"
LATEST = "latest"
_AT = "at:"


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard as the stream lists it."""

    shard_id: str
    parents: tuple[str, ...] = ()


def start_of(choice: str, now_us: int) -> str:
    """Return where a job begins, as text to keep in its state.

    The latest is an instant: a restart before the first record would otherwise skip what came meanwhile.
    """
    return f"{_AT}{now_us}" if choice == LATEST else TRIM_HORIZON


def readable(shards: Sequence[Shard], positions: Mapping[str, str]) -> list[str]:
    """Return the shards to read now, in the order listed."""
    listed = {shard.shard_id for shard in shards}
    ended = {shard_id for shard_id, position in positions.items() if position == ENDED}
    return [
        shard.shard_id
        for shard in shards
        if shard.shard_id not in ended and all(parent in ended or parent not in listed for parent in shard.parents)
    ]


def iterator_arguments(position: str | None, start: str) -> dict[str, str | datetime]:
    """Return the arguments of GetShardIterator that go on after a position, or begin where there is none."""
    if position is not None:
        return {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": position}
    if start.startswith(_AT):
        return {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": us_to_datetime(int(start.removeprefix(_AT)))}
    return {"ShardIteratorType": "TRIM_HORIZON"}
