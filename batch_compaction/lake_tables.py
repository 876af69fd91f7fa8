"""The Iceberg tables in the Glue catalog: opening them, reading a partition, replacing whole partitions.

A partition of ours is one file (or none), named by the digest of its content: equal rows are equal bytes under an
equal name, a re-run after a crash writes the same file again, and a partition that did not change is not committed.
A replacement is one commit; a concurrent commit makes it fail, since nothing here retries on its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import boto3
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError, TableAlreadyExistsError
from pyiceberg.io.pyarrow import PyArrowFileIO, parquet_file_to_data_file, schema_to_pyarrow
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table import TableProperties

from schemas.errors import WorkFailedError
from schemas.settings import Settings
from schemas.tables import TABLE_NAMES, TABLES, Table

Partition = tuple[int, ...]
# Rows of one row group: large enough to compress well, small enough that a reader may skip some of a busy hour.
ROW_GROUP_ROWS = 128 * 1024
_PROPERTIES = {
    TableProperties.FORMAT_VERSION: "2",
    TableProperties.PARQUET_COMPRESSION: "snappy",
    # Bounds of whole values: a cut text is rounded up to its next character, which after U+D7FF is none.
    "write.metadata.metrics.default": "full",
    # A retry would publish rows that were merged from a snapshot that is no longer current.
    TableProperties.COMMIT_NUM_RETRIES: "0",
}


class LakeTable:
    """One table as of the snapshot that was current when it was opened.

    Raises:
        WorkFailedError: another writer left row deletes in it.
    """

    def __init__(self, definition: Table, iceberg: IcebergTable) -> None:
        self.definition = definition
        self.iceberg = iceberg
        self._files: dict[Partition, list[DataFile]] = {}
        for task in iceberg.scan().plan_files():
            if task.delete_files:
                raise WorkFailedError(
                    f"{definition.name} holds row deletes of another writer, which are not applied here: have one "
                    "of its engines rewrite the data files (on Athena: OPTIMIZE ... REWRITE DATA USING BIN_PACK)"
                )
            self._files.setdefault(self._partition_of(task.file), []).append(task.file)

    def _partition_of(self, file: DataFile) -> Partition:
        return tuple(file.partition[index] for index in range(len(self.definition.partition)))

    @property
    def partitions(self) -> frozenset[Partition]:
        """The partitions that hold rows."""
        return frozenset(self._files)

    @property
    def row_count(self) -> int:
        """The number of rows, from the metadata alone."""
        return sum(file.record_count for files in self._files.values() for file in files)

    def paths(self, partitions: Iterable[Partition] | None = None) -> list[str]:
        """Return the addresses of the data files, of the given partitions or of all."""
        chosen = sorted(self._files if partitions is None else set(partitions) & self._files.keys())
        return [file.file_path for partition in chosen for file in self._files[partition]]

    def dataset(self, partitions: Iterable[Partition] | None = None) -> ds.Dataset:
        """Return the rows as an Arrow dataset, which reads only the columns and row groups that are asked for."""
        paths = self.paths(partitions)
        if not paths:
            return ds.dataset(self.definition.schema.empty_table())
        filesystem = PyArrowFileIO(self.iceberg.io.properties).fs_by_scheme("s3", None)
        keys = [path.removeprefix("s3://") for path in paths]
        return ds.dataset(keys, schema=self.definition.schema, filesystem=filesystem, format="parquet")

    def rows(self, partitions: Iterable[Partition] | None = None) -> pa.Table:
        """Return the rows of the given partitions, or of all."""
        return self.dataset(partitions).to_table()

    def replace(self, partitions: Mapping[Partition, pa.Table], properties: Mapping[str, str]) -> bool:
        """Make the given partitions hold the given rows, in one commit; False where they already do.

        Args:
            partitions: partition -> its rows from now on, in the table's order; no rows empty the partition.
            properties: what the snapshot's summary says of this commit.

        Raises:
            CommitFailedException: another commit came first; plan again from fresh tables.
        """
        added, removed = [], []
        for partition, rows in sorted(partitions.items()):
            before = self._files.get(partition, [])
            path = self._write(partition, rows) if len(rows) else None
            if [file.file_path for file in before] == ([path] if path else []):
                continue
            removed += before
            added += [path] if path else []
        if not added and not removed:
            return False
        with (
            self.iceberg.transaction() as transaction,
            transaction.update_snapshot(snapshot_properties=dict(properties)).overwrite() as snapshot,
        ):
            for file in removed:
                snapshot.delete_data_file(file)
            for path in added:
                snapshot.append_data_file(parquet_file_to_data_file(self.iceberg.io, transaction.table_metadata, path))
        return True

    def _write(self, partition: Partition, rows: pa.Table) -> str:
        body = parquet_bytes(rows, schema_to_pyarrow(self.iceberg.schema()))
        named = zip(self.definition.partition, partition, strict=True)
        folders = "".join(f"{name}={value:02d}/" for name, value in named)
        path = f"{self.iceberg.location()}/{folders}{hashlib.sha256(body).hexdigest()[:32]}.parquet"
        with self.iceberg.io.new_output(path).create(overwrite=True) as stream:
            stream.write(body)
        return path


def parquet_bytes(rows: pa.Table, schema: pa.Schema) -> bytes:
    """Return a Parquet file of the rows under a schema that carries field ids; equal rows give equal bytes."""
    sink = pa.BufferOutputStream()
    # One chunk a column, since the cuts of an input would show in the pages of the file.
    pq.write_table(
        rows.cast(schema).combine_chunks(),
        sink,
        row_group_size=ROW_GROUP_ROWS,
        compression="snappy",
        store_schema=False,
    )
    body: bytes = sink.getvalue().to_pybytes()
    return body


@dataclass(frozen=True, slots=True)
class Lake:
    """The catalog of one deployment."""

    catalog: GlueCatalog
    database: str
    bucket: str

    def open(self, definition: Table) -> LakeTable:
        """Return a table at its current snapshot, made first where it is not there yet."""
        name = (self.database, definition.name)
        try:
            return LakeTable(definition, self.catalog.load_table(name))
        except NoSuchTableError:
            self._create(definition)
            return LakeTable(definition, self.catalog.load_table(name))

    def find(self, names: Collection[str] = TABLE_NAMES) -> dict[str, LakeTable]:
        """Return those of the named tables that are there, by name; makes none."""
        found = {}
        for definition in (table for table in TABLES if table.name in names):
            try:
                found[definition.name] = LakeTable(
                    definition, self.catalog.load_table((self.database, definition.name))
                )
            except NoSuchTableError:
                continue
        return found

    def _create(self, definition: Table) -> None:
        self.catalog.create_namespace_if_not_exists(self.database, {"location": f"s3://{self.bucket}"})
        location = f"s3://{self.bucket}/{definition.name}"
        creation = self.catalog.create_table_transaction(
            (self.database, definition.name), definition.schema, location, properties=_PROPERTIES
        )
        with creation.update_spec() as spec:
            for column in definition.partition:
                spec.add_identity(column)
        # Whoever came first in between made the same table.
        with suppress(TableAlreadyExistsError, CommitFailedException):
            creation.commit_transaction()


def open_lake(settings: Settings, environment: Mapping[str, str]) -> Lake:
    """Return the lake that the settings name; region, endpoints and credentials are the environment's."""
    properties = {"client.region": boto3.Session().region_name or "us-east-1"}
    # boto3 reads the standard endpoint variables, Arrow's S3 client does not.
    if endpoint := environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL"):
        properties["s3.endpoint"] = endpoint
    return Lake(GlueCatalog("glue", client=None, **properties), settings.database, settings.curated_bucket)
