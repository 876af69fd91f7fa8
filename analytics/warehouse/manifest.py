"""A manifest of data files for Redshift's COPY, and the versions of the hours that they are; pure.

Only files of one snapshot are in it. In a table's folder lie older ones beside them, which a later publish has
replaced: COPY from the folder would load those as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from analytics.published import PublishedFile
from schemas.errors import ConfigError
from schemas.instants import DAY_US, HOUR_US, timestamp_to_us
from schemas.lake import hour_of_partition
from schemas.tables import DAY_PARTITION, HOUR_PARTITION, Table


class HourLoaded(msgspec.Struct, frozen=True):
    """What `hours` says of an hour, a line for COPY's JSON; timestamps without a zone, in UTC.

    Attributes:
        version: the version in force; null where the hour holds nothing.
        published_through: the instant before which every hour was over and complete, of all that is known.
    """

    event_hour: str
    version: int | None
    facts: int
    published_through: str


class ManifestReport(msgspec.Struct, frozen=True):
    """What a manifest names.

    Attributes:
        snapshot_id: the snapshot whose files they are; None where the table had none.
        out: where it was written.
        hours_out: where the hours were written; None where nobody asked.
    """

    table: str
    snapshot_id: int | None
    files: int
    rows: int
    bytes: int
    out: str
    hours_out: str | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """Hours from one on and before another, in microseconds."""

    from_us: int
    to_us: int

    def touches(self, first_us: int, end_us: int) -> bool:
        """Say whether a stretch of time has some of it."""
        return first_us < self.to_us and end_us > self.from_us


def files_in(table: Table, files: Iterable[PublishedFile], span: Span | None) -> list[PublishedFile]:
    """Return those files that hold rows of the hours, in their order.

    Args:
        table: the table, parted by hour, by day or not at all.
        files: all its files.
        span: the hours; None for all.

    Raises:
        ConfigError: the table has no hours, or keeps whole days in a file and the span cuts one.
    """
    if span is None:
        return list(files)
    if table.partition == DAY_PARTITION:
        if span.from_us % DAY_US or span.to_us % DAY_US:
            raise ConfigError(f"{table.name} keeps a day in a file: give --from and --to at the start of a day")
        return [
            file for file in files if span.touches(day_us := hour_of_partition((*file.partition, 0)), day_us + DAY_US)
        ]
    if table.partition != HOUR_PARTITION:
        raise ConfigError(f"{table.name} is not parted by hour: leave out --hour, --from and --to")
    return [file for file in files if span.touches(hour_us := hour_of_partition(file.partition), hour_us + HOUR_US)]


def manifest_of(files: Sequence[PublishedFile]) -> bytes:
    """Return the manifest of some files as COPY reads it.

    Each has its length, without which COPY takes no Parquet file, and has to be there. A manifest without entries has
    COPY fail.

    Sources: Amazon Redshift developer guide, "Using a manifest to specify data files".
    """
    entries = [{"url": file.path, "mandatory": True, "meta": {"content_length": file.size_bytes}} for file in files]
    return msgspec.json.format(msgspec.json.encode({"entries": entries}), indent=2) + b"\n"


def hours_loaded(rows: Iterable[dict[str, Any]], span: Span) -> list[HourLoaded]:
    """Return what the rows of `hours` say of those of a span, in order.

    Args:
        rows: all rows: how far everything is published is known by the latest.
        span: the hours.
    """
    known = list(rows)
    if not known:
        return []
    through = _text(max(row["published_through"] for row in known))
    chosen = [row for row in known if span.from_us <= timestamp_to_us(row["event_hour"]) < span.to_us]
    return [
        HourLoaded(_text(row["event_hour"]), row["version"], row["facts"], through)
        for row in sorted(chosen, key=lambda row: row["event_hour"])
    ]


def hours_lines(hours: Iterable[HourLoaded]) -> bytes:
    """Return hours as JSON lines."""
    return b"".join(msgspec.json.encode(hour) + b"\n" for hour in hours)


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"
