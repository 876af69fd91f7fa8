"""Tables that are parted by the hour of arrival: hours of them rewritten, each into one file.

What an hour is to hold is decided by whoever publishes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path

import pyarrow as pa

from batch_compaction.lake_tables import LakeTable, write_parquet
from schemas.lake import Partition, partition_of_hour


def rewrite(
    table: LakeTable,
    hours: Iterable[int],
    groups_of: Callable[[int], Iterator[pa.Table]],
    folder: Path,
    properties: Mapping[str, str],
    on_step: Callable[[str], None],
) -> list[str]:
    """Make hours of a table hold the row groups that are given for each, and return its name where it changed.

    Raises:
        CommitFailedException: another run came first; plan again from fresh tables.
        WorkFailedError: the folder is full.
    """
    files: dict[Partition, str | None] = {}
    for hour_us in hours:
        if not files:
            on_step(f"publish {table.definition.name}")
        at, path = partition_of_hour(hour_us), folder / f"{hour_us}-{table.definition.name}.parquet"
        groups = groups_of(hour_us)
        files[at] = None
        if first := next(groups, None):
            write_parquet(chain([first], groups), table.file_schema, path)
            files[at] = table.upload(at, path)
            path.unlink()
    return [table.definition.name] if table.commit(files, properties) else []
