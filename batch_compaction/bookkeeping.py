"""What a run writes beside the facts: the quarantine, the state of raw objects, and the record of its commits.

Both tables are overwritten by object inside the partitions of the objects' arrival, never appended to, so that a run
that died is simply run again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from batch_compaction.lake_tables import LakeTable, Partition
from batch_compaction.merge import MergedHour
from batch_compaction.parse import ParsedObject
from batch_compaction.plan import GRACE_US, Assignment, HourPolicy
from batch_compaction.raw import RawObject
from schemas.instants import format_instant_us, hour_floor_us, us_to_datetime
from schemas.lake import format_hour, partition_of_hour
from schemas.tables import DAY_PARTITION, RAW_OBJECTS


def quarantine_partitions(table: LakeTable, parsed: Iterable[ParsedObject]) -> dict[Partition, pa.Table]:
    """Return arrival hour -> its quarantined lines, those of the given objects replaced."""
    by_hour = _by_partition(parsed, lambda raw: partition_of_hour(raw.arrival_hour_us))
    return {
        hour: _overwritten(table, hour, "source_object", objects, [item.quarantined for item in objects])
        for hour, objects in by_hour.items()
        if hour in table.partitions or any(len(item.quarantined) for item in objects)
    }


def object_partitions(
    table: LakeTable,
    todo: Iterable[Assignment],
    parsed: Sequence[ParsedObject],
    policy: HourPolicy,
    held: Collection[int],
) -> dict[Partition, pa.Table]:
    """Return arrival day -> its raw objects, the given ones as they are after a run in which checks held some hours."""
    rows = {item.raw: _object_row(read, item, policy, held) for read, item in zip(todo, parsed, strict=True)}
    by_day = _by_partition(parsed, lambda raw: partition_of_hour(raw.arrival_hour_us)[:3])
    return {
        day: _overwritten(table, day, "key", objects, [rows[item.raw] for item in objects])
        for day, objects in by_day.items()
    }


def snapshot_properties(run_id: str, merged: Iterable[MergedHour], policy: HourPolicy) -> dict[str, str]:
    """Return what each commit of a run says of itself: the run, its hours, what changed, and how far all is known."""
    changes = {
        format_hour(hour.hour_us): {"facts": [hour.facts_before, len(hour.facts)], "new_lines": hour.new_lines}
        for hour in merged
    }
    properties = {
        "clickstream.run-id": run_id,
        "clickstream.hours": ",".join(changes),
        "clickstream.change-record": json.dumps(changes),
    }
    if policy.only is None:  # else other hours that are over may wait
        properties["clickstream.closed-through"] = format_instant_us(hour_floor_us(policy.now_us - GRACE_US))
    return properties


def _by_partition(
    parsed: Iterable[ParsedObject], partition_of: Callable[[RawObject], Partition]
) -> dict[Partition, list[ParsedObject]]:
    grouped: dict[Partition, list[ParsedObject]] = {}
    for item in parsed:
        grouped.setdefault(partition_of(item.raw), []).append(item)
    return grouped


def _overwritten(
    table: LakeTable, partition: Partition, key_column: str, objects: list[ParsedObject], rows: list[pa.Table]
) -> pa.Table:
    """Return a partition's rows with those of the given objects replaced, in the table's order."""
    held = table.rows([partition])
    keys = pa.array([item.raw.key for item in objects], pa.string())
    kept = held.filter(pc.invert(pc.is_in(held[key_column], keys)))
    order = [(name, "ascending") for name in table.definition.order]
    return pa.concat_tables([kept, *rows]).sort_by(order)


def _object_row(read: Assignment, item: ParsedObject, policy: HourPolicy, held: Collection[int]) -> pa.Table:
    raw = item.raw
    hours = [
        {
            "event_hour": us_to_datetime(hour).replace(tzinfo=None),
            "accepted": accepted,
            "state": read.state_after(hour, policy, held),
        }
        for hour, accepted in sorted(item.accepted_by_hour().items())
    ]
    row = {
        "bucket": raw.bucket,
        "key": raw.key,
        "etag": raw.etag,
        "size_bytes": raw.size_bytes,
        "arrival_hour": us_to_datetime(raw.arrival_hour_us).replace(tzinfo=None),
        "lines": item.lines,
        "accepted": len(item.accepted),
        "quarantined": len(item.quarantined),
        "blank": item.blank,
        "hours": hours,
        **dict(zip(DAY_PARTITION, partition_of_hour(raw.arrival_hour_us), strict=False)),
    }
    return pa.Table.from_pylist([row], schema=RAW_OBJECTS.schema)
