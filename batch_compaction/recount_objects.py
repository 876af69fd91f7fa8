"""The raw objects of a day: which they are by `raw_objects` and a listing of their own, and the recount of their lines.

An object is read again only where it is still what the tables were made of, or where no run has read it. Of the latter
the lines are counted and not compared: one missing object is one anomaly, not as many as it has lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from batch_compaction.plan import PUBLISHED
from batch_compaction.recount import ATTESTATION, REJECTED, Anomaly, Recount
from batch_compaction.recount_attestations import content_of, read_attestation
from batch_compaction.recount_content import lines_of
from batch_compaction.recount_events import MAX_LINE_BYTES, read_event
from schemas import lake
from schemas.instants import datetime_to_us, hour_floor_us, timestamp_to_us

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# What is read of `raw_objects`.
KNOWN_COLUMNS = [
    *("bucket", "key", "etag", "arrival_hour", "lines", "accepted", "quarantined", "attestations", "blank", "hours"),
]
_CHUNK_BYTES = 1024 * 1024
_DAMAGED, _LACKS_A_FIELD = "damaged_object", "missing_field"


@dataclass(frozen=True, slots=True)
class RawDay:
    """Where the raw objects lie and which hours of theirs are recounted.

    Attributes:
        hours: the event hours, and the arrival hours of the quarantine.
        thorough: read every raw object, also those that `raw_objects` says do not touch these hours.
    """

    s3: S3Client
    bucket: str
    hours: range
    thorough: bool


@dataclass(slots=True)
class RawObject:
    """A raw object as it is listed, as `raw_objects` has it, or both."""

    key: str
    etag: str | None = None
    arrival_hour_us: int = 0
    known: dict[str, Any] | None = None
    states: dict[int, str] = field(default_factory=dict)
    accepted: Counter[int] = field(default_factory=Counter)
    lines: int = 0
    blank: int = 0
    others: Counter[str] = field(default_factory=Counter)

    @property
    def is_readable(self) -> bool:
        """Whether it can be recounted: nobody has read it yet, or it is still what was read."""
        return self.etag is not None and (self.known is None or self.is_as_read)

    @property
    def is_as_read(self) -> bool:
        """Whether it is still what the tables were made of."""
        return self.known is not None and self.etag == self.known["etag"]


def objects_of(day: RawDay, rows: Iterable[Mapping[str, Any]]) -> dict[str, RawObject]:
    """Return key -> raw object, for those that may hold something of the day."""
    known = dict(_known(day, rows))
    objects: dict[str, RawObject] = {}
    for page in day.s3.get_paginator("list_objects_v2").paginate(Bucket=day.bucket, Prefix=lake.RAW_PREFIX):
        for listed in page.get("Contents", ()):
            key = listed["Key"]
            is_known, row = key in known, known.pop(key, None)
            if key.endswith("/") or (is_known and row is None):
                continue
            arrival_us = lake.hour_of_key(key)
            if arrival_us is None:
                arrival_us = hour_floor_us(datetime_to_us(listed["LastModified"]))
            objects[key] = RawObject(key, listed["ETag"].strip('"'), arrival_us, row, _states(row))
    gone = {key: RawObject(key, None, row["arrival"], row, _states(row)) for key, row in known.items() if row}
    return objects | gone


def _known(day: RawDay, rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Yield the key and the row of each object of `raw_objects`; no row of one that has nothing of these hours."""
    for row in rows:
        if row["bucket"] != day.bucket:
            continue
        arrival_us = timestamp_to_us(row["arrival_hour"])
        hours = {timestamp_to_us(hour["event_hour"]): hour for hour in row["hours"]}
        is_wanted = day.thorough or arrival_us in day.hours or any(hour in day.hours for hour in hours)
        yield row["key"], dict(row) | {"arrival": arrival_us, "hours": hours} if is_wanted else None


def _states(row: dict[str, Any] | None) -> dict[int, str]:
    return {} if row is None else {hour: item["state"] for hour, item in row["hours"].items()}


def read(day: RawDay, item: RawObject, recount: Recount, unpublished: Counter[tuple[int, str]]) -> None:
    """Recount the lines of an object; those of one that no run has read are counted only.

    Args:
        day: the day.
        item: the object.
        recount: is given the lines that should be in the tables.
        unpublished: counts the lines that are not said to be, by event hour and state.
    """
    body = day.s3.get_object(Bucket=day.bucket, Key=item.key)["Body"]
    lines = lines_of(body.iter_chunks(_CHUNK_BYTES), MAX_LINE_BYTES, is_streamed=lake.is_firehose_object(item.key))
    for line in lines:
        item.lines += 1
        if not line.is_torn and not line.data.strip():
            item.blank += 1
            continue
        found = _DAMAGED if line.is_torn else read_event(line.data, item.arrival_hour_us)
        if isinstance(found, str):
            kind, reason, content = _other(found, line.data)
            item.others[kind] += 1
            if item.known is not None and item.arrival_hour_us in day.hours:
                recount.add_other(kind, item.arrival_hour_us, item.key, line.number, reason, content)
            continue
        hour_us = hour_floor_us(found["event_timestamp"])
        item.accepted[hour_us] += 1
        if item.known is None or hour_us not in day.hours:
            continue
        state = item.states.get(hour_us, PUBLISHED)
        if state == PUBLISHED:
            recount.add_line(hour_us, found, item.key, line.number)
        else:
            unpublished[hour_us, state] += 1


def _other(reason: str, line: bytes) -> tuple[str, str, bytes]:
    """Return the kind of a line that is no event for a reason, its reason there, and what it holds."""
    attested = read_attestation(line) if reason == _LACKS_A_FIELD else None
    return (REJECTED, reason, line) if attested is None else (ATTESTATION, ATTESTATION, content_of(attested))


def unreadable(item: RawObject) -> Anomaly:
    """Return what is wrong with an object that is no longer what was read."""
    kind, got = ("object_gone", "it is gone") if item.etag is None else ("object_changed", "it was overwritten")
    return Anomaly(kind, None, item.key, None, None, "the object as it was read", got)


def never_read(day: RawDay, item: RawObject) -> Anomaly | None:
    """Return what is wrong with an object that no run has read, where it has anything to do with the day."""
    events = sum(count for hour, count in item.accepted.items() if hour in day.hours)
    if not events and item.arrival_hour_us not in day.hours:
        return None
    expected = f"{events} events of the day, {item.others.total()} lines that are no event"
    return Anomaly("object_never_read", None, item.key, None, None, expected, "not in raw_objects")


def miscounted(item: RawObject) -> list[Anomaly]:
    """Return where `raw_objects` and the lines of an object disagree."""
    known = item.known or {}
    counts = {
        "lines": item.lines,
        "accepted": sum(item.accepted.values()),
        "quarantined": item.others[REJECTED],
        "attestations": item.others[ATTESTATION],
        "blank": item.blank,
    }
    mine = _told(counts, item.accepted)
    theirs = _told(known, {hour: row["accepted"] for hour, row in known["hours"].items()})
    return [] if mine == theirs else [Anomaly("object_miscounted", None, item.key, None, None, mine, theirs)]


def _told(counts: Mapping[str, int], accepted: Mapping[int, int]) -> str:
    by_hour = ", ".join(f"{lake.format_hour(hour)}: {count}" for hour, count in sorted(accepted.items()))
    return (
        f"{counts['lines']} lines = {counts['accepted']} accepted ({by_hour}) + {counts['quarantined']} quarantined"
        f" + {counts['attestations']} attestations + {counts['blank']} blank"
    )
