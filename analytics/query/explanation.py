"""What a query would read, and what the same would cost on Athena; of the tables only Parquet footers are read."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import msgspec
import pyarrow.parquet as pq
from rich.console import Console, Group
from rich.table import Table as RichTable
from rich.text import Text

from analytics.published import Published, PublishedFile, PublishedTable
from analytics.query.pruning import Scan, is_wanted, scans_of
from analytics.query.translation import Translation
from schemas.pricing.prices import Prices
from schemas.pricing.units import ATHENA_LEAST_BYTES, TB

_AT_ONCE = 8
_MEBIBYTE = 1 << 20
Files = dict[str, tuple[PublishedFile, ...]]


class TableRead(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of one table.

    Attributes:
        partitions: that it has, of which `partitions_read` are read; files, rows and file_bytes likewise.
        columns: that are read.
        column_bytes: of these columns in the files that are read, as stored.
        file_bytes: of the whole files that are read.
    """

    table: str
    partitions_read: int
    partitions: int
    files_read: int
    files: int
    rows_read: int
    columns: list[str]
    column_bytes: int
    file_bytes: int


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What a query would do.

    Attributes:
        sql: in DuckDB's dialect.
        athena_bytes: what Athena would be paid for; it reads the footers of the files, too.
        athena_usd: for that.
    """

    sql: str
    tables: list[TableRead]
    models: list[str]
    athena_bytes: int
    athena_usd: float


def files_of(query: Translation, published: Published, now: datetime) -> Files:
    """Return the files of each table that a query needs."""
    chosen: Files = {}
    scans = _scans(query, published.database)
    for name in query.tables:
        table = published.tables[name]
        chosen[name] = tuple(
            file
            for file in table.files
            if any(is_wanted(scan, table.definition, file.partition, now) for scan in scans if scan.table == name)
        )
    return chosen


def explain(query: Translation, published: Published, now: datetime, prices: Prices) -> Explanation:
    """Return what answering a query would read and cost."""
    chosen = files_of(query, published, now)
    columns: dict[str, set[str]] = {name: set() for name in query.tables}
    for scan in _scans(query, published.database):
        columns[scan.table] |= scan.columns
    tables = [_table_read(published.tables[name], chosen[name], columns[name]) for name in sorted(query.tables)]
    billed = billed_bytes(sum(table.column_bytes for table in tables))
    return Explanation(
        sql=query.sql,
        tables=tables,
        models=sorted(query.models),
        athena_bytes=billed,
        athena_usd=cost_usd(billed, prices),
    )


def billed_bytes(scanned: int) -> int:
    """Return what Athena bills for bytes that it scanned: whole megabytes, and ten at least."""
    return max(math.ceil(scanned / _MEBIBYTE) * _MEBIBYTE, ATHENA_LEAST_BYTES)


def cost_usd(billed: int, prices: Prices) -> float:
    """Return the price of bytes that Athena bills."""
    return billed / TB * prices.athena.tb_scanned


def show(explanation: Explanation, console: Console) -> None:
    """Print an explanation for a person."""
    table = RichTable()
    for name in ("table", "partitions", "files", "rows", "columns", "bytes of these", "bytes of the files"):
        table.add_column(name, justify="left" if name in ("table", "columns") else "right", overflow="fold")
    for read in explanation.tables:
        table.add_row(
            read.table,
            f"{read.partitions_read:,} of {read.partitions:,}",
            f"{read.files_read:,} of {read.files:,}",
            f"{read.rows_read:,}",
            ", ".join(read.columns),
            f"{read.column_bytes:,}",
            f"{read.file_bytes:,}",
        )
    cost = f"on Athena: {explanation.athena_bytes:,} bytes billed, ${explanation.athena_usd:.6f}"
    models = [Text(f"models: {', '.join(explanation.models)}")] if explanation.models else []
    console.print(Group(table, *models, Text(cost), Text("DuckDB:"), Text(explanation.sql)))


def _scans(query: Translation, database: str) -> list[Scan]:
    assert query.resolved is not None  # noqa: S101 - a translation has it
    return scans_of(query.resolved, database)


def _table_read(table: PublishedTable, files: Collection[PublishedFile], columns: set[str]) -> TableRead:
    return TableRead(
        table=table.definition.name,
        partitions_read=len({file.partition for file in files}),
        partitions=len({file.partition for file in table.files}),
        files_read=len(files),
        files=len(table.files),
        rows_read=sum(file.rows for file in files),
        columns=[name for name in table.definition.schema.names if name in columns],
        column_bytes=_column_bytes(table, files, columns),
        file_bytes=sum(file.size_bytes for file in files),
    )


def _column_bytes(table: PublishedTable, files: Collection[PublishedFile], columns: set[str]) -> int:
    """Return the stored bytes of some columns, from the footers of the files."""

    def of(file: PublishedFile) -> int:
        assert table.filesystem is not None  # noqa: S101 - a table with files has one
        with table.filesystem.open_input_file(file.path.removeprefix("s3://")) as source:
            sizes = _sizes_of(pq.ParquetFile(source).metadata)
        return sum(size for column, size in sizes.items() if column in columns)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return sum(pool.map(of, files))


def _sizes_of(metadata: pq.FileMetaData) -> Mapping[str, int]:
    sizes: dict[str, int] = {}
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        for place in range(row_group.num_columns):
            chunk = row_group.column(place)
            column = chunk.path_in_schema.partition(".")[0]
            sizes[column] = sizes.get(column, 0) + chunk.total_compressed_size
    return sizes
