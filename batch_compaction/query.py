"""Athena SQL over the published tables, answered by DuckDB on the current Iceberg snapshots.

Takes one SELECT in Athena's dialect and refuses anything else. Types are resolved against the table definitions first,
so that integer division stays what it is on Athena. A local answer to try a query with: the real dialect is Athena's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import pyarrow as pa
import pyarrow.compute
import sqlglot
from pyarrow.dataset import Dataset
from sqlglot import exp
from sqlglot.errors import OptimizeError, ParseError, SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from schemas.errors import ConfigError
from schemas.tables import TABLE_NAMES, TABLES, Table, athena_type

CATALOG = "awsdatacatalog"


@dataclass(frozen=True, slots=True)
class Translation:
    """A SELECT in DuckDB's dialect, and the tables of ours that it reads."""

    sql: str
    tables: frozenset[str]


def translate(sql: str, database: str) -> Translation:
    """Return an Athena SELECT in DuckDB's dialect.

    Raises:
        ConfigError: not one SELECT, not Athena SQL, or a table or column that is not there.
    """
    try:
        statements = [statement for statement in sqlglot.parse(sql, read="athena") if statement is not None]
    except SqlglotError as error:
        raise ConfigError(f"not Athena SQL: {_first_fault(error)}") from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise ConfigError("one SELECT is answered at a time, and nothing else")
    columns = {table.name: _sql_columns(table) for table in TABLES}
    schema: dict[str, object] = {CATALOG: {database: columns}}
    try:
        query = qualify(
            statements[0], schema=schema, catalog=CATALOG, db=database, dialect="athena", quote_identifiers=False
        )
        query = annotate_types(query, schema=schema, dialect="athena")
    except OptimizeError as error:
        raise ConfigError(f"the query names what is not there: {error}") from error
    read = set()
    for table in query.find_all(exp.Table):
        if table.args.get("db") and not (table.db == database and table.name in columns):
            raise ConfigError(f"there is no table {table.db}.{table.name}; there are {', '.join(TABLE_NAMES)}")
        table.set("catalog", None)
        read.add(table.name)
    return Translation(query.sql(dialect="duckdb"), frozenset(read & columns.keys()))


def answer(query: Translation, database: str, datasets: Mapping[str, Dataset | pa.Table]) -> pa.Table:
    """Return the rows of a SELECT over the given tables.

    Args:
        query: the SELECT.
        database: the database that unqualified names belong to.
        datasets: table name -> its rows; a table that was never published is empty.

    Raises:
        ConfigError: DuckDB cannot answer it.
    """
    connection = duckdb.connect()
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f'CREATE SCHEMA "{database}"')
        for table in (table for table in TABLES if table.name in query.tables):
            connection.register(f"arrow_{table.name}", datasets.get(table.name, table.schema.empty_table()))
            connection.execute(f'CREATE VIEW "{database}"."{table.name}" AS SELECT * FROM arrow_{table.name}')  # noqa: S608
        connection.execute("SET enable_external_access = false")
        return _as_athena(connection.sql(query.sql).to_arrow_table())
    except duckdb.Error as error:
        raise ConfigError(f"the query cannot be answered here: {error}") from error
    finally:
        connection.close()


def _sql_columns(table: Table) -> dict[str, str]:
    return {field.name: athena_type(field.type) for field in table.schema}


def _first_fault(error: SqlglotError) -> str:
    if not isinstance(error, ParseError) or not error.errors:
        return str(error).partition("\n")[0]
    found = error.errors[0]
    return f"{found.get('description')} at line {found.get('line')}, column {found.get('col')}"


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
