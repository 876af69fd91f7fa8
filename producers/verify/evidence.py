"""What was asked for and what was found, side by side in one database that spills to disk.

Pure but for that disk. Each kind of thing has a table; digests are UUIDs, which are sixteen bytes to the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

# Above it the database moves to its folder.
_MEMORY = "600MB"
# Of rows that are collected one by one.
BATCH_ROWS = 50_000
_DIGEST_BYTES = 16
# Rows of a table are kept where they are in scope, or where the key has their id and hour.
_PLACED = "source_object VARCHAR, source_line BIGINT, in_scope BOOLEAN, is_ours BOOLEAN"
_ALERT = "id VARCHAR, content UUID, rule VARCHAR, message_id VARCHAR, maybe_repeat BOOLEAN, latency_ms DOUBLE"
_TABLES = {
    "key_event": "id VARCHAR, hour VARCHAR, payload UUID, line UUID, fault VARCHAR, alert BOOLEAN, may_alert BOOLEAN",
    "key_alert": "id VARCHAR, content UUID",
    "key_refused": "reason VARCHAR, line UUID, fault VARCHAR",
    "key_unsendable": "line UUID, fault VARCHAR",
    "raw_object": "object INTEGER, key VARCHAR, damage VARCHAR",
    "raw_line": "line UUID, object INTEGER, number BIGINT, is_ours BOOLEAN",
    "fact": f"id VARCHAR, hour VARCHAR, payload UUID, {_PLACED}",
    "conflict": f"id VARCHAR, hour VARCHAR, payload UUID, {_PLACED}",
    "quarantined": f"reason VARCHAR, line UUID, {_PLACED}",
    "read_object": "key VARCHAR",
    "object_hour": "key VARCHAR, hour VARCHAR, accepted BIGINT, state VARCHAR",
    "receipt": _ALERT,
    "alert": _ALERT,
    "spooled": "line UUID, reason VARCHAR",
}
_COLUMNS = {name: [column.split()[0] for column in columns.split(", ")] for name, columns in _TABLES.items()}
_UUIDS = {name: [column.endswith(" UUID") for column in columns.split(", ")] for name, columns in _TABLES.items()}


class Evidence:
    """The database.

    Args:
        folder: where it lies; the caller removes it.
    """

    def __init__(self, folder: Path) -> None:
        self.connection = duckdb.connect(folder / "evidence.duckdb")
        self.connection.execute(f"SET memory_limit = '{_MEMORY}'")
        self.connection.execute("SET preserve_insertion_order = false")
        self.connection.execute("CREATE MACRO digest(id) AS replace(id::VARCHAR, '-', '')")
        for name, columns in _TABLES.items():
            self.connection.execute(f"CREATE TABLE {name} ({columns})")

    def add(self, table: str, rows: pa.Table) -> None:
        """Add rows whose columns are the table's, in order."""
        self.connection.register("added", rows)
        self.connection.execute(f"INSERT INTO {table} SELECT * FROM added")  # noqa: S608 (names of ours)
        self.connection.unregister("added")

    def add_rows(self, table: str, rows: Iterable[Sequence[Any]]) -> None:
        """Add rows one by one; a digest is a text of hex digits."""
        with self.collector(table) as collector:
            for row in rows:
                collector.add(row)

    def collector(self, table: str) -> Collector:
        """Return what adds rows to a table in batches."""
        return Collector(self, table)

    def ask(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Return the rows of a query, each by column."""
        found = self.connection.execute(sql, parameters)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def close(self) -> None:
        """Close the database."""
        self.connection.close()


class Collector:
    """Rows on their way to one table of the evidence; a context manager, which adds the last of them."""

    def __init__(self, evidence: Evidence, table: str) -> None:
        self._evidence = evidence
        self._table = table
        self._rows: list[Sequence[Any]] = []

    def add(self, row: Sequence[Any]) -> None:
        """Add one row, columns in the table's order."""
        self._rows.append(row)
        if len(self._rows) == BATCH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Hand on what is held."""
        if not self._rows:
            return
        columns = [
            digests(bytes.fromhex("".join(values))) if is_digest else pa.array(values)
            for values, is_digest in zip(zip(*self._rows, strict=True), _UUIDS[self._table], strict=True)
        ]
        self._evidence.add(self._table, pa.table(columns, names=_COLUMNS[self._table]))
        self._rows.clear()

    def __enter__(self) -> Collector:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.flush()


def digests(data: bytes) -> pa.Array:
    """Return digests, given one after another, as a column."""
    count = len(data) // _DIGEST_BYTES
    kept = pa.FixedSizeBinaryArray.from_buffers(pa.binary(_DIGEST_BYTES), count, [None, pa.py_buffer(data)])
    return pa.ExtensionArray.from_storage(pa.uuid(), kept)
