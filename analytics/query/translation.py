"""A SELECT in Athena's dialect as DuckDB understands it.

Takes one SELECT and refuses anything else. Types are resolved against the table definitions first, so that integer
division stays what it is on Athena.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlglot
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


def _sql_columns(table: Table) -> dict[str, str]:
    return {field.name: athena_type(field.type) for field in table.schema}


def _first_fault(error: SqlglotError) -> str:
    if not isinstance(error, ParseError) or not error.errors:
        return str(error).partition("\n")[0]
    found = error.errors[0]
    return f"{found.get('description')} at line {found.get('line')}, column {found.get('col')}"
