"""Publishing the lines of a run that are no event: arrival hours of the quarantine, each rewritten into a file.

The lines of objects that were read take the place of what their hour holds of them, so that a run that died is simply
run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa

from batch_compaction.arrival_hours import rewrite
from batch_compaction.intake import Arrived
from batch_compaction.lake_tables import LakeTable
from batch_compaction.quarantine_rows import row_groups, rows_after
from schemas.lake import partition_of_hour


def publish(
    table: LakeTable,
    arrived: Arrived,
    run_id: str,
    folder: Path,
    properties: Mapping[str, str],
    on_step: Callable[[str], None],
) -> list[str]:
    """Make the quarantine hold the lines of the objects as they were read, and return its name where that changed it.

    A line that is there already keeps the run that saw it first; the others get this one.

    Raises:
        CommitFailedException: another run came first; plan again from fresh tables.
        WorkFailedError: the folder is full.
    """
    keys = arrived.keys(table.partitions)

    def groups_of(hour_us: int) -> Iterator[pa.Table]:
        there = table.dataset([partition_of_hour(hour_us)])
        return row_groups(rows_after(there, keys[hour_us], arrived.lines.pieces(hour_us), run_id))

    return rewrite(table, keys, groups_of, folder, properties, on_step)
