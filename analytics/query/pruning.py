"""Which data files a SELECT needs: by its conditions on columns that a file has one value, or a span of values, of.

Works on the query as it was written, with every name resolved. A file is left out only where a condition is false or
unknown for each row that it may hold; what cannot be judged keeps the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

from analytics.query.conditions import Span, Value, value_of
from schemas.lake import Partition
from schemas.tables import Table

_HOUR = timedelta(hours=1)
_TICK = timedelta(microseconds=1)
# Tables whose rows have an event_timestamp, or times like it, in the hour that their partition names.
_TIMES = {
    "fact_clicks": ("event_timestamp",),
    "conflicts": ("event_timestamp",),
    "user_hours": ("first_seen", "last_seen"),
}
# How long a query may be between its planning and its end, for what it says of now.
_LATER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Scan:
    """One place of a query where a table of ours is read.

    Attributes:
        table: its name.
        columns: those of its columns that the query asks for.
        conditions: each has to be true of a row, as far as this table is concerned, or the row is of no use.
    """

    table: str
    alias: str
    columns: frozenset[str]
    conditions: tuple[exp.Expr, ...]


def scans_of(query: exp.Expr, database: str) -> list[Scan]:
    """Return every place where a query reads a table of ours."""
    found = []
    for scope in traverse_scope(query):
        select = scope.expression
        if not isinstance(select, exp.Select):
            continue
        for alias, source in scope.sources.items():
            if isinstance(source, exp.Table) and source.db == database:
                columns = {column.name for column in select.find_all(exp.Column) if column.table == alias}
                found.append(Scan(source.name, alias, frozenset(columns), tuple(_conditions(select, alias))))
    return found


def is_wanted(scan: Scan, table: Table, partition: Partition, now: datetime) -> bool:
    """Say whether a file of a partition may hold rows that a scan needs.

    Args:
        scan: the place of the query.
        table: the table that it reads.
        partition: the values of the table's partition columns.
        now: the instant that current_timestamp stands for.
    """
    values = _values(table, partition)
    clock = now.astimezone(UTC).replace(tzinfo=None)
    span = Span(clock, clock + _LATER)
    return all(value_of(one, scan.alias, values, span) not in (False, None) for one in scan.conditions)


def _values(table: Table, partition: Partition) -> dict[str, Value]:
    values: dict[str, Value] = dict(zip(table.partition, partition, strict=True))
    if len(partition) == 4:
        start = datetime(*partition)  # noqa: DTZ001 - the tables keep UTC without a zone
        values |= {column: Span(start, start + _HOUR - _TICK) for column in _TIMES.get(table.name, ())}
    return values


def _conditions(select: exp.Select, alias: str) -> list[exp.Expr]:
    """Return what has to be true of a row of one source: of WHERE and of those ON that drop its rows."""
    joins: list[exp.Join] = select.args.get("joins") or []
    begin: exp.From | None = select.args.get("from_")
    sources = [begin.this if begin is not None else None, *(join.this for join in joins)]
    place = next((place for place, source in enumerate(sources) if _is_table_alone(source, alias)), None)
    # In parentheses a table is joined before the rest is, which is not followed here; nor is any join but Athena's.
    if place is None or any(join.kind in ("SEMI", "ANTI") for join in joins):
        return []
    own = place - 1
    may_be_missing = any(join.side in ("RIGHT", "FULL") for join in joins[own + 1 :])
    if own >= 0 and joins[own].side in ("LEFT", "FULL"):
        may_be_missing = True
    found: list[exp.Expr] = []
    if own >= 0 and joins[own].side in ("", "LEFT") and (on := joins[own].args.get("on")) is not None:
        found.append(on)
    outer = [where.this] if (where := select.args.get("where")) is not None else []
    outer += [on for join in joins[own + 1 :] if join.side in ("", "RIGHT") and (on := join.args.get("on")) is not None]
    # Where the source is the side that an outer join fills up with NULLs, a row that is left out comes back as NULLs:
    # harmless only where these do not pass either.
    for condition in outer:
        if not may_be_missing or any(_fails_on_nulls(one, alias) for one in _parts_of(condition)):
            found.append(condition)
    return [part for condition in found for part in _parts_of(condition)]


def _is_table_alone(source: exp.Expr | None, alias: str) -> bool:
    return isinstance(source, exp.Table) and source.alias_or_name == alias and not source.args.get("joins")


def _parts_of(condition: exp.Expr) -> list[exp.Expr]:
    """Return the conditions that all have to be true."""
    inner = condition.unnest()
    if not isinstance(inner, exp.And):
        return [inner]
    return [*_parts_of(inner.this), *_parts_of(inner.expression)]


def _fails_on_nulls(condition: exp.Expr, alias: str) -> bool:
    nothing: Mapping[str, Value] = {
        column.name: None for column in condition.find_all(exp.Column) if column.table == alias
    }
    return value_of(condition, alias, nothing, Span(datetime.min, datetime.max)) in (False, None)  # noqa: DTZ901
