"""Merging new lines into what an event hour already holds: one row for each event id.

The winner of an id is its smallest (raw object key, line) ever seen. Facts and conflicts together keep the smallest
line of every payload of an id, which is all that is needed to come to the same rows in whatever order lines arrive. A
line that is met again is itself, no duplicate.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from schemas.tables import CONFLICTS, FACT_CLICKS, HOUR_PARTITION, PAYLOAD_COLUMNS, Table

_LINE_COLUMNS = tuple(name for name in FACT_CLICKS.schema.names if name not in HOUR_PARTITION)
_LINES = ", ".join(_LINE_COLUMNS)
_HOUR = "date_trunc('hour', event_timestamp)"
_PARTITION = ", ".join(f"{part}(event_timestamp)::INTEGER AS {part}" for part in HOUR_PARTITION)

# Lines that share their id with no other, the great majority, never meet the comparison of payloads.
_MERGE = f"""
CREATE TABLE merged AS
WITH lines AS (
    SELECT DISTINCT ON (source_object, source_line) {_LINES} FROM (
        SELECT {_LINES} FROM new_lines
        UNION ALL SELECT {_LINES} FROM held_facts
        UNION ALL SELECT {_LINES} FROM held_conflicts)
), counted AS (
    SELECT *, {_HOUR} AS event_hour, count(*) OVER (PARTITION BY {_HOUR}, click_id) AS copies FROM lines
), firsts AS (
    SELECT *, 1 AS place FROM counted WHERE copies = 1
    UNION ALL
    SELECT *, row_number() OVER (PARTITION BY event_hour, click_id ORDER BY source_object, source_line) AS place
    FROM (
        SELECT DISTINCT ON (event_hour, click_id, {", ".join(PAYLOAD_COLUMNS)}) *
        FROM counted WHERE copies > 1
        ORDER BY source_object, source_line)
)
SELECT *, {_PARTITION} FROM firsts ORDER BY event_hour
"""  # noqa: S608 - every name comes from the table definitions
# A run that died may have left a line in the facts and in the conflicts; it is one line.
_COUNTS = f"""
WITH came AS (SELECT DISTINCT source_object, source_line, {_HOUR} AS event_hour FROM new_lines),
held AS (
    SELECT source_object, source_line, {_HOUR} AS event_hour FROM held_facts
    UNION SELECT source_object, source_line, {_HOUR} FROM held_conflicts)
SELECT epoch_us(event_hour), sum(came)::BIGINT, sum(is_new)::BIGINT, sum(fact)::BIGINT,
    (sum(is_new) - sum(after) + sum(before))::BIGINT
FROM (
    SELECT event_hour, 1 AS came, 0 AS is_new, 0 AS fact, 0 AS before, 0 AS after FROM came
    UNION ALL SELECT event_hour, 0, 1, 0, 0, 0 FROM came ANTI JOIN held USING (source_object, source_line)
    UNION ALL SELECT {_HOUR}, 0, 0, 1, 0, 0 FROM held_facts
    UNION ALL SELECT event_hour, 0, 0, 0, 1, 0 FROM held
    UNION ALL SELECT event_hour, 0, 0, 0, 0, 1 FROM merged)
GROUP BY event_hour ORDER BY event_hour
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class MergedHour:
    """One event hour after the merge.

    Attributes:
        lines: lines that came in for it.
        new_lines: those of them that it did not hold.
        facts_before: facts that it held.
        duplicates: new lines that are neither a fact nor a conflict: another line says the same.
    """

    hour_us: int
    facts: pa.Table
    conflicts: pa.Table
    lines: int
    new_lines: int
    facts_before: int
    duplicates: int


def merge(new_lines: pa.Table, held_facts: pa.Table, held_conflicts: pa.Table) -> list[MergedHour]:
    """Return every hour that the new lines touch, merged, in time order.

    Args:
        new_lines: rows of `parse.ACCEPTED_SCHEMA`; every one is of an hour to publish.
        held_facts: what `fact_clicks` holds of the touched hours.
        held_conflicts: what `conflicts` holds of them.
    """
    connection = duckdb.connect()
    try:
        connection.execute("SET TimeZone = 'UTC'")
        for name, rows in (("new_lines", new_lines), ("held_facts", held_facts), ("held_conflicts", held_conflicts)):
            connection.register(name, rows)
        connection.execute(_MERGE)
        return [
            MergedHour(
                hour,
                _rows(connection, FACT_CLICKS, hour, "= 1"),
                _rows(connection, CONFLICTS, hour, "> 1"),
                *counts,
            )
            for hour, *counts in connection.execute(_COUNTS).fetchall()
        ]
    finally:
        connection.close()


def _rows(connection: duckdb.DuckDBPyConnection, table: Table, hour_us: int, place: str) -> pa.Table:
    rows = connection.sql(
        f"SELECT {', '.join(table.schema.names)} FROM merged "  # noqa: S608
        f"WHERE event_hour = make_timestamp(?) AND place {place} ORDER BY {', '.join(table.order)}",
        params=[hour_us],
    )
    return rows.to_arrow_table().cast(table.schema)
