"""DuckDB in the place of Redshift: the shipped statements in translation, one by one, in real transactions.

It shows that the statements do what they say, not that Redshift takes them. What stands in for what:

- tables of the lake are Arrow tables of the published snapshots, with maps and lists as JSON text, as Spectrum gives
  them where `json_serialization_enable` is on; they change at any moment, also within a transaction, as external
  tables do;
- hot tables are made from the columns that their DDL lists, SUPER as JSON;
- a path into a SUPER is one into JSON; COPY reads the files that its manifest names, by their places.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import duckdb
import pyarrow as pa
import sqlglot
from sqlglot import exp

from tests.sql_statements import statements_of

Lake = Mapping[str, pa.Table]
# What a COPY of some address brings, as rows in the order of its target's columns.
Bring = Callable[[str], pa.Table]
_TYPES = {"SUPER": "JSON", "VARCHAR": "VARCHAR"}
_UPKEEP = ("SET ", "VACUUM ", "ANALYZE ")


class Session:
    """A connection to the warehouse, with the lake as it sees it now."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, lake: Lake) -> None:
        self.connection = connection
        self.connection.execute("SET TimeZone = 'UTC'")
        self.see(lake)

    def see(self, lake: Lake) -> None:
        """Have the external tables be these from now on."""
        for name, rows in lake.items():
            self.connection.register(f"arrow_{name}", rows)
            nested = [
                field.name
                for field in rows.schema
                if pa.types.is_map(field.type) or pa.types.is_list(field.type) or pa.types.is_struct(field.type)
            ]
            texts = ", ".join(f"to_json({column})::VARCHAR AS {column}" for column in nested)
            replaced = f" REPLACE ({texts})" if nested else ""
            self.connection.execute(f"CREATE OR REPLACE TEMP VIEW lake_{name} AS SELECT *{replaced} FROM arrow_{name}")

    def another(self, lake: Lake) -> Session:
        """Return another session of the same warehouse."""
        return Session(self.connection.cursor(), lake)

    def run(
        self, text: str, after: Callable[[int, str], None] = lambda number, statement: None, bring: Bring | None = None
    ) -> None:
        """Run a file, and call something after each statement."""
        for number, statement in enumerate(statements_of(text)):
            self.execute(statement.removesuffix(";"), bring)
            after(number, statement)

    def execute(self, statement: str, bring: Bring | None = None) -> None:
        """Run a statement of Redshift."""
        if statement.startswith(_UPKEEP) or statement.startswith("CREATE EXTERNAL SCHEMA"):
            return
        if statement.startswith("COPY "):
            assert bring is not None
            found = re.match(r"COPY (\S+)\nFROM '([^']+)'", statement)
            assert found, statement
            self.connection.register("brought", bring(found[2]))
            self.connection.execute(f"INSERT INTO {found[1]} SELECT * FROM brought")
        elif statement.startswith("CREATE TABLE"):
            self.connection.execute(_made(statement))
        else:
            self.connection.execute(translated(statement))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query of Redshift's."""
        found: list[tuple[Any, ...]] = self.connection.execute(translated(query)).fetchall()
        return found


def translated(statement: str) -> str:
    """Return a statement for DuckDB."""
    if statement in ("BEGIN", "COMMIT"):
        return statement
    tree = sqlglot.parse_one(statement, read="redshift")
    assert not isinstance(tree, exp.Command), statement
    if isinstance(tree, exp.Create):
        tree.set("no_schema_binding", None)
        kept = [
            each
            for each in (tree.args["properties"].expressions if tree.args.get("properties") else [])
            if isinstance(each, exp.TemporaryProperty)
        ]
        tree.set("properties", exp.Properties(expressions=kept) if kept else None)
    return tree.transform(_node).sql(dialect="duckdb")


def _node(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Table) and node.db == "lake":
        node.set("this", exp.to_identifier(f"lake_{node.name}"))
        node.set("db", None)
    if isinstance(node, exp.Column) and node.table == "metadata":
        return sqlglot.parse_one(f"json_extract_string(metadata, '$.{node.name}')", read="duckdb")
    return node


def _made(statement: str) -> str:
    """Return CREATE TABLE for DuckDB, of the lines of the columns alone."""
    found = re.match(r"CREATE TABLE IF NOT EXISTS (\S+) \(\n(.*?)\n\)", statement, re.DOTALL)
    assert found, statement
    columns = []
    for line in found[2].splitlines():
        match = re.fullmatch(r"  (\w+) +(\w+)(?:\(\d+\))?(.*?),?", line)
        assert match, line
        name, kind, rest = match.groups()
        columns.append(f"{name} {_TYPES.get(kind, kind)}{rest.replace('GETDATE()', 'now()::TIMESTAMP')}")
    return f"CREATE TABLE IF NOT EXISTS {found[1]} ({', '.join(columns)})"
