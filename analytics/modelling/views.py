"""The published tables as views of DuckDB over local files; pure.

Statements only: which tables the models read, and what each is in SQL.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from schemas.tables import TABLES, Table, athena_type

# What the models read. `hours` is opened first: facts that are published meanwhile are then those of a version that it
# does not know yet, so the next run computes their hour once more; in the other order they would be missed.
FIRST_SOURCE = "hours"
SOURCES = (FIRST_SOURCE, "fact_clicks", "dim_users_history", "dim_user_agents")


def source_tables() -> tuple[Table, ...]:
    """Return the definitions of the tables that the models read."""
    return tuple(table for table in TABLES if table.name in SOURCES)


def view_statement(table: Table, schema: str, files: Iterable[Path]) -> str:
    """Return the statement that makes a table a view over its files.

    Args:
        table: its definition; a table without files is a view without rows.
        schema: the schema of the view.
        files: Parquet files that hold all its columns, in folders named after its partitions.
    """
    paths = ", ".join(_text(str(path)) for path in files)
    if paths:
        columns = ", ".join(f'"{name}"' for name in table.schema.names)
        kinds = ", ".join(f"'{column}': INTEGER" for column in table.partition)
        partitions = f"true, hive_types = {{{kinds}}}" if kinds else "false"
        select = f"SELECT {columns} FROM read_parquet([{paths}], hive_partitioning = {partitions})"  # noqa: S608
    else:
        columns = ", ".join(f'CAST(NULL AS {_duckdb_type(field.type)}) AS "{field.name}"' for field in table.schema)
        select = f"SELECT {columns} WHERE false"
    return f'CREATE OR REPLACE VIEW "{schema}"."{table.name}" AS {select}'


def _duckdb_type(kind: pa.DataType) -> str:
    """Return the type of a column as DuckDB names it; its lists and structs alone have other names than Athena's."""
    if pa.types.is_list(kind):
        return f"{_duckdb_type(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        return f"STRUCT({', '.join(f'{field.name} {_duckdb_type(field.type)}' for field in kind)})"
    return athena_type(kind)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
