"""The published tables as of one moment: which data files they consist of, and those files as Arrow datasets.

Reads only. A table that was never published, or not yet at that moment, is there and has no files. Each dataset knows
the partition of each of its files, so that a filter on year, month, day and hour opens no file that it does not want.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import pyarrow.dataset as ds
import pyarrow.fs as pafs
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.table import Table as IcebergTable

from batch_compaction.lake_tables import Lake, open_lake
from schemas.errors import WorkFailedError
from schemas.lake import Partition
from schemas.settings import Settings
from schemas.tables import TABLE_NAMES, TABLES, Table


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One Parquet file of a table.

    Attributes:
        path: its address, `s3://...`.
        partition: the values of the table's partition columns; empty where it has none.
        rows: how many it holds.
        size_bytes: how long it is.
    """

    path: str
    partition: Partition
    rows: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """One table as of a snapshot.

    Attributes:
        snapshot_id: the snapshot; None where the table had none.
        files: its files, ordered by partition and address.
        filesystem: what opens them.
    """

    definition: Table
    snapshot_id: int | None
    files: tuple[PublishedFile, ...]
    filesystem: pafs.FileSystem | None

    def dataset(self, files: Collection[PublishedFile] | None = None) -> ds.Dataset:
        """Return the rows of the given files, or of all, as a dataset that reads only what is asked of it."""
        chosen = self.files if files is None else tuple(files)
        schema = self.definition.schema
        if not chosen or self.filesystem is None:
            return ds.dataset(schema.empty_table())
        parquet = ds.ParquetFileFormat()
        fragments = [
            parquet.make_fragment(
                file.path.removeprefix("s3://"), self.filesystem, partition_expression=self._expression(file)
            )
            for file in chosen
        ]
        return ds.FileSystemDataset(fragments, schema, parquet, self.filesystem)

    def _expression(self, file: PublishedFile) -> ds.Expression:
        expression = ds.scalar(True)
        for column, value in zip(self.definition.partition, file.partition, strict=True):
            expression = expression & (ds.field(column) == value)
        return expression


@dataclass(frozen=True, slots=True)
class Published:
    """The tables of one deployment as of one moment, by name."""

    database: str
    tables: Mapping[str, PublishedTable]


def open_published(
    settings: Settings,
    environment: Mapping[str, str],
    as_of: datetime | None = None,
    names: Collection[str] = TABLE_NAMES,
) -> Published:
    """Return the named tables as they are, or as they were at an instant.

    Args:
        settings: the deployment.
        environment: the process environment, for endpoints and credentials.
        as_of: the instant, with a zone; None for now.
        names: which tables.

    Raises:
        WorkFailedError: another writer left row deletes in one of them, or the snapshots of that time are expired.
    """
    lake = open_lake(settings, environment)
    opened = {table.name: _open(lake, table, as_of) for table in TABLES if table.name in names}
    return Published(settings.database, opened)


def _open(lake: Lake, definition: Table, as_of: datetime | None) -> PublishedTable:
    try:
        iceberg = lake.catalog.load_table((lake.database, definition.name))
    except NoSuchTableError:
        return PublishedTable(definition, None, (), None)
    snapshot_id = _snapshot_id(definition, iceberg, as_of)
    if snapshot_id is None:
        return PublishedTable(definition, None, (), None)
    files = []
    for task in iceberg.scan(snapshot_id=snapshot_id).plan_files():
        if task.delete_files:
            raise WorkFailedError(
                f"{definition.name} holds row deletes of another writer, which are not applied here: ask with "
                "--engine trino or athena, or have one of its engines rewrite the data files"
            )
        partition = tuple(task.file.partition[index] for index in range(len(definition.partition)))
        files.append(
            PublishedFile(task.file.file_path, partition, task.file.record_count, task.file.file_size_in_bytes)
        )
    io = iceberg.io
    assert isinstance(io, PyArrowFileIO)  # noqa: S101 - what a catalog of Glue opens tables with, unless it is told
    ordered = tuple(sorted(files, key=lambda file: (file.partition, file.path)))
    return PublishedTable(definition, snapshot_id, ordered, io.fs_by_scheme("s3", None))


def _snapshot_id(definition: Table, iceberg: IcebergTable, as_of: datetime | None) -> int | None:
    if as_of is None:
        current = iceberg.current_snapshot()
        return current.snapshot_id if current else None
    as_of_ms = int(as_of.timestamp() * 1000)
    kept = sorted(iceberg.snapshots(), key=lambda snapshot: snapshot.sequence_number or 0)
    before = [entry for entry in iceberg.metadata.snapshot_log if entry.timestamp_ms <= as_of_ms]
    if before and iceberg.snapshot_by_id(before[-1].snapshot_id) is not None:
        return before[-1].snapshot_id
    # The first snapshot of all has no parent: then there was no row before it.
    if not before and (not kept or kept[0].parent_snapshot_id is None):
        return None
    raise WorkFailedError(
        f"what {definition.name} was at {as_of.isoformat()} is not kept any more: `clickstream maintain` has expired "
        "the snapshots of that time"
    )
