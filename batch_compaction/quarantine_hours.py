"""Publishing the lines of a run that are no event: arrival hours of the quarantine, each rewritten into a file.

The lines of objects that were read take the place of what their hour holds of them, so that a run that died is simply
run again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path

from batch_compaction.intake import Arrived
from batch_compaction.lake_tables import LakeTable, write_parquet
from batch_compaction.quarantine_rows import row_groups, rows_after
from schemas.lake import Partition, partition_of_hour


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
    if keys:
        on_step(f"publish {table.definition.name}")
    files: dict[Partition, str | None] = {}
    for hour_us, named in keys.items():
        at, path = partition_of_hour(hour_us), folder / f"{hour_us}-quarantine.parquet"
        groups = row_groups(rows_after(table.dataset([at]), named, arrived.lines.pieces(hour_us), run_id))
        files[at] = None
        if first := next(groups, None):
            write_parquet(chain([first], groups), table.file_schema, path)
            files[at] = table.upload(at, path)
            path.unlink()
    return [table.definition.name] if table.commit(files, properties) else []
