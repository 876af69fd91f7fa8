"""The rows that raw lines should have become, recounted the plain way, beside the rows that the tables hold.

Both sides go into one SQLite file, so that memory stays small however large a day is. The rules are those of the
documents: the first line of an id in the order of (object key, line) is the fact, the first line of each other payload
is a conflict, all others are duplicates. A row is compared column by column, by a short digest of each value.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

from batch_compaction.recount_events import COLUMNS, are_same_reason, payload_of

_CELL_BYTES = 8
_PARTITION = "year, month, day, hour"
CELLS = (*COLUMNS, "source_object", "source_line", _PARTITION)
FACT, CONFLICT = "fact", "conflict"
REJECTED, ATTESTATION = "quarantine", "attestation"
_EXPECTED, _HELD = "expected", "held"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# How many of a kind and an hour are told one by one.
MAX_EXAMPLES = 100
_TABLES = """
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536; PRAGMA temp_store = FILE;
CREATE TABLE lines (hour INT, id BLOB, object INT, line INT, payload BLOB, cells BLOB);
CREATE TABLE rows (side TEXT, kind TEXT, hour INT, id BLOB, object INT, line INT, cells BLOB);
CREATE TABLE others (side TEXT, kind TEXT, hour INT, object INT, line INT, reason TEXT, content BLOB);
"""
_INDEXES = """
CREATE INDEX lines_of_hour ON lines (hour, id, payload, object, line);
CREATE INDEX rows_by_id ON rows (side, kind, hour, id, object, line);
CREATE INDEX others_by_line ON others (side, kind, hour, object, line);
"""
_EXPECT = """
INSERT INTO rows
SELECT 'expected', CASE WHEN row_number() OVER (PARTITION BY id ORDER BY object, line) = 1 THEN 'fact'
    ELSE 'conflict' END, hour, id, object, line, cells
FROM (SELECT *, row_number() OVER (PARTITION BY id, payload ORDER BY object, line) AS copy FROM lines WHERE hour = ?)
WHERE copy = 1
"""
_SAME = {FACT: "e.id = h.id", CONFLICT: "e.id = h.id AND e.object = h.object AND e.line = h.line"}
_KEY = {FACT: "id", CONFLICT: "id, object, line"}


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A disagreement of raw objects and tables; `total` counts its kind in its hour.

    Attributes:
        hour_us: the event hour; of a quarantined line the arrival hour; None where it is of no one hour.
        expected: what the raw objects say, for a person.
        got: what the tables say.
    """

    kind: str
    hour_us: int | None
    source_object: str | None
    source_line: int | None
    click_id: str | None
    expected: str
    got: str
    total: int = 1


def cells_of(event: Mapping[str, Any], source_object: str, source_line: int, partition: Sequence[int]) -> bytes:
    """Return a digest of each column of a row, `CELLS` in order.

    Args:
        event: column -> value; metadata as a dict, the instant in microseconds.
        source_object: key of the raw object.
        source_line: line there.
        partition: year, month, day and hour as the row has them.
    """
    values = [sorted(event[name].items()) if name == "metadata" else event[name] for name in COLUMNS]
    return b"".join(map(_cell, [*values, source_object, source_line, tuple(partition)]))


def partition_of(hour_us: int) -> tuple[int, int, int, int]:
    """Return year, month, day and hour of an hour, UTC."""
    moment = _EPOCH + timedelta(microseconds=hour_us)
    return moment.year, moment.month, moment.day, moment.hour


class Recount:
    """Both sides of a day.

    Args:
        path: the file to keep it in; it must not be there yet.
        keys: the raw objects whose lines are recounted.
    """

    def __init__(self, path: Path, keys: Iterable[str]) -> None:
        self._keys = sorted(keys)
        self._numbers = {key: number for number, key in enumerate(self._keys)}
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.executescript(_TABLES)
        self._database.execute("BEGIN")

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def add_line(self, hour_us: int, event: Mapping[str, Any], key: str, line: int) -> None:
        """Take a line that is an event of the hour and should be in the tables."""
        payload = blake2b(repr(payload_of(dict(event))).encode("utf-8", "surrogatepass"), digest_size=16).digest()
        self._database.execute(
            "INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?)",
            (
                hour_us,
                _blob(event["click_id"]),
                self._number(key),
                line,
                payload,
                cells_of(event, key, line, partition_of(hour_us)),
            ),
        )

    def add_held(
        self, kind: str, hour_us: int, event: Mapping[str, Any], key: str, line: int, partition: Sequence[int]
    ) -> None:
        """Take a row that the facts or the conflicts hold in the hour."""
        self._database.execute(
            "INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                _HELD,
                kind,
                hour_us,
                _blob(event["click_id"]),
                self._number(key),
                line,
                cells_of(event, key, line, partition),
            ),
        )

    def add_other(self, kind: str, hour_us: int, key: str, line: int, reason: str, content: bytes) -> None:
        """Take a line that is no event, of an object that arrived in the hour, for the table of its kind."""
        self._add_other(_EXPECTED, kind, hour_us, key, line, reason, content)

    def add_held_other(self, kind: str, hour_us: int, key: str, line: int, reason: str, content: bytes) -> None:
        """Take a row that the table of a kind holds in the arrival hour."""
        self._add_other(_HELD, kind, hour_us, key, line, reason, content)

    def compare(self, hours: Iterable[int]) -> Iterator[Anomaly]:
        """Yield where the two sides of some hours disagree, once all is taken."""
        self._database.executescript(_INDEXES + "BEGIN;")
        for hour_us in hours:
            self._database.execute(_EXPECT, (hour_us,))
            for kind in (FACT, CONFLICT):
                yield from self._compared(kind, hour_us)
            for kind in (REJECTED, ATTESTATION):
                yield from self._compared_others(kind, hour_us)

    def counts(self, hour_us: int) -> dict[str, int]:
        """Return what an hour has on each side: lines, and facts and conflicts as expected and as held."""
        found = {
            f"{kind}s_{side}": number
            for side, kind, number in self._database.execute(
                "SELECT side, kind, count(*) FROM rows WHERE hour = ? GROUP BY 1, 2", (hour_us,)
            )
        }
        [(lines,)] = self._database.execute("SELECT count(*) FROM lines WHERE hour = ?", (hour_us,))
        return {"lines": lines} | found

    def others_by_reason(self, kind: str, hour_us: int) -> dict[str, int]:
        """Return reason -> lines of a kind of the objects that arrived in the hour, as recounted."""
        query = "SELECT reason, count(*) FROM others WHERE side = ? AND kind = ? AND hour = ? GROUP BY 1 ORDER BY 1"
        return dict(self._database.execute(query, (_EXPECTED, kind, hour_us)).fetchall())

    def _add_other(self, side: str, kind: str, hour_us: int, key: str, line: int, reason: str, content: bytes) -> None:
        self._database.execute(
            "INSERT INTO others VALUES (?, ?, ?, ?, ?, ?, ?)",
            (side, kind, hour_us, self._number(key), line, reason, blake2b(content, digest_size=16).digest()),
        )

    def _compared(self, kind: str, hour_us: int) -> Iterator[Anomaly]:
        for name, mine, other in (("missing", _EXPECTED, _HELD), ("unexpected", _HELD, _EXPECTED)):
            query = (
                "FROM rows e WHERE side = ? AND kind = ? AND hour = ? AND NOT EXISTS "  # noqa: S608 - texts of ours
                f"(SELECT 1 FROM rows h WHERE h.side = ? AND h.kind = e.kind AND h.hour = e.hour AND {_SAME[kind]})"
            )
            told = ("a row", "none") if name == "missing" else ("none", "a row")
            for total, (row_id, number, line) in self._counted(
                "id, object, line", query, "id, object, line", (mine, kind, hour_us, other)
            ):
                yield self._anomaly(f"{kind}_{name}", hour_us, number, line, row_id, told, total)
        query = (
            f"FROM (SELECT {_KEY[kind]}, min(object) AS o, min(line) AS l, count(*) AS n FROM rows "  # noqa: S608
            f"WHERE side = ? AND kind = ? AND hour = ? GROUP BY {_KEY[kind]}) WHERE n > 1"
        )
        for total, (row_id, number, line, copies) in self._counted(
            "id, o, l, n", query, "id, o, l", (_HELD, kind, hour_us)
        ):
            yield self._anomaly(f"{kind}_doubled", hour_us, number, line, row_id, ("1 row", f"{copies} rows"), total)
        query = (
            f"FROM rows e JOIN rows h ON {_SAME[kind]} AND h.kind = e.kind AND h.hour = e.hour "
            "WHERE e.side = ? AND h.side = ? AND e.kind = ? AND e.hour = ? AND e.cells <> h.cells"
        )
        for total, (row_id, number, line, mine, theirs) in self._counted(
            "e.id, h.object, h.line, e.cells, h.cells",
            query,
            "e.id, h.object, h.line",
            (_EXPECTED, _HELD, kind, hour_us),
        ):
            told = ("the values of the line", f"others in {', '.join(_changed(mine, theirs))}")
            yield self._anomaly(f"{kind}_changed", hour_us, number, line, row_id, told, total)

    def _compared_others(self, kind: str, hour_us: int) -> Iterator[Anomaly]:
        same = "h.kind = e.kind AND h.hour = e.hour AND h.object = e.object AND h.line = e.line"
        for name, mine, other in (("missing", _EXPECTED, _HELD), ("unexpected", _HELD, _EXPECTED)):
            query = (
                "FROM others e WHERE side = ? AND kind = ? AND hour = ? AND NOT EXISTS "  # noqa: S608 - texts of ours
                f"(SELECT 1 FROM others h WHERE h.side = ? AND {same})"
            )
            for total, (number, line, reason) in self._counted(
                "object, line, reason", query, "object, line", (mine, kind, hour_us, other)
            ):
                told = (reason, "none") if name == "missing" else ("none", reason)
                yield self._anomaly(f"{kind}_{name}", hour_us, number, line, None, told, total)
        lines = "SELECT object, line, count(*) AS n FROM others WHERE side = ? AND kind = ? AND hour = ? GROUP BY 1, 2"
        query = f"FROM ({lines}) WHERE n > 1"
        for total, (number, line, copies) in self._counted(
            "object, line, n", query, "object, line", (_HELD, kind, hour_us)
        ):
            yield self._anomaly(f"{kind}_doubled", hour_us, number, line, None, ("1 row", f"{copies} rows"), total)
        yield from self._changed_others(kind, hour_us, same)

    def _changed_others(self, kind: str, hour_us: int, same: str) -> Iterator[Anomaly]:
        changed = [
            (number, line, mine, theirs)
            for number, line, mine, theirs, my_content, their_content in self._database.execute(
                "SELECT e.object, e.line, e.reason, h.reason, e.content, h.content "  # noqa: S608 - texts of ours
                f"FROM others e JOIN others h ON {same} WHERE e.side = ? AND h.side = ? AND e.kind = ? AND e.hour = ? "
                "AND (e.reason <> h.reason OR e.content <> h.content) ORDER BY e.object, e.line",
                (_EXPECTED, _HELD, kind, hour_us),
            )
            # Of a line that was too large or torn, each side may keep another part.
            if not are_same_reason(mine, theirs)
            or (my_content != their_content and mine not in ("too_large", "damaged_object"))
        ]
        for number, line, mine, theirs in changed[:MAX_EXAMPLES]:
            told = (mine, theirs if mine != theirs else "another content")
            yield self._anomaly(f"{kind}_changed", hour_us, number, line, None, told, len(changed))

    def _counted(
        self, columns: str, source: str, order: str, values: tuple[Any, ...]
    ) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """Yield (how many there are, one of them) for the first of them."""
        [(total,)] = self._database.execute(f"SELECT count(*) {source}", values)
        if total:
            query = f"SELECT {columns} {source} ORDER BY {order} LIMIT {MAX_EXAMPLES}"
            yield from ((total, row) for row in self._database.execute(query, values).fetchall())

    def _anomaly(
        self,
        kind: str,
        hour_us: int,
        number: int,
        line: int,
        row_id: bytes | None,
        told: tuple[str, str],
        total: int,
    ) -> Anomaly:
        click_id = None if row_id is None else row_id.decode("utf-8", "surrogatepass")
        return Anomaly(kind, hour_us, self._keys[number], line, click_id, *told, total)

    def _number(self, key: str) -> int:
        if key not in self._numbers:  # a key that is in no listing: its place in the order decides nothing
            self._numbers[key] = len(self._keys)
            self._keys.append(key)
        return self._numbers[key]


def totals_of(anomalies: Iterable[Anomaly]) -> dict[str, int]:
    """Return kind -> how many there are, those that are not told one by one included."""
    totals: Counter[str] = Counter()
    by_hour = {}
    for anomaly in anomalies:
        if anomaly.hour_us is None:
            totals[anomaly.kind] += anomaly.total
        else:
            by_hour[anomaly.kind, anomaly.hour_us] = anomaly.total
    for (kind, _), total in by_hour.items():
        totals[kind] += total
    return dict(sorted(totals.items()))


def _blob(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _cell(value: object) -> bytes:
    return blake2b(repr(value).encode("utf-8", "surrogatepass"), digest_size=_CELL_BYTES).digest()


def _changed(mine: bytes, theirs: bytes) -> list[str]:
    pairs = ((name, slice(at * _CELL_BYTES, (at + 1) * _CELL_BYTES)) for at, name in enumerate(CELLS))
    return [name for name, cell in pairs if mine[cell] != theirs[cell]]
