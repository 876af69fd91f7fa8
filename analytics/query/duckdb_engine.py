"""Answers by DuckDB, in this process, over Arrow datasets of the published files."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute
from pyarrow.dataset import Dataset

from analytics.query.macros import macros
from analytics.query.models_file import attach
from analytics.query.translation import Translation
from schemas.errors import ConfigError, WorkFailedError
from schemas.tables import TABLES

# What DuckDB says before it reads a row.
_NOT_BOUND = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException, duckdb.NotImplementedException)


def answer(
    query: Translation,
    database: str,
    datasets: Mapping[str, Dataset | pa.Table],
    models_dir: Path | None = None,
) -> pa.Table:
    """Return the rows of a SELECT over the given tables.

    Args:
        query: the SELECT.
        database: the database that unqualified names belong to.
        datasets: table name -> its rows; a table that was never published is empty.
        models_dir: the state folder with the file of the models; None where the query reads none.

    Raises:
        ConfigError: DuckDB cannot answer it.
        WorkFailedError: it failed, as by a division by zero.
    """
    with duckdb.connect() as connection:
        try:
            prepare(connection, query.tables, database, datasets, models_dir if query.models else None)
            return _as_athena(_rows_of(connection, query.sql))
        except _NOT_BOUND as error:
            raise ConfigError(f"the query cannot be answered here: {error}") from error
        except duckdb.Error as error:
            raise WorkFailedError(f"the query failed: {error}") from error


def prepare(
    connection: duckdb.DuckDBPyConnection,
    tables: Collection[str],
    database: str,
    datasets: Mapping[str, Dataset | pa.Table],
    models_dir: Path | None,
) -> None:
    """Give a connection the tables and macros that a translated query calls, and take from it all files else."""
    connection.execute("SET TimeZone = 'UTC'")
    for macro in macros():
        connection.execute(macro)
    connection.execute(f'CREATE SCHEMA "{database}"')
    for table in (table for table in TABLES if table.name in tables):
        connection.register(f"arrow_{table.name}", datasets.get(table.name, table.schema.empty_table()))
        connection.execute(f'CREATE VIEW "{database}"."{table.name}" AS SELECT * FROM arrow_{table.name}')  # noqa: S608
    if models_dir is not None:
        attach(connection, models_dir)
        # Models that are views read copies of the data files, which lie in that folder.
        folder = str(models_dir).replace("'", "''")
        connection.execute(f"SET allowed_directories = ['{folder}']")
    connection.execute("SET enable_external_access = false")


def _rows_of(connection: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    """Return the rows of a statement; Ctrl-C ends it at once, which DuckDB does not see while it computes."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(lambda: connection.sql(sql).to_arrow_table())
        try:
            return running.result()
        except KeyboardInterrupt:
            # One that comes before the statement has begun is forgotten by it, so it is said again.
            while not running.done():
                connection.interrupt()
                wait([running], timeout=0.1)
            raise


def _as_athena(rows: pa.Table) -> pa.Table:
    """Return rows with each column under a name of its own, and sums of integers as integers."""
    names: list[str] = []
    for name in rows.schema.names:
        repeats = sum(1 for used in names if used == name or used.rpartition(":")[0] == name)
        names.append(f"{name}:{repeats}" if repeats else name)
    columns = [column.cast(pa.int64()) if _is_whole(column) else column for column in rows.columns]
    return pa.table(columns, names=names)


def _is_whole(column: pa.ChunkedArray) -> bool:
    """Say whether a column is DuckDB's 128-bit integer, and its values fit Athena's bigint."""
    if column.type != pa.decimal128(38, 0):
        return False
    bounds = pa.compute.min_max(column).as_py()
    return all(value is None or -(2**63) <= value < 2**63 for value in bounds.values())
