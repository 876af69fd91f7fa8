"""Days of a shop's traffic as raw objects and as published tables, on emulated AWS: what is scanned by `scan`.

Raw objects are one an hour, as gzip, under Firehose's names; the tables are what `clickstream compact` makes of them.
"""

from __future__ import annotations

import gzip
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from analytics.published import open_published
from infra.local.front_door import FrontDoor
from producers.shop.simulation import simulate
from producers.shop.visitors import Visitors
from schemas.codec import encode
from schemas.instants import DAY_US, HOUR_US, hour_floor_us, parse_instant_us
from schemas.lake import RAW_PREFIX, firehose_object
from schemas.settings import load_settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# The end of the last day; the day that the questions name is the one before.
END = "2026-11-26T00:00:00Z"
# In each object, since the quarantine is asked about too.
_BROKEN = b"{broken\n"
# A user has so many events, about.
_EVENTS_PER_USER = 25


@dataclass(frozen=True, slots=True)
class Days:
    """So many days with events in the last hours of each; 24 hours are the whole of it."""

    days: int
    events_a_day: int
    hours: int = 24

    @property
    def events(self) -> int:
        """All of them."""
        return self.days * self.events_a_day


@dataclass(frozen=True, slots=True)
class Filled:
    """What there is to scan.

    Attributes:
        raw_bytes, raw_objects: of the raw bucket.
        plain_bytes: of the lines in it, not compressed.
        table_bytes: of the current files, by table.
        table_files: how many these are, by table.
    """

    days: Days
    raw_bytes: int
    raw_objects: int
    plain_bytes: int
    table_bytes: Mapping[str, int]
    table_files: Mapping[str, int]


def fill(days: Days, s3: S3Client, door: FrontDoor, bucket: str, say: Callable[[str], None]) -> Filled:
    """Put the raw objects and publish them; the settings in force are of the deployment that the clients know."""
    say(f"putting {days.events:,} events of {days.days} days")
    raw_bytes = raw_objects = plain_bytes = 0
    for key, lines in _objects(days):
        body = gzip.compress(lines, mtime=0)
        s3.put_object(Bucket=bucket, Key=key, Body=body)
        raw_bytes, raw_objects, plain_bytes = raw_bytes + len(body), raw_objects + 1, plain_bytes + len(lines)
    say(f"compacting {raw_objects:,} raw objects of {raw_bytes:,} bytes")
    door.run("compact", "--all")
    return Filled(days, raw_bytes, raw_objects, plain_bytes, *_tables())


def _objects(days: Days) -> Iterator[tuple[str, bytes]]:
    last_us = parse_instant_us(END)
    users = max(1, days.events // _EVENTS_PER_USER)
    for number in range(days.days):
        end_us = last_us - (days.days - 1 - number) * DAY_US
        visitors = Visitors(days.events_a_day, users, end_us, days.hours * HOUR_US)
        events = simulate(visitors, seed=number)
        for hour_us, some in groupby(events, key=lambda event: hour_floor_us(event.event_timestamp_us)):
            lines = b"".join(encode(event) + b"\n" for event in some) + _BROKEN
            name = firehose_object("clickstream", hour_us, str(uuid.UUID(int=hour_us)))
            yield f"{RAW_PREFIX}{name}.json.gz", lines


def _tables() -> tuple[dict[str, int], dict[str, int]]:
    tables = open_published(load_settings(os.environ, Path.cwd()), os.environ).tables.items()
    return (
        {name: sum(file.size_bytes for file in table.files) for name, table in tables if table.files},
        {name: len(table.files) for name, table in tables if table.files},
    )
