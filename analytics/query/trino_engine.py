"""Answers by a Trino whose address is known."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol
from urllib.parse import urlsplit

from analytics.query.outcome import Outcome
from analytics.query.result_types import table_of
from schemas.errors import ConfigError, WorkFailedError

# The catalog whose name is Athena's.
CATALOG = "awsdatacatalog"
_USER = "clickstream"


class Server(Protocol):
    """A Trino that answers."""

    @property
    def url(self) -> str:
        """Its address, `http://HOST:PORT`."""


# Gives a Trino for as long as it is needed; tells people what it does.
RunTrino = Callable[[Callable[[str], None]], AbstractContextManager[Server]]


def answer(url: str, sql: str, database: str) -> Outcome:
    """Return the rows of a query.

    Raises:
        ConfigError: the statement is at fault.
        WorkFailedError: Trino failed, or is not there.
    """
    from trino.dbapi import connect
    from trino.exceptions import Error, TrinoUserError

    address = urlsplit(url)
    open_it: Callable[..., Any] = connect
    connection = open_it(
        host=address.hostname,
        port=address.port or 8080,
        user=_USER,
        catalog=CATALOG,
        schema=database,
        http_scheme=address.scheme or "http",
    )
    try:
        cursor = connection.cursor()
        cursor.execute(sql)
        rows = cursor.fetchall()
        names = [column[0] for column in cursor.description or ()]
        types = [column[1] for column in cursor.description or ()]
        stats: dict[str, Any] = cursor.stats or {}
        return Outcome(table_of(names, types, rows), stats.get("physicalInputBytes"), None, cursor.query_id or "")
    except TrinoUserError as error:
        if error.error_name in _AT_FAULT:
            raise ConfigError(f"Trino refuses the query: {error.message}") from error
        raise WorkFailedError(f"the query failed: {error.message}") from error
    except Error as error:
        raise WorkFailedError(f"Trino failed: {error}") from error
    finally:
        connection.close()


# What Trino says of a statement before it reads a row.
_AT_FAULT = frozenset(
    {
        *("SYNTAX_ERROR", "COLUMN_NOT_FOUND", "TABLE_NOT_FOUND", "SCHEMA_NOT_FOUND", "CATALOG_NOT_FOUND"),
        *("TYPE_MISMATCH", "FUNCTION_NOT_FOUND", "MISMATCHED_COLUMN_ALIASES", "EXPRESSION_NOT_AGGREGATE"),
        *("AMBIGUOUS_NAME", "NOT_SUPPORTED", "INVALID_COLUMN_REFERENCE", "TYPE_NOT_FOUND"),
    }
)
