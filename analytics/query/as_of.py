"""A query as of a moment, for engines that read snapshots themselves: each of our tables gets FOR TIMESTAMP AS OF."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from sqlglot import exp

from analytics.query.translation import CATALOG, AthenaSelect, parse
from schemas.errors import ConfigError


def at_time(sql: str, database: str, tables: Collection[str], moment: datetime) -> str:
    """Return a SELECT whose tables are read as they were at a moment.

    Args:
        sql: the SELECT, in Athena's dialect.
        database: where the tables are; unqualified names belong to it.
        tables: the names of those that are Iceberg.
        moment: with a zone.

    Raises:
        ConfigError: not one SELECT, a table that has no snapshots, or one that is asked for at another moment already.
    """
    query = parse(sql)
    stamp = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f UTC")
    named = {cte.alias.lower() for cte in query.find_all(exp.CTE)}
    for table in query.find_all(exp.Table):
        if not table.args.get("db") and table.name.lower() in named:
            continue
        is_ours = table.db.lower() in ("", database) and table.catalog.lower() in ("", CATALOG)
        if not is_ours or table.name.lower() not in tables:
            raise ConfigError(f"--as-of is for the published tables, which {table.sql(dialect='trino')} is none of")
        if table.args.get("version"):
            raise ConfigError("--as-of is given, and the query has a FOR ... AS OF of its own")
        table.set(
            "version", exp.Version(this="TIMESTAMP", kind="AS OF", expression=exp.Var(this=f"TIMESTAMP '{stamp}'"))
        )
    return query.sql(dialect=AthenaSelect)
