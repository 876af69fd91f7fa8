"""Which shards to read, and from where: the arithmetic of positions.

A position is a sequence number, or `ENDED` once a closed shard was read to its end. A shard without one begins where
the job began. A child is not read before its parents have ended: one key's events keep their order through a reshard.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.errors import ConfigError
from schemas.instants import parse_instant_us, us_to_datetime

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

    Args:
        choice: `trim-horizon`, `latest`, or an ISO-8601 instant with its zone.
        now_us: the present.

    Raises:
        ConfigError: the choice is none of these, or an instant that is yet to come.
    """
    if choice == TRIM_HORIZON:
        return TRIM_HORIZON
    if choice == LATEST:
        return f"{_AT}{now_us}"
    try:
        at_us = parse_instant_us(choice)
    except ValueError as error:
        raise ConfigError(
            f"a job cannot begin at {choice!r}: give {TRIM_HORIZON}, {LATEST} or an instant with its zone, "
            "such as 2026-11-24T10:00:00Z"
        ) from error
    if at_us > now_us:
        raise ConfigError(
            f"a job cannot begin at {choice}, which is yet to come: for what comes from now on give {LATEST}"
        )
    return f"{_AT}{at_us}"


def instant_of(start: str) -> datetime | None:
    """Return the instant at which a job begins, or None where it begins with the oldest record."""
    return us_to_datetime(int(start.removeprefix(_AT))) if start.startswith(_AT) else None


def slot_of(shard_id: str, slots: int) -> int:
    """Return the slot that reads a shard, the same one in every life; shards that follow each other get different ones.

    Source: Kinesis numbers its shards from `shardId-000000000000` on. A name without a number gets slot 0.
    """
    return int("".join(filter(str.isdecimal, shard_id)) or 0) % slots


def readable(shards: Sequence[Shard], positions: Mapping[str, str], ended: Container[str]) -> list[str]:
    """Return the shards to read now, in the order listed.

    Args:
        shards: all that the stream lists; a parent that it no longer lists holds nobody up.
        positions: where the reader has read its shards to.
        ended: the shards whose last record went on its way, whoever read it.
    """
    listed = {shard.shard_id for shard in shards}
    return [
        shard.shard_id
        for shard in shards
        if positions.get(shard.shard_id) != ENDED
        and all(parent in ended or parent not in listed for parent in shard.parents)
    ]


def iterator_arguments(position: str | None, start: str) -> dict[str, str | datetime]:
    """Return the arguments of GetShardIterator that go on after a position, or begin where there is none."""
    if position is not None:
        return {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": position}
    instant = instant_of(start)
    if instant is not None:
        return {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": instant}
    return {"ShardIteratorType": "TRIM_HORIZON"}
