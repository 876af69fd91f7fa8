"""What upkeep may take away and what it must keep: snapshots, tags and days; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from batch_compaction.plan import last_closed_day_us
from schemas.instants import DAY_US, datetime_to_us

_TAG = "day-"
_MS_US = 1000


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what is kept.

    Attributes:
        now_us: the instant to judge by.
        snapshots_us: a snapshot is kept for so long after another one took its place.
        tags_us: the tag of a day for so long after the day.
        grace_us: a file to which nothing refers for so long, since it may be of a run that has yet to commit, and so
            long after the last snapshot that referred to it went, since a reader or a rollback may be using that one.
    """

    now_us: int
    snapshots_us: int
    tags_us: int
    grace_us: int


@dataclass(frozen=True, slots=True)
class SnapshotTime:
    """A snapshot and when it was made, in milliseconds as Iceberg has it."""

    snapshot_id: int
    timestamp_ms: int


def expired(snapshots: Sequence[SnapshotTime], referred: Collection[int], retention: Retention) -> list[int]:
    """Return the snapshots that may go: replaced before the retention began, and named by no branch or tag.

    Args:
        snapshots: all of a table, in order.
        referred: those that a branch or a tag names.
        retention: how long they are kept.
    """
    since_us = retention.now_us - retention.snapshots_us
    return [
        snapshot.snapshot_id
        for snapshot, successor in pairwise(snapshots)
        if successor.timestamp_ms * _MS_US < since_us and snapshot.snapshot_id not in referred
    ]


def tag_of(day: Sequence[int]) -> str:
    """Return the name of the tag of a day: `day-2026-11-24`."""
    return _TAG + "-".join(f"{part:02d}" for part in day)


def due_tags(days: Iterable[tuple[int, ...]], tags: Collection[str], retention: Retention) -> list[str]:
    """Return the tags to make: of closed days that have rows and are young enough, in order."""
    since_us = retention.now_us - retention.tags_us
    closed = (day for day in days if is_closed_day(day, retention.now_us) and _start_us(tag_of(day)) >= since_us)
    return sorted({tag_of(day) for day in closed} - set(tags))


def old_tags(tags: Iterable[str], retention: Retention) -> list[str]:
    """Return the tags of days to take away, in order; those that others made stay."""
    since_us = retention.now_us - retention.tags_us
    return sorted(tag for tag in tags if tag.startswith(_TAG) and 0 <= _start_us(tag) < since_us)


def is_closed_day(day: Sequence[int], now_us: int) -> bool:
    """Say whether every hour of a day (year, month, day) is closed."""
    return _start_us(tag_of(day)) <= last_closed_day_us(now_us)


def _start_us(tag: str) -> int:
    """Return the start of the day of a tag; -1 for a tag of no day."""
    try:
        return datetime_to_us(datetime.strptime(tag, f"{_TAG}%Y-%m-%d").replace(tzinfo=UTC))
    except ValueError:
        return -DAY_US
