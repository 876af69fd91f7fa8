"""Lines that share an event id compared: one fact for each id, and what conflicts with it.

The winner of an id is its smallest (raw object key, line) ever seen. Facts and conflicts together keep the smallest
line of every payload of an id, which is all that is needed to come to the same rows in whatever order lines arrive. A
line that is met again is itself, no duplicate.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from schemas.tables import CONFLICTS, FACT_CLICKS, PAYLOAD_COLUMNS, Table

_COLUMNS = ", ".join(FACT_CLICKS.schema.names)
_PAYLOAD = ", ".join(PAYLOAD_COLUMNS)
# A run that died may have left a line in the facts and in the conflicts; it is one line.
_MERGE = f"""
CREATE TABLE merged AS
WITH lines AS (
    SELECT DISTINCT ON (source_object, source_line) {_COLUMNS} FROM (
        SELECT {_COLUMNS} FROM new_lines
        UNION ALL SELECT {_COLUMNS} FROM held_facts
        UNION ALL SELECT {_COLUMNS} FROM held_conflicts)
), payloads AS (
    SELECT DISTINCT ON (click_id, {_PAYLOAD}) * FROM lines ORDER BY source_object, source_line
)
SELECT *, row_number() OVER (PARTITION BY click_id ORDER BY source_object, source_line) AS place FROM payloads
"""  # noqa: S608 - every name comes from the table definitions
_COUNTS = """
WITH came AS (SELECT DISTINCT source_object, source_line FROM new_lines),
held AS (
    SELECT source_object, source_line FROM held_facts UNION SELECT source_object, source_line FROM held_conflicts),
new AS (SELECT * FROM came ANTI JOIN held USING (source_object, source_line))
SELECT (SELECT count(*) FROM came), (SELECT count(*) FROM new), (SELECT count(*) FROM held_facts),
    (SELECT count(*) FROM new) + (SELECT count(*) FROM held) - (SELECT count(*) FROM merged)
"""


@dataclass(frozen=True, slots=True)
class Merged:
    """Lines after the merge.

    Attributes:
        facts: one for each id.
        conflicts: one for each other payload of it, in their table's order.
        lines: lines that came in.
        new_lines: those of them that were not held.
        facts_before: facts that were held.
        duplicates: new lines that are neither a fact nor a conflict: another line says the same.
    """

    facts: pa.Table
    conflicts: pa.Table
    lines: int
    new_lines: int
    facts_before: int
    duplicates: int


NOTHING = Merged(FACT_CLICKS.schema.empty_table(), CONFLICTS.schema.empty_table(), 0, 0, 0, 0)


def merge(new_lines: pa.Table, held_facts: pa.Table, held_conflicts: pa.Table) -> Merged:
    """Return lines of one event hour merged into what it holds of their ids; all are rows of the facts' schema."""
    sides = {"new_lines": new_lines, "held_facts": held_facts, "held_conflicts": held_conflicts}
    if not any(map(len, sides.values())):
        return NOTHING
    connection = duckdb.connect()
    try:
        connection.execute("SET TimeZone = 'UTC'")
        for name, rows in sides.items():
            connection.register(name, rows)
        connection.execute(_MERGE)
        [counts] = connection.execute(_COUNTS).fetchall()
        return Merged(_rows(connection, FACT_CLICKS, "= 1"), _rows(connection, CONFLICTS, "> 1"), *counts)
    finally:
        connection.close()


def _rows(connection: duckdb.DuckDBPyConnection, table: Table, place: str) -> pa.Table:
    rows = connection.sql(
        f"SELECT {_COLUMNS} FROM merged WHERE place {place} ORDER BY {', '.join(table.order)}"  # noqa: S608
    )
    return rows.to_arrow_table().cast(table.schema)
