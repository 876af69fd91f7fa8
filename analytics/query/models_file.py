"""The models as dbt builds them on one machine: a DuckDB file in the state folder, and what it has."""

from __future__ import annotations

from pathlib import Path

import duckdb
from sqlglot import exp

from analytics.modelling.dbt import DATABASE_FILE
from analytics.query.translation import MODELS_CATALOG, Columns, Translation, models_database, parse, translate
from schemas.errors import WorkFailedError
from schemas.tables import TABLE_NAMES


def translate_with_models(sql: str, database: str, state_dir: Path) -> Translation:
    """Return a SELECT over the published tables and the models that there are, see `translate`.

    Raises:
        ConfigError: the query is at fault.
        WorkFailedError: the models are being built.
    """
    return translate(sql, database, columns_of(state_dir, database) if may_name_models(parse(sql), database) else None)


def may_name_models(query: exp.Expr, database: str) -> bool:
    """Say whether a query names anything that is no published table."""
    named = {cte.alias for cte in query.find_all(exp.CTE)}
    return any(
        table.db == models_database(database) or (not table.db and table.name not in {*TABLE_NAMES, *named})
        for table in query.find_all(exp.Table)
    )


def columns_of(state_dir: Path, database: str) -> Columns:
    """Return the models that there are, with the types of their columns as Athena names them; none without a file.

    Raises:
        WorkFailedError: the file is being written.
    """
    path = state_dir / DATABASE_FILE
    if not path.exists():
        return {}
    with duckdb.connect() as connection:
        attach(connection, state_dir)
        found = connection.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE database_name = ? AND schema_name = ? ORDER BY table_name, column_index",
            [MODELS_CATALOG, models_database(database)],
        ).fetchall()
    columns: dict[str, dict[str, str]] = {}
    for table, column, kind in found:
        wide = "DECIMAL(38, 0)" if kind == "HUGEINT" else kind
        columns.setdefault(table, {})[column] = exp.DataType.build(wide, dialect="duckdb").sql(dialect="trino")
    return columns


def attach(connection: duckdb.DuckDBPyConnection, state_dir: Path) -> None:
    """Attach the file to a connection, to read from alone.

    Raises:
        WorkFailedError: the file is being written.
    """
    path = str(state_dir / DATABASE_FILE).replace("'", "''")
    try:
        connection.execute(f"ATTACH '{path}' AS {MODELS_CATALOG} (READ_ONLY)")
    except duckdb.IOException as error:
        raise WorkFailedError(f"the models are being built, or their file is damaged: {error}") from error
