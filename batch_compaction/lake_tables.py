"""The Iceberg tables in the Glue catalog: opening them, reading a partition, replacing whole partitions.

A partition of ours is one file (or none), named by the digest of its content: equal rows are equal bytes under an
equal name, a re-run after a crash writes the same file again, and a partition that did not change is not committed.
A replacement is one commit; a concurrent commit makes it fail, since nothing here retries on its own.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

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
from pyiceberg.table.refs import MAIN_BRANCH
from pyiceberg.table.update import AssertRefSnapshotId

from batch_compaction.sorting import ROW_GROUP_ROWS, groups_of
from batch_compaction.spill import room_in
from schemas.errors import WorkFailedError
from schemas.lake import Partition
from schemas.settings import Settings
from schemas.tables import TABLE_NAMES, TABLES, Table

_COPIED_BYTES = 1 << 20
_NAMES_OF_FEW = {"click_id", "user_id", "session_id", "key", "etag", "detail"}
# Texts that are anything anywhere: their bounds let no reader pass over a file, and cost a quarter of the writing.
_WITHOUT_BOUNDS = {
    *("session_id", "event_type", "device_type", "page_url", "referrer_url", "producer_id"),
    *("metadata.key_value.key", "metadata.key_value.value"),
}
# Properties of a table, as this project sets them.
Marks = Mapping[str, str]
NO_MARKS: Marks = MappingProxyType({})
_METRICS = TableProperties.METRICS_MODE_COLUMN_CONF_PREFIX
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

    def rows_in(self, partition: Partition) -> int:
        """Return the number of rows of a partition, from the metadata alone."""
        return sum(file.record_count for file in self._files.get(partition, ()))

    def paths(self, partitions: Iterable[Partition] | None = None) -> list[str]:
        """Return the addresses of the data files, of the given partitions or of all."""
        chosen = sorted(self._files if partitions is None else set(partitions) & self._files.keys())
        return [file.file_path for partition in chosen for file in self._files[partition]]

    def dataset(self, partitions: Iterable[Partition] | None = None) -> ds.Dataset:
        """Return the rows as an Arrow dataset, which reads only the columns and row groups that are asked for."""
        return self.dataset_of(self.paths(partitions))

    def dataset_of(self, paths: Iterable[str]) -> ds.Dataset:
        """Return the rows of some data files of this table, of whatever snapshot, as an Arrow dataset."""
        keys = [path.removeprefix("s3://") for path in paths]
        if not keys:
            return ds.dataset(self.definition.schema.empty_table())
        io = self.iceberg.io
        assert isinstance(io, PyArrowFileIO)  # noqa: S101 - what a catalog of Glue opens tables with, unless it is told
        filesystem = io.fs_by_scheme("s3", None)
        return ds.dataset(keys, schema=self.definition.schema, filesystem=filesystem, format="parquet")

    def rows(self, partitions: Iterable[Partition] | None = None) -> pa.Table:
        """Return the rows of the given partitions, or of all."""
        return self.dataset(partitions).to_table()

    def replace(
        self,
        partitions: Mapping[Partition, pa.Table],
        properties: Mapping[str, str],
        marks: Marks = NO_MARKS,
    ) -> bool:
        """Make the given partitions hold the given rows, in one commit; False where they already do.

        Args:
            partitions: partition -> its rows from now on, in the table's order; no rows empty the partition.
            properties: what the snapshot's summary says of this commit.
            marks: properties of the table from now on.

        Raises:
            CommitFailedException: another commit came first; plan again from fresh tables.
        """
        return self.commit(self.put(partitions), properties, marks)

    def put(self, partitions: Mapping[Partition, pa.Table]) -> dict[Partition, str | None]:
        """Put files where those of the given partitions belong; return their addresses, to which nothing refers yet."""
        return {
            partition: self._put(partition, parquet_bytes(rows, self.file_schema)) if len(rows) else None
            for partition, rows in partitions.items()
        }

    def paths_after(self, files: Mapping[Partition, str | None]) -> list[str]:
        """Return the addresses of the data files once these have taken the place of those of their partitions."""
        return [*self.paths(self.partitions - files.keys()), *(path for path in files.values() if path)]

    def upload(self, partition: Partition, path: Path) -> str:
        """Put a file where the partition's file belongs, and return its address; nothing refers to it yet."""
        with path.open("rb") as body:
            digest = hashlib.file_digest(body, "sha256")
            address = self._address(partition, digest)
            if address not in self.paths([partition]):
                body.seek(0)
                with self.iceberg.io.new_output(address).create(overwrite=True) as stream:
                    shutil.copyfileobj(body, stream, _COPIED_BYTES)
        return address

    def commit(
        self,
        files: Mapping[Partition, str | None],
        properties: Mapping[str, str],
        marks: Marks = NO_MARKS,
        *,
        is_due: bool = False,
    ) -> bool:
        """Make the given partitions consist of the given files, or of none, in one commit; False where they already do.

        Args:
            files: partition -> the address of its file from now on.
            properties: what the snapshot's summary says of this commit.
            marks: properties of the table from now on.
            is_due: make a snapshot even where it is the same as the one before: for what its summary says, or so that
                whoever opened the table before it cannot commit after it.

        Raises:
            CommitFailedException: another commit came first; plan again from fresh tables.
        """
        added, removed = [], []
        for partition, path in sorted(files.items()):
            before = self._files.get(partition, [])
            if [file.file_path for file in before] == ([path] if path else []):
                continue
            removed += before
            added += [path] if path else []
        is_marked = marks.items() <= self.iceberg.properties.items()
        is_due = is_due or bool(added) or bool(removed)
        if not is_due and is_marked:
            return False
        with self.iceberg.transaction() as transaction:
            if not is_marked:
                transaction.set_properties(dict(marks))
                # A snapshot asks for this itself; properties alone would be set whatever was committed meanwhile.
                current = self.iceberg.current_snapshot()
                opened = {"ref": MAIN_BRANCH, "snapshot-id": current.snapshot_id if current else None}
                transaction._apply((), (AssertRefSnapshotId.model_validate(opened),))
            if is_due:
                with transaction.update_snapshot(snapshot_properties=dict(properties)).overwrite() as snapshot:
                    for file in removed:
                        snapshot.delete_data_file(file)
                    for path in added:
                        snapshot.append_data_file(
                            parquet_file_to_data_file(self.iceberg.io, transaction.table_metadata, path)
                        )
        return True

    def name_in(self, partition: Partition) -> str | None:
        """Return the name of the one file of a partition; None where it has none or, by other writers, several."""
        paths = self.paths([partition])
        return paths[0].rpartition("/")[2] if len(paths) == 1 else None

    def address(self, partition: Partition, name: str) -> str:
        """Return the address of the file of that name in a partition."""
        named = zip(self.definition.partition, partition, strict=True)
        folders = "".join(f"{column}={value:02d}/" for column, value in named)
        return f"{self.iceberg.location()}/{folders}{name}"

    @property
    def file_schema(self) -> pa.Schema:
        """The columns as a data file has them, with their field ids."""
        return schema_to_pyarrow(self.iceberg.schema())

    def _put(self, partition: Partition, body: bytes) -> str:
        address = self._address(partition, hashlib.sha256(body))
        if address in self.paths([partition]):
            return address
        with self.iceberg.io.new_output(address).create(overwrite=True) as stream:
            stream.write(body)
        return address

    def _address(self, partition: Partition, digest: hashlib._Hash) -> str:
        return self.address(partition, f"{digest.hexdigest()[:32]}.parquet")


def parquet_bytes(rows: pa.Table, schema: pa.Schema) -> bytes:
    """Return a Parquet file of the rows under a schema that carries field ids; equal rows give equal bytes."""
    sink = pa.BufferOutputStream()
    write_parquet(groups_of(rows), schema, sink)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def write_parquet(groups: Iterable[pa.Table], schema: pa.Schema, sink: Path | pa.NativeFile) -> None:
    """Write a Parquet file of row groups under a schema that carries field ids; equal rows give equal bytes.

    Args:
        groups: the rows of each row group, ROW_GROUP_ROWS at most.
        schema: the file's.
        sink: where to.

    Raises:
        WorkFailedError: the folder of the file is full.
    """
    room = room_in(sink.parent) if isinstance(sink, Path) else nullcontext()
    # A dictionary costs more than it saves where values hardly repeat: numbers, and what names one row or a few.
    leaves = dict(_leaves(schema))
    repeating = [path for path, kind in leaves.items() if pa.types.is_large_string(kind) and path not in _NAMES_OF_FEW]
    options = {
        "compression": "snappy",
        "store_schema": False,
        "use_dictionary": repeating,
        "write_statistics": [path for path in leaves if path not in _WITHOUT_BOUNDS],
    }
    with room, pq.ParquetWriter(sink, schema, **options) as writer:
        for group in groups:
            # One chunk a column, since the cuts of an input would show in the pages of the file.
            writer.write_table(group.cast(schema).combine_chunks(), row_group_size=ROW_GROUP_ROWS)


def _leaves(fields: Iterable[pa.Field], path: str = "") -> Iterator[tuple[str, pa.DataType]]:
    """Yield the columns of a Parquet file: where each lies, and its type."""
    for field in fields:
        at, kind = path + field.name, field.type
        if pa.types.is_map(kind):
            yield from _leaves([kind.key_field, kind.item_field], f"{at}.key_value.")
        elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
            yield from _leaves([kind.value_field.with_name("element")], f"{at}.list.")
        elif pa.types.is_struct(kind):
            yield from _leaves(kind, f"{at}.")
        else:
            yield at, kind


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
        metrics = {f"{_METRICS}.{path.replace('.key_value', '')}": "none" for path in _WITHOUT_BOUNDS}
        properties = _PROPERTIES | (metrics if "page_url" in definition.schema.names else {})
        creation = self.catalog.create_table_transaction(
            (self.database, definition.name), definition.schema, location, properties=properties
        )
        with creation.update_spec() as spec:
            for column in definition.partition:
                spec.add_identity(column)
        # Whoever came first in between made the same table.
        with suppress(TableAlreadyExistsError, CommitFailedException):
            creation.commit_transaction()


class SureGlueCatalog(GlueCatalog):
    """The catalog in Glue, which knows its own commit again where the answer to it was lost.

    The client then asks a second time, and Glue says that the table is no longer at the version it was. To pyiceberg
    that is a commit of somebody else: it would delete the manifests of its own, and nobody could read the table again.
    """

    def _update_glue_table(self, database_name: str, table_name: str, table_input: Any, version_id: str) -> None:
        try:
            super()._update_glue_table(database_name, table_name, table_input, version_id)
        except CommitFailedException:
            table = self.load_table((database_name, table_name))
            committed = {table.metadata_location, *(entry.metadata_file for entry in table.metadata.metadata_log)}
            if table_input["Parameters"]["metadata_location"] not in committed:
                raise


def open_lake(settings: Settings, environment: Mapping[str, str]) -> Lake:
    """Return the lake that the settings name; region, endpoints, credentials and attempts are the environment's."""
    properties: dict[str, Any] = {"client.region": boto3.Session().region_name or "us-east-1"}
    # boto3 reads the standard variables; Arrow's S3 client, and what the catalog makes a client of Glue with, do not.
    if attempts := environment.get("AWS_MAX_ATTEMPTS"):
        properties["glue.max-retries"] = int(attempts) - 1
    if endpoint := environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL"):
        properties["s3.endpoint"] = endpoint
    return Lake(SureGlueCatalog("glue", client=None, **properties), settings.database, settings.curated_bucket)
