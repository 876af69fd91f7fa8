"""Which raw objects a run reads and which event hours it publishes.

Pure: time is an argument. The folder of an object says when we heard, so any object may touch any hour.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from batch_compaction.raw import RawObject
from schemas.instants import DAY_US, SECOND_US, hour_floor_us, timestamp_to_us
from schemas.proving import is_proving

# How long after an hour's end an object that arrived in it may still become known: Firehose buffers up to 15 minutes.
GRACE_US = 20 * 60 * SECOND_US
# The state of an object's lines of one event hour: in the tables; held back, by a check or a rollback; waiting for
# the hour to close.
PUBLISHED = "published"
HELD = "held"
OPEN = "open"


@dataclass(frozen=True, slots=True)
class HourPolicy:
    """Which event hours this run may publish.

    Attributes:
        now_us: the instant to judge by.
        include_open: publish hours that are not over yet, too.
        only: the hours asked for; None for every hour.
        rolled_back: hours of which nothing may be published until somebody redoes them.
    """

    now_us: int
    include_open: bool = False
    only: frozenset[int] | None = None
    rolled_back: frozenset[int] = frozenset()

    def may_publish(self, hour_us: int) -> bool:
        """Say whether the hour is asked for, not rolled back, and closed or asked for although it is open."""
        asked = self.only is None or hour_us in self.only
        return asked and hour_us not in self.rolled_back and (self.include_open or self.is_closed(hour_us))

    def is_closed(self, hour_us: int) -> bool:
        """Say whether every object that arrived until the hour's end is known."""
        return hour_us < self.closed_through_us

    @property
    def closed_through_us(self) -> int:
        """The start of the first hour that is not closed."""
        return hour_floor_us(self.now_us - GRACE_US)


def published_through(closed_us: int, waiting: Iterable[int]) -> int:
    """Return the instant before which every hour is over and none has lines that wait.

    Args:
        closed_us: the instant before which every hour is over.
        waiting: hours that have such lines; those for proving do not count.
    """
    return min([closed_us, *(hour_us for hour_us in waiting if not is_proving(hour_us))])


def last_closed_day_us(now_us: int) -> int:
    """Return the start of the last day, UTC, of which every hour is closed."""
    return (now_us - GRACE_US) // DAY_US * DAY_US - DAY_US


@dataclass(frozen=True, slots=True)
class KnownObject:
    """What `raw_objects` says of an object: what was read of it, and the state of its lines by event hour."""

    raw: RawObject
    states: Mapping[int, str] = field(default_factory=dict)

    @property
    def is_pending(self) -> bool:
        """Whether some of its lines are not published."""
        return any(state != PUBLISHED for state in self.states.values())


@dataclass(frozen=True, slots=True)
class Assignment:
    """One object to read, and the state of its lines by event hour where it was read before."""

    raw: RawObject
    states: Mapping[int, str] = field(default_factory=dict)

    def wants(self, hour_us: int, policy: HourPolicy) -> bool:
        """Say whether the object's lines of an hour are to be published now."""
        return self.states.get(hour_us) != PUBLISHED and policy.may_publish(hour_us)

    def state_after(self, hour_us: int, policy: HourPolicy, held: Collection[int]) -> str:
        """Return the state of the object's lines of an hour after a run in which checks held some hours."""
        if not self.wants(hour_us, policy):
            before = self.states.get(hour_us, OPEN)
            return HELD if before == OPEN and hour_us in policy.rolled_back else before
        return HELD if hour_us in held else PUBLISHED


def known_objects(rows: pa.Table) -> dict[tuple[str, str], KnownObject]:
    """Return (bucket, key) -> what the rows of `raw_objects` say."""
    return {(row["bucket"], row["key"]): _known(row) for row in rows.to_pylist()}


def _known(row: Mapping[str, Any]) -> KnownObject:
    raw = RawObject(row["bucket"], row["key"], row["etag"], row["size_bytes"], timestamp_to_us(row["arrival_hour"]))
    return KnownObject(raw, {timestamp_to_us(item["event_hour"]): item["state"] for item in row["hours"]})


def assignments(
    found: Iterable[RawObject], known: Mapping[tuple[str, str], KnownObject], policy: HourPolicy
) -> list[Assignment]:
    """Return the objects to read, in key order: new ones, and those with open or held lines that may now be published.

    An object that was overwritten after it was read is not read again: its first lines are in the tables, and which of
    them other objects repeat is no longer known. `overwritten` names it.
    """
    new = [Assignment(raw) for raw in found if (raw.bucket, raw.key) not in known]
    changed = {(raw.bucket, raw.key) for raw in _changed(found, known)}
    old = [Assignment(before.raw, before.states) for place, before in known.items() if place not in changed]
    wanted = [item for item in old if any(item.wants(hour, policy) for hour in item.states)]
    return sorted([*new, *wanted], key=lambda item: (item.raw.key, item.raw.bucket))


def overwritten(found: Iterable[RawObject], known: Mapping[tuple[str, str], KnownObject]) -> list[str]:
    """Return the keys of objects that are no longer what was read of them."""
    return [raw.key for raw in _changed(found, known)]


def _changed(found: Iterable[RawObject], known: Mapping[tuple[str, str], KnownObject]) -> Iterator[RawObject]:
    for raw in found:
        before = known.get((raw.bucket, raw.key))
        if before is not None and before.raw.etag != raw.etag:
            yield raw
