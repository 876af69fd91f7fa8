"""The published tables in a notebook: each as a relation of DuckDB that reads nothing before it is asked to.

from analytics.notebook import clickstream_tables

tables = clickstream_tables()
tables.sql("SELECT event_type, count(*) AS clicks FROM fact_clicks WHERE day = 24 GROUP BY 1").df()
tables.dim_users.filter("country = 'DE'").to_arrow_table()
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import duckdb
from pyarrow.dataset import Dataset

from analytics.published import Published, open_published
from analytics.query.duckdb_engine import prepare
from analytics.query.explanation import files_of
from analytics.query.models_file import translate_with_models
from schemas.errors import ConfigError
from schemas.instants import parse_instant_us, us_to_datetime
from schemas.settings import load_settings, state_dir_of
from schemas.tables import TABLE_NAMES


class Tables:
    """The tables of one deployment as of one moment: each by its name, and all of them by SQL.

    A relation stays as it was when this was made: what is published later is seen by a new one.
    """

    def __init__(self, published: Published, state_dir: Path) -> None:
        self._published = published
        self._state_dir = state_dir
        self._connections: list[duckdb.DuckDBPyConnection] = []
        self._relations: dict[str, duckdb.DuckDBPyRelation] = {}

    def sql(self, sql: str) -> duckdb.DuckDBPyRelation:
        """Return the answer to a SELECT in Athena's dialect: `.df()`, `.to_arrow_table()` and others read it.

        Raises:
            ConfigError: not one SELECT, a table or column that is not there, or what DuckDB has otherwise than Athena.
        """
        database = self._published.database
        query = translate_with_models(sql, database, self._state_dir)
        files = files_of(query, self._published, datetime.now(UTC))
        datasets = {name: self._published.tables[name].dataset(files[name]) for name in query.tables}
        connection = self._connection(datasets, self._state_dir if query.models else None)
        try:
            return connection.sql(query.sql)
        except duckdb.Error as error:
            raise ConfigError(f"the query cannot be answered here: {error}") from error

    def dataset(self, name: str) -> Dataset:
        """Return a table as an Arrow dataset."""
        return self._published.tables[name].dataset()

    def __getitem__(self, name: str) -> duckdb.DuckDBPyRelation:
        if name not in self._published.tables:
            raise KeyError(f"there is no table {name}: there are {', '.join(self)}")
        if name not in self._relations:
            connection = self._connection({name: self.dataset(name)}, None)
            self._relations[name] = connection.table(f"{self._published.database}.{name}")
        return self._relations[name]

    def __getattr__(self, name: str) -> duckdb.DuckDBPyRelation:
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(error.args[0]) from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._published.tables)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self]

    def close(self) -> None:
        """Let go of what DuckDB holds; relations of these tables cannot be read any more."""
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._relations.clear()

    def __enter__(self) -> Tables:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _connection(self, datasets: Mapping[str, Dataset], models_dir: Path | None) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect()
        self._connections.append(connection)
        prepare(connection, list(datasets), self._published.database, datasets, models_dir)
        return connection


def clickstream_tables(
    as_of: str | datetime | None = None, environ: Mapping[str, str] | None = None, folder: Path | None = None
) -> Tables:
    """Return the published tables of a deployment.

    Args:
        as_of: the moment whose tables are read, ISO 8601 or a datetime, with a zone; None for now.
        environ: where the deployment is; None for the process environment, or the local stack that runs from `folder`.
        folder: where a `clickstream.toml` may lie; None for the current one.

    Raises:
        ConfigError: the settings are not complete, or the moment has no zone.
    """
    environment = dict(os.environ if environ is None else environ)
    settings = load_settings(environment, folder or Path.cwd())
    if isinstance(as_of, str):
        try:
            as_of = us_to_datetime(parse_instant_us(as_of))
        except ValueError as error:
            raise ConfigError(f"as_of {as_of!r} is not like 2026-11-24T12:00:00Z: a zone is required") from error
    if as_of is not None and as_of.tzinfo is None:
        raise ConfigError("as_of has no zone")
    return Tables(open_published(settings, environment, as_of, TABLE_NAMES), state_dir_of(environment))
