"""Which raw objects a run reads and which event hours it publishes.

Pure: time is an argument. The folder of an object says when we heard, so any object may touch any hour.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from batch_compaction.raw import RawObject
from schemas.instants import HOUR_US, SECOND_US

# How long after an hour's end an object that arrived in it may still become known: Firehose buffers up to 15 minutes.
GRACE_US = 20 * 60 * SECOND_US
PUBLISHED = "published"
OPEN = "open"


@dataclass(frozen=True, slots=True)
class HourPolicy:
    """Which event hours this run may publish.

    Attributes:
        now_us: the instant to judge by.
        include_open: publish hours that are not over yet, too.
        only: the hours asked for; None for every hour.
    """

    now_us: int
    include_open: bool = False
    only: frozenset[int] | None = None

    def may_publish(self, hour_us: int) -> bool:
        """Say whether the hour is asked for, and closed or asked for although it is open."""
        asked = self.only is None or hour_us in self.only
        return asked and (self.include_open or self.is_closed(hour_us))

    def is_closed(self, hour_us: int) -> bool:
        """Say whether every object that arrived until the hour's end is known."""
        return hour_us + HOUR_US + GRACE_US <= self.now_us


@dataclass(frozen=True, slots=True)
class KnownObject:
    """What `raw_objects` says of an object: its etag, and per event hour the accepted lines and their state."""

    etag: str
    hours: Mapping[int, tuple[int, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Assignment:
    """One object to read; of its lines, those of the hours already published are done."""

    raw: RawObject
    done: frozenset[int]


def known_objects(rows: pa.Table) -> dict[tuple[str, str], KnownObject]:
    """Return (bucket, key) -> what the rows of `raw_objects` say."""
    return {(row["bucket"], row["key"]): _known(row) for row in rows.to_pylist()}


def _known(row: Mapping[str, Any]) -> KnownObject:
    hours = {_as_us(item["event_hour"]): (item["accepted"], item["state"]) for item in row["hours"]}
    return KnownObject(row["etag"], hours)


def _as_us(moment: Any) -> int:
    value: int = pa.scalar(moment, pa.timestamp("us")).value
    return value


def assignments(
    listed: Iterable[RawObject], known: Mapping[tuple[str, str], KnownObject], policy: HourPolicy
) -> Iterator[Assignment]:
    """Yield the objects to read: new or changed ones, and those with open lines that may now be published."""
    for raw in listed:
        before = known.get((raw.bucket, raw.key))
        if before is None or before.etag != raw.etag:
            yield Assignment(raw, frozenset())
            continue
        if any(state == OPEN and policy.may_publish(hour) for hour, (_, state) in before.hours.items()):
            yield Assignment(raw, frozenset(hour for hour, (_, state) in before.hours.items() if state == PUBLISHED))
