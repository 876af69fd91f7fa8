"""The state of raw objects' lines after a rollback: published where the version that is back holds them, else held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

import pyarrow as pa

from batch_compaction.lake_tables import LakeTable
from batch_compaction.plan import HELD, PUBLISHED
from schemas.instants import timestamp_to_us
from schemas.lake import Partition


def restated(
    table: LakeTable, sources: Mapping[int, Collection[str]]
) -> tuple[dict[Partition, pa.Table], Counter[int]]:
    """Return the days of `raw_objects` that change, and hour -> its lines that are held.

    An object has its lines of an hour merged all at once, so it is in a version where a row of it is. One whose lines
    are all duplicates is in none; it is held as well, and changes nothing when it is merged again.

    Args:
        table: `raw_objects`.
        sources: hour that was rolled back -> the keys of the objects that its rows are from.
    """
    changed, held = dict[Partition, pa.Table](), Counter[int]()
    for day in sorted(table.partitions):
        rows = table.rows([day])
        after, held_here = states_after(rows, sources)
        held.update(held_here)
        if after is not None:
            changed[day] = after
    return changed, held


def states_after(rows: pa.Table, sources: Mapping[int, Collection[str]]) -> tuple[pa.Table | None, Counter[int]]:
    """Return rows of `raw_objects` in their new states, None where none changes, and hour -> lines that are held."""
    held, hours, is_changed = Counter[int](), rows["hours"].to_pylist(), False
    for key, items in zip(rows["key"].to_pylist(), hours, strict=True):
        for item in items:
            hour_us = timestamp_to_us(item["event_hour"])
            if hour_us not in sources:
                continue
            state = PUBLISHED if key in sources[hour_us] else HELD
            is_changed = is_changed or item["state"] != state
            item["state"] = state
            if state == HELD:
                held[hour_us] += item["accepted"]
    if not is_changed:
        return None, held
    index = rows.schema.get_field_index("hours")
    return rows.set_column(index, rows.schema.field(index), pa.array(hours, rows.schema.field(index).type)), held
