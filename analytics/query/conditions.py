"""What a condition is for all rows of a file of which a few columns are known, by SQL's three values and one more.

Beside true, false and NULL (None) a value may be `UNKNOWN`: the rows differ, or it takes more than is known here. A
column may be known as a span of values.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any

from sqlglot import exp


class Unknown(Enum):
    """The value of what is not the same in all rows, or not known."""

    UNKNOWN = "unknown"


UNKNOWN = Unknown.UNKNOWN


@dataclass(frozen=True, slots=True)
class Span:
    """Any value from `low` to `high`, both included."""

    low: Any
    high: Any


Value = bool | int | str | date | datetime | timedelta | Span | Unknown | None
_COMPARISONS: dict[type[exp.Expr], Callable[[Any, Any], bool]] = {
    exp.EQ: operator.eq,
    exp.NEQ: operator.ne,
    exp.LT: operator.lt,
    exp.LTE: operator.le,
    exp.GT: operator.gt,
    exp.GTE: operator.ge,
}
_ARITHMETIC: dict[type[exp.Expr], Callable[[Any, Any], Any]] = {
    exp.Add: operator.add,
    exp.Sub: operator.sub,
    exp.Mul: operator.mul,
}
# Parts of a time that grow with it, in the order of their size, which tell a time up to there.
_PARTS = ("year", "month", "day", "hour", "minute", "second")
_UNITS = {"MINUTE": timedelta(minutes=1), "HOUR": timedelta(hours=1), "DAY": timedelta(days=1)}
_UNITS |= {"SECOND": timedelta(seconds=1), "WEEK": timedelta(weeks=1)}
_TIMES = (date, datetime)
# As many digits as any whole number type of SQL has.
_WHOLE = re.compile(r"-?[0-9]{1,9}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIMESTAMP = re.compile(rf"{_DATE.pattern}( [0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}(\.[0-9]{{1,6}})?)?)?")


def value_of(node: exp.Expr, alias: str, known: Mapping[str, Value], now: Span) -> Value:
    """Return the value of an expression, or `UNKNOWN`.

    Args:
        node: of a query whose names are resolved.
        alias: the source whose columns are known.
        known: column -> its value.
        now: when the query may run.
    """
    return _Evaluation(alias, known, now).of(node)


class _Evaluation:
    def __init__(self, alias: str, known: Mapping[str, Value], now: Span) -> None:
        self.alias = alias
        self.known = known
        self.now = now

    def of(self, node: exp.Expr) -> Value:
        if isinstance(node, exp.Column):
            return self.known.get(node.name, UNKNOWN) if node.table == self.alias else UNKNOWN
        if isinstance(node, exp.Paren):
            return self.of(node.this)
        if isinstance(node, exp.And | exp.Or):
            return self._junction([self.of(side) for side in (node.this, node.expression)], isinstance(node, exp.And))
        if isinstance(node, exp.Not):
            value = self.of(node.this)
            return not value if isinstance(value, bool) else value if value is None else UNKNOWN
        if type(node) in _COMPARISONS:
            return self._compared(type(node), self.of(node.this), self.of(node.expression))
        if isinstance(node, exp.Between):
            if node.args.get("symmetric"):
                return UNKNOWN
            value = self.of(node.this)
            bounds = [
                self._compared(exp.GTE, value, self.of(node.args["low"])),
                self._compared(exp.LTE, value, self.of(node.args["high"])),
            ]
            return self._junction(bounds, is_and=True)
        if isinstance(node, exp.In):
            return self._in(node)
        if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
            value = self.of(node.this)
            return UNKNOWN if value is UNKNOWN else value is None
        return self._scalar(node)

    def _junction(self, values: list[Value], is_and: bool) -> Value:
        decides = not is_and
        if any(value is decides for value in values):
            return decides
        if any(value is not None and not isinstance(value, bool) for value in values):
            return UNKNOWN
        return None if None in values else not decides

    def _in(self, node: exp.In) -> Value:
        if node.args.get("query") is not None or node.args.get("unnest") is not None:
            return UNKNOWN
        if isinstance(node.this, exp.Tuple):
            rows = [
                self._junction(
                    [
                        self._compared(exp.EQ, self.of(left), self.of(right))
                        for left, right in zip(node.this.expressions, row.expressions, strict=False)
                    ],
                    is_and=True,
                )
                for row in node.expressions
                if isinstance(row, exp.Tuple)
            ]
            return self._junction(rows, is_and=False) if len(rows) == len(node.expressions) else UNKNOWN
        value = self.of(node.this)
        return self._junction([self._compared(exp.EQ, value, self.of(one)) for one in node.expressions], is_and=False)

    def _compared(self, kind: type[exp.Expr], left: Value, right: Value) -> Value:
        if left is None or right is None:
            return None
        if left is UNKNOWN or right is UNKNOWN:
            return UNKNOWN
        a, b = _as_span(left), _as_span(right)
        if not _comparable(a.low, b.low):
            return UNKNOWN
        a, b = _alike(a, b)
        if kind in (exp.EQ, exp.NEQ):
            if a.high < b.low or b.high < a.low:
                return kind is exp.NEQ
            return kind is exp.EQ if a.low == a.high == b.low == b.high else UNKNOWN
        compare = _COMPARISONS[kind]
        answers = {compare(x, y) for x in (a.low, a.high) for y in (b.low, b.high)}
        return answers.pop() if len(answers) == 1 else UNKNOWN

    def _scalar(self, node: exp.Expr) -> Value:
        if isinstance(node, exp.Literal):
            return str(node.this) if node.is_string else int(node.this) if _WHOLE.fullmatch(node.this) else UNKNOWN
        if isinstance(node, exp.Boolean):
            return bool(node.this)
        if isinstance(node, exp.Null):
            return None
        if isinstance(node, exp.Neg):
            value = self.of(node.this)
            return -value if type(value) is int else UNKNOWN
        if type(node) in _ARITHMETIC:
            return _calculated(_ARITHMETIC[type(node)], self.of(node.this), self.of(node.expression))
        return self._function(node)

    def _function(self, node: exp.Expr) -> Value:
        if isinstance(node, exp.CurrentTimestamp | exp.Localtimestamp):
            return self.now
        if isinstance(node, exp.CurrentDate):
            return Span(self.now.low.date(), self.now.high.date())
        if isinstance(node, exp.Interval):
            return _interval(node)
        if isinstance(node, exp.Cast | exp.TryCast):
            return _cast(self.of(node.this), node.args["to"])
        if isinstance(node, exp.TsOrDsToDate | exp.Date):
            return _cast(self.of(node.this), exp.DataType.build("DATE"))
        if isinstance(node, exp.DateAdd):
            return self._added(node)
        if isinstance(node, exp.TimestampTrunc | exp.DateTrunc):
            return _truncated(self.of(node.this), node.args["unit"].name.lower())
        if isinstance(node, exp.Year | exp.Month | exp.Day | exp.Hour):
            return _part(self.of(node.this), type(node).__name__.lower())
        return UNKNOWN

    def _added(self, node: exp.DateAdd) -> Value:
        unit = _UNITS.get(node.args["unit"].name.upper() if node.args.get("unit") else "DAY")
        count = self.of(node.expression)
        step = unit * count if unit is not None and type(count) is int else UNKNOWN
        return _calculated(operator.add, self.of(node.this), step)


def _as_span(value: Value) -> Span:
    return value if isinstance(value, Span) else Span(value, value)


def _comparable(left: Any, right: Any) -> bool:
    if isinstance(left, _TIMES) and isinstance(right, _TIMES):
        return True
    return type(left) is type(right)


def _alike(left: Span, right: Span) -> tuple[Span, Span]:
    """Return two spans as timestamps where one of them is of timestamps."""
    if isinstance(left.low, datetime) == isinstance(right.low, datetime) or not isinstance(left.low, date):
        return left, right
    return Span(_midnight(left.low), _midnight(left.high)), Span(_midnight(right.low), _midnight(right.high))


def _midnight(value: date) -> datetime:
    return value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)  # noqa: DTZ001


def _calculated(calculate: Callable[[Any, Any], Any], left: Value, right: Value) -> Value:
    if left is None or right is None:
        return None
    if left is UNKNOWN or right is UNKNOWN or isinstance(left, str) or isinstance(right, str):
        return UNKNOWN
    a, b = _as_span(left), _as_span(right)
    try:
        ends = [calculate(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    except (TypeError, OverflowError):
        return UNKNOWN
    return Span(min(ends), max(ends)) if min(ends) != max(ends) else ends[0]


def _interval(node: exp.Interval) -> Value:
    unit = _UNITS.get(node.args["unit"].name.upper()) if node.args.get("unit") is not None else None
    text = node.this.name if node.this is not None else ""
    return unit * int(text) if unit is not None and _WHOLE.fullmatch(text) else UNKNOWN


def _cast(value: Value, to: exp.DataType) -> Value:
    if value is None or value is UNKNOWN:
        return value
    if isinstance(value, Span):
        if to.is_type(exp.DType.DATE) and isinstance(value.low, datetime):
            low, high = value.low.date(), value.high.date()
            return low if low == high else Span(low, high)
        is_same = to.is_type(exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ) and isinstance(value.low, datetime)
        return _rounded(value) if is_same else UNKNOWN
    if isinstance(value, str):
        return _read(value, to)
    if type(value) is int and to.is_type(exp.DType.BIGINT, exp.DType.INT):
        return value
    if type(value) is int and to.is_type(*exp.DataType.TEXT_TYPES) and not to.expressions:
        return str(value)
    if isinstance(value, datetime) and to.is_type(exp.DType.DATE):
        return value.date()
    if isinstance(value, date) and to.is_type(exp.DType.DATE):
        return value
    return UNKNOWN


def _rounded(value: Span) -> Span:
    """A timestamp without a precision has milliseconds: a row may move by half of one."""
    half = timedelta(milliseconds=1)
    return Span(value.low - half, value.high + half) if value.low != datetime.min else value  # noqa: DTZ901


def _read(text: str, to: exp.DataType) -> Value:
    # Python reads more forms than SQL does: of these nothing is said.
    try:
        if to.is_type(exp.DType.DATE):
            return date.fromisoformat(text) if _DATE.fullmatch(text) else UNKNOWN
        if to.is_type(exp.DType.TIMESTAMP) and _TIMESTAMP.fullmatch(text):
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo is None else UNKNOWN
        if to.is_type(exp.DType.BIGINT, exp.DType.INT):
            return int(text) if _WHOLE.fullmatch(text) else UNKNOWN
        return text if to.is_type(*exp.DataType.TEXT_TYPES) and not to.expressions else UNKNOWN
    except ValueError:
        return UNKNOWN


def _truncated(value: Value, unit: str) -> Value:
    if value is None or value is UNKNOWN:
        return value
    span = _as_span(value)
    if unit not in _PARTS or not isinstance(span.low, date):
        return UNKNOWN
    low, high = (_cut(end, unit) for end in (span.low, span.high))
    return low if low == high else Span(low, high)


def _cut(value: date, unit: str) -> date:
    parts = [getattr(value, part) for part in _PARTS[: _PARTS.index(unit) + 1] if hasattr(value, part)]
    parts += [1] * (3 - len(parts))
    return datetime(*parts) if isinstance(value, datetime) else date(*parts)  # noqa: DTZ001


def _part(value: Value, part: str) -> Value:
    """Return a part of a time, where all of a span has the same one."""
    if value is None:
        return None
    if value is UNKNOWN:
        return UNKNOWN
    span = _as_span(value)
    if not isinstance(span.low, date) or not hasattr(span.low, part):
        return UNKNOWN
    if _cut(span.low, part) != _cut(span.high, part):
        return UNKNOWN
    number: int = getattr(span.low, part)
    return number
