"""Parquet files and the published facts as recordings; both are read some rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table import Table

from producers.lines import Line
from producers.replaying.columns import event_columns, event_lines, mapped_rows
from producers.replaying.conversion import RowCounts, lines_as_recorded, lines_by_mapping
from producers.replaying.judging import Judge
from producers.replaying.mapping import Mapping as RowMapping
from producers.replaying.rows import RecordedRow
from schemas.errors import ConfigError, WorkFailedError
from schemas.instants import HOUR_US
from schemas.lake import format_hour, hour_of_partition
from schemas.settings import Settings
from schemas.tables import FACT_CLICKS, HOUR_PARTITION

_BATCH_ROWS = 8192


@dataclass(frozen=True, slots=True)
class ParquetRecording:
    """Rows in one Parquet file, or in those of an hour.

    Attributes:
        name: what to call it in errors.
        identity: text that is another once the content is.
        open: gives the files, one after the other.
        mapping: how a row becomes an event; None where the columns are an event's.
    """

    name: str
    identity: str
    open: Callable[[], Iterator[pq.ParquetFile]]
    mapping: RowMapping | None
    is_within_by_arrival = False

    def faults(self) -> list[str]:
        """Return what is wrong with it: it cannot be read, or lacks columns."""
        try:
            names = next(self.open()).schema_arrow.names
        except (OSError, pa.ArrowException) as error:
            return [f"{self.name} is damaged: {error}"]
        if self.mapping is None:
            _, lacking = event_columns(names)
            return [f"{self.name} has no column {name!r}; other columns need a mapping" for name in lacking]
        lacking = sorted(self.mapping.needed_columns - set(names))
        return [f"{self.name} has no column {name!r}" for name in lacking]

    def lines(self, judge: Judge, counts: RowCounts) -> Iterator[Line]:
        """Yield what is sent of it, in recorded order.

        Raises:
            WorkFailedError: it is damaged, and every batch of rows before the damage was yielded.
        """
        if self.mapping is None:
            return lines_as_recorded(self._event_lines(), judge, counts)
        rows = (RecordedRow(row, ()) for batch in self._batches() for row in mapped_rows(batch))
        return lines_by_mapping(rows, self.mapping, counts)

    def _event_lines(self) -> Iterator[bytes]:
        for batch in self._batches():
            columns, _ = event_columns(batch.schema.names)
            yield from event_lines(batch, columns)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        count = 0
        try:
            for file in self.open():
                names = file.schema_arrow.names
                read = sorted(
                    self.mapping.needed_columns if self.mapping is not None else event_columns(names)[0].values()
                )
                for batch in file.iter_batches(_BATCH_ROWS, columns=read):
                    yield batch
                    count += len(batch)
        except (OSError, pa.ArrowException) as error:
            raise WorkFailedError(f"{self.name} is damaged after row {count}: {error}") from error


def parquet_file(path: Path, identity: str, mapping: RowMapping | None) -> ParquetRecording:
    """Return a file as a recording."""
    return ParquetRecording(str(path), identity, lambda: iter([pq.ParquetFile(path)]), mapping)


def fact_recordings(
    settings: Settings, environment: Mapping[str, str], start_us: int | None, end_us: int | None
) -> list[ParquetRecording]:
    """Return the published facts hour by hour, each in order of time.

    Args:
        settings: which database.
        environment: where S3 is; region and credentials are found as boto3 does.
        start_us: leaves out hours that end by then.
        end_us: leaves out hours that begin then or later.

    Raises:
        ConfigError: there are none of that time.
        WorkFailedError: another writer left row deletes among them.
    """
    try:
        table = _catalog(environment).load_table((settings.database, FACT_CLICKS.name))
    except NoSuchTableError as error:
        raise ConfigError(f"there is no table {settings.database}.{FACT_CLICKS.name}; compact first") from error
    paths: dict[int, list[str]] = {}
    for task in table.scan().plan_files():
        if task.delete_files:
            raise WorkFailedError(f"{FACT_CLICKS.name} holds row deletes of another writer: have its data rewritten")
        hour_us = hour_of_partition(tuple(task.file.partition[index] for index in range(len(HOUR_PARTITION))))
        if (start_us is None or hour_us + HOUR_US > start_us) and (end_us is None or hour_us < end_us):
            paths.setdefault(hour_us, []).append(task.file.file_path)
    if not paths:
        raise ConfigError(f"{settings.database}.{FACT_CLICKS.name} has no facts of that time")
    return [_hour(table, hour_us, sorted(paths[hour_us])) for hour_us in sorted(paths)]


def _hour(table: Table, hour_us: int, paths: list[str]) -> ParquetRecording:
    def opened() -> Iterator[pq.ParquetFile]:
        for path in paths:
            with table.io.new_input(path).open() as stream:
                yield pq.ParquetFile(stream)

    return ParquetRecording(f"{FACT_CLICKS.name} {format_hour(hour_us)}", " ".join(paths), opened, None)


def _catalog(environment: Mapping[str, str]) -> GlueCatalog:
    properties: dict[str, Any] = {"client.region": boto3.Session().region_name or "us-east-1"}
    # boto3 reads the standard variables; Arrow's S3 client does not.
    if endpoint := environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL"):
        properties["s3.endpoint"] = endpoint
    return GlueCatalog("glue", client=None, **properties)
