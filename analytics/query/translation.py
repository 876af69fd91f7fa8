"""A SELECT in Athena's dialect as DuckDB understands it.

Takes one SELECT and refuses anything else. Types are resolved against the table definitions first, so that integer
division stays what it is on Athena.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlglot
from sqlglot import exp
from sqlglot.dialects import Trino
from sqlglot.errors import OptimizeError, ParseError, SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from analytics.query.dialect import NO_QUALIFY, as_duckdb, refuse_unknown
from analytics.query.number_types import metadata
from analytics.query.rewriting import OTHER_ENGINES
from analytics.query.unnesting import unnest_rows
from schemas.errors import ConfigError
from schemas.tables import TABLE_NAMES, TABLES, Table, athena_type


class AthenaSelect(Trino):  # type: ignore[misc]  # sqlglot's dialects have no type
    """What Athena takes as a SELECT, with places in arrays left as they are: else only literals would be moved."""

    INDEX_OFFSET = 0

    class Parser(Trino.Parser):  # type: ignore[misc]  # as above
        """Leaves it to who asks to refuse SHOW and its like; sqlglot would warn of them in its own words."""

        def _warn_unsupported(self) -> None:
            return


CATALOG = "awsdatacatalog"
# What the file of the models is attached as.
MODELS_CATALOG = "models"
_UNNAMED = "_unnamed_column"
# Table name -> column name -> type, as Athena's SQL has it.
Columns = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Translation:
    """A SELECT in DuckDB's dialect.

    Attributes:
        sql: the SELECT.
        tables: the published tables that it reads.
        models: the models that it reads.
        resolved: the same SELECT as it was written, with every name and star resolved.
    """

    sql: str
    tables: frozenset[str]
    models: frozenset[str] = frozenset()
    resolved: exp.Query | None = field(default=None, compare=False, repr=False)


def models_database(database: str) -> str:
    """Return the name of the database of the models."""
    return f"{database}_models"


def parse(sql: str) -> exp.Query:
    """Return one SELECT in Athena's dialect as a tree.

    Raises:
        ConfigError: not one SELECT, or not Athena SQL.
    """
    try:
        statements = [statement for statement in sqlglot.parse(sql, read=AthenaSelect) if statement is not None]
    except SqlglotError as error:
        if re.search(r"\bqualify\b", sql, re.IGNORECASE):
            raise ConfigError(NO_QUALIFY) from error
        raise ConfigError(f"not Athena SQL: {_first_fault(error)}") from error
    statements = [statement for statement in statements if not isinstance(statement, exp.Semicolon)]
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise ConfigError("one SELECT is answered at a time, and nothing else")
    return statements[0]


def translate(sql: str, database: str, models: Columns | None = None) -> Translation:
    """Return an Athena SELECT in DuckDB's dialect.

    Args:
        sql: the SELECT.
        database: the database of the published tables, to which unqualified names belong first.
        models: the models that are there, in the database of the models.

    Raises:
        ConfigError: not one SELECT, not Athena SQL, a table or column that is not there, or all that DuckDB has
            otherwise and that is not translated.
    """
    query = parse(sql)
    refuse_unknown(query)
    modelled = models or {}
    tables = {table.name: _sql_columns(table) for table in TABLES}
    schema: dict[str, object] = {CATALOG: {database: tables, models_database(database): dict(modelled)}}
    _place_models(query, database, modelled)
    _refuse_missing_tables(query, database, modelled)
    _refuse_special_columns(query)
    _mark_unnamed(query)
    try:
        query = qualify(
            query,
            schema=schema,
            catalog=CATALOG,
            db=database,
            dialect=AthenaSelect,
            quote_identifiers=False,
            expand_alias_refs=False,
        )
        query = annotate_types(query, schema=schema, dialect=AthenaSelect, expression_metadata=metadata())
    except OptimizeError as error:
        raise ConfigError(f"the query names what is not there: {error}") from error
    _name_unnamed(query)
    read, read_models = _tables_of(query, database, modelled)
    resolved = query.copy()
    return Translation(_for_duckdb(query, database), read, read_models, resolved)


def _for_duckdb(query: exp.Query, database: str) -> str:
    unnest_rows(query)
    as_duckdb(query)
    for table in query.find_all(exp.Table):
        if table.args.get("db"):
            table.set("catalog", exp.to_identifier(MODELS_CATALOG) if table.db == models_database(database) else None)
    return query.sql(dialect="duckdb", unsupported_level=sqlglot.ErrorLevel.IGNORE)


def _place_models(query: exp.Query, database: str, models: Columns) -> None:
    """Give an unqualified name of a model, which no table has, its database."""
    named = {cte.alias for cte in query.find_all(exp.CTE)}
    for table in query.find_all(exp.Table):
        if (
            not table.args.get("db")
            and table.name in models
            and table.name not in TABLE_NAMES
            and table.name not in named
        ):
            table.set("db", exp.to_identifier(models_database(database)))


def _refuse_missing_tables(query: exp.Query, database: str, models: Columns) -> None:
    """Refuse unqualified names of no table, of which else the first column would be told as missing."""
    there = {*TABLE_NAMES, *(cte.alias.lower() for cte in query.find_all(exp.CTE))}
    for table in query.find_all(exp.Table):
        is_unqualified = isinstance(table.this, exp.Identifier) and not table.args.get("db")
        if is_unqualified and table.name.lower() not in there:
            raise _no_table(table.name, database, models)


def _no_table(name: str, database: str, models: Columns) -> ConfigError:
    there = ", ".join([*TABLE_NAMES, *(f"{models_database(database)}.{model}" for model in sorted(models))])
    hint = "" if models else " (models are there after `clickstream models build`)"
    return ConfigError(f"there is no table {name}{hint}; there are {there}")


def _tables_of(query: exp.Query, database: str, models: Columns) -> tuple[frozenset[str], frozenset[str]]:
    found: dict[str, set[str]] = {database: set(), models_database(database): set()}
    known = {database: set(TABLE_NAMES), models_database(database): set(models)}
    for table in query.find_all(exp.Table):
        if not table.args.get("db"):
            continue
        if table.name not in known.get(table.db, ()) or table.catalog.lower() not in ("", CATALOG):
            raise _no_table(f"{table.db}.{table.name}", database, models)
        found[table.db].add(table.name)
    return frozenset(found[database]), frozenset(found[models_database(database)])


def _refuse_special_columns(query: exp.Query) -> None:
    for column in query.find_all(exp.Column):
        if column.name.startswith("$"):
            raise ConfigError(
                f'"{column.name}" is not translated for DuckDB: --explain shows the files, or {OTHER_ENGINES}'
            )
    for table in query.find_all(exp.Table):
        if "$" in table.name:
            raise ConfigError(f'"{table.name}" is not translated for DuckDB: {OTHER_ENGINES}')
        if table.args.get("version"):
            raise ConfigError("FOR TIMESTAMP AS OF is not translated for DuckDB: give --as-of")


def _mark_unnamed(query: exp.Query) -> None:
    """Mark the columns of the answer that nobody named."""
    select = query.find(exp.Select)
    for column in list(select.expressions) if select is not None else ():
        if not isinstance(column, exp.Alias | exp.Column | exp.Star | exp.Dot):
            alias = exp.Alias(this=column.copy(), alias=exp.to_identifier(_UNNAMED))
            column.replace(alias)


def _name_unnamed(query: exp.Query) -> None:
    """Call them what Athena does: `_col` and the place."""
    select = query.find(exp.Select)
    for place, column in enumerate(select.expressions if select is not None else ()):
        if isinstance(column, exp.Alias) and column.alias == _UNNAMED:
            column.set("alias", exp.to_identifier(f"_col{place}"))


def _sql_columns(table: Table) -> dict[str, str]:
    return {field.name: athena_type(field.type) for field in table.schema}


def _first_fault(error: SqlglotError) -> str:
    if not isinstance(error, ParseError) or not error.errors:
        return str(error).partition("\n")[0]
    found = error.errors[0]
    return f"{found.get('description')} at line {found.get('line')}, column {found.get('col')}"
