"""What a run writes of itself: the state of raw objects, and the record of its commits.

`raw_objects` is overwritten by object inside the partitions of the objects' arrival, never appended to, so that a run
that died is simply run again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from batch_compaction.hours import Change, change_record
from batch_compaction.hours_log import CHANGES, RUN_ID
from batch_compaction.intake import ReadObject
from batch_compaction.lake_tables import NO_MARKS, LakeTable, Marks
from batch_compaction.plan import PUBLISHED, HourPolicy, known_objects
from batch_compaction.raw import RawObject
from schemas.instants import format_instant_us, timestamp_to_us, us_to_timestamp
from schemas.lake import Partition, format_hour, partition_of_hour
from schemas.tables import DAY_PARTITION, RAW_OBJECTS

_PENDING = "clickstream.pending-days"


def days_to_look_at(table: LakeTable, found: Iterable[RawObject]) -> set[Partition]:
    """Return the partitions of `raw_objects` that can say something of found objects, or hold pending ones."""
    pending = table.iceberg.properties.get(_PENDING, "")
    return {_day_of(raw) for raw in found} | {tuple(map(int, day.split("-"))) for day in pending.split(",") if day}


def pending_mark(table: LakeTable, replaced: Mapping[Partition, pa.Table]) -> Marks:
    """Return the mark of `raw_objects` that names the days of pending objects, once some days were replaced."""
    days = days_to_look_at(table, ()) | replaced.keys()
    pending = [day for day in sorted(days) if _has_pending(replaced[day] if day in replaced else table.rows([day]))]
    named = ",".join("-".join(f"{part:02d}" for part in day) for day in pending)
    return {_PENDING: named} if named != table.iceberg.properties.get(_PENDING, "") else NO_MARKS


def _has_pending(rows: pa.Table) -> bool:
    return any(known.is_pending for known in known_objects(rows).values())


def _day_of(raw: RawObject) -> Partition:
    return partition_of_hour(raw.arrival_hour_us)[:3]


def object_partitions(
    table: LakeTable, read: Iterable[ReadObject], policy: HourPolicy, held: Collection[int]
) -> dict[Partition, pa.Table]:
    """Return arrival day -> its raw objects, the given ones as they are after a run in which checks held some hours."""
    by_day: dict[Partition, list[ReadObject]] = {}
    for item in read:
        by_day.setdefault(_day_of(item.raw), []).append(item)
    return {day: _overwritten(table, day, _object_rows(items, policy, held)) for day, items in by_day.items()}


def waiting_lines(table: LakeTable, replaced: Mapping[Partition, pa.Table]) -> Counter[int]:
    """Return event hour -> accepted lines that are not published, once some days of `raw_objects` were replaced."""
    waiting: Counter[int] = Counter()
    for day in days_to_look_at(table, ()) | replaced.keys():
        for hours in (replaced[day] if day in replaced else table.rows([day]))["hours"].to_pylist():
            for item in hours:
                if item["state"] != PUBLISHED:
                    waiting[timestamp_to_us(item["event_hour"])] += item["accepted"]
    return waiting


def last_arrivals(read: Iterable[ReadObject]) -> dict[int, int]:
    """Return event hour -> the latest hour in which lines of it arrived in some objects."""
    latest: dict[int, int] = {}
    for item in read:
        for hour_us in item.accepted:
            latest[hour_us] = max(latest.get(hour_us, 0), item.raw.arrival_hour_us)
    return latest


def snapshot_properties(
    run_id: str, changes: Mapping[int, Change], policy: HourPolicy, published_through_us: int | None = None
) -> dict[str, str]:
    """Return what each commit of a run says of itself: the run, what it changes, and how far all is known."""
    properties = {RUN_ID: run_id, "clickstream.hours": ",".join(map(format_hour, sorted(changes)))}
    if changes:
        properties[CHANGES] = change_record(changes)
    if policy.only is None:  # else other hours that are over may wait
        properties["clickstream.closed-through"] = format_instant_us(policy.closed_through_us)
    if published_through_us is not None:
        properties["clickstream.published-through"] = format_instant_us(published_through_us)
    return properties


def _overwritten(table: LakeTable, day: Partition, rows: pa.Table) -> pa.Table:
    """Return a day's raw objects, the given ones in the place of what the table says of them, in its order."""
    held = table.rows([day])
    kept = held.filter(pc.invert(pc.is_in(held["key"], rows["key"].combine_chunks())))
    return pa.concat_tables([kept, rows]).sort_by([(name, "ascending") for name in table.definition.order])


def _object_rows(items: Iterable[ReadObject], policy: HourPolicy, held: Collection[int]) -> pa.Table:
    return pa.Table.from_pylist([_object_row(item, policy, held) for item in items], schema=RAW_OBJECTS.schema)


def _object_row(item: ReadObject, policy: HourPolicy, held: Collection[int]) -> dict[str, Any]:
    raw = item.raw
    hours = [
        {
            "event_hour": us_to_timestamp(hour),
            "accepted": accepted,
            "state": item.assignment.state_after(hour, policy, held),
        }
        for hour, accepted in sorted(item.accepted.items())
    ]
    return {
        "bucket": raw.bucket,
        "key": raw.key,
        "etag": raw.etag,
        "size_bytes": raw.size_bytes,
        "arrival_hour": us_to_timestamp(raw.arrival_hour_us),
        "lines": item.lines,
        "accepted": item.accepted.total(),
        "quarantined": item.quarantined.total(),
        "attestations": item.attestations,
        "blank": item.blank,
        "hours": hours,
        **dict(zip(DAY_PARTITION, _day_of(raw), strict=True)),
    }
