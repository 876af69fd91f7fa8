"""The checks that a merged hour must pass before anyone sees it.

Pure. They are computed from the rows by another route than the merge, so that a fault of the merge is noticed.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from batch_compaction.merge import MergedHour
from schemas.instants import HOUR_US


def faults_of(merged: MergedHour, new_lines: pa.Table, held_facts: pa.Table) -> list[str]:
    """Return what is wrong with a merged hour, for a person; nothing when it may be published.

    Args:
        merged: the hour after the merge.
        new_lines: every line that came in, of whatever hour.
        held_facts: the facts before, of whatever hour.
    """
    ids = merged.facts["click_id"]
    faults = []
    if pc.count_distinct(ids).as_py() != len(merged.facts):
        faults.append("an event id stands twice in the facts")
    if not _all_within(merged.facts["event_timestamp"], merged.hour_us):
        faults.append("a fact lies outside of its hour")
    expected = pa.chunked_array(
        [*_ids_of_hour(new_lines, merged.hour_us), *_ids_of_hour(held_facts, merged.hour_us)], pa.string()
    )
    if pc.count_distinct(expected).as_py() != len(merged.facts):
        faults.append(f"{pc.count_distinct(expected).as_py()} event ids went in, {len(merged.facts)} facts came out")
    if merged.duplicates < 0:
        faults.append(f"{-merged.duplicates} more rows came out than lines went in")
    return faults


def _all_within(timestamps: pa.ChunkedArray, hour_us: int) -> bool:
    bounds = pc.min_max(timestamps.cast(pa.int64())).as_py()
    return bounds["min"] is None or (hour_us <= bounds["min"] and bounds["max"] < hour_us + HOUR_US)


def _ids_of_hour(rows: pa.Table, hour_us: int) -> list[pa.Array]:
    instants = rows["event_timestamp"].cast(pa.int64())
    within = pc.and_(pc.greater_equal(instants, hour_us), pc.less(instants, hour_us + HOUR_US))
    chunks: list[pa.Array] = rows["click_id"].filter(within).chunks
    return chunks
