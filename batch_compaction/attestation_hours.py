"""Publishing the attestations of a run: arrival hours of their table, each rewritten into a file.

Those of objects that were read take the place of what their hour holds of these objects, so that a run that died is
simply run again. Whether two of them say the same is for whoever reads the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc

from batch_compaction.arrival_hours import rewrite
from batch_compaction.intake import Arrived
from batch_compaction.lake_tables import LakeTable
from batch_compaction.sorting import Room, sorted_groups
from schemas.lake import Partition, partition_of_hour

# About what a row takes in memory.
_ROW_BYTES = 400


def publish(
    table: LakeTable,
    arrived: Arrived,
    room: Room,
    properties: Mapping[str, str],
    on_step: Callable[[str], None],
) -> list[str]:
    """Make the table hold the attestations of the objects as they were read, and return its name where it changed.

    Raises:
        CommitFailedException: another run came first; plan again from fresh tables.
        WorkFailedError: the folder is full.
    """
    keys = arrived.keys(table.partitions)

    def groups_of(hour_us: int) -> Iterator[pa.Table]:
        at = partition_of_hour(hour_us)
        rows = chain(_of_others(table, at, keys[hour_us]), arrived.lines.pieces(hour_us))
        size_bytes = (table.rows_in(at) + arrived.lines.count(hour_us)) * _ROW_BYTES
        return sorted_groups(rows, size_bytes, table.definition.schema, table.definition.order, room)

    return rewrite(table, keys, groups_of, room.folder, properties, on_step)


def _of_others(table: LakeTable, at: Partition, keys: list[str]) -> Iterator[pa.Table]:
    """Yield the rows of an hour that are not from the objects of these keys."""
    others = ~pc.field("source_object").isin(pa.array(keys, pa.string()))
    for batch in table.dataset([at]).to_batches(filter=others, batch_readahead=1, fragment_readahead=1):
        yield pa.Table.from_batches([batch])
