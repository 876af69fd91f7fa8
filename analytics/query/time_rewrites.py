"""Dates and times that DuckDB has otherwise than Athena."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from analytics.query.number_types import is_integer
from analytics.query.rewriting import OTHER_ENGINES, call, is_of, text_of, type_of, unit_of
from analytics.query.time_patterns import strftime_of, strptime_of
from schemas.errors import ConfigError

_PARTS = {
    **{part: part.lower() for part in ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "QUARTER")},
    **{"WEEK": "weekofyear", "DAY_OF_MONTH": "day", "DOW": "isodow", "DAY_OF_WEEK": "isodow", "DOY": "dayofyear"},
    **{"DAYOFWEEK": "isodow", "DAYOFYEAR": "dayofyear", "DAY_OF_YEAR": "dayofyear"},
    **{"YOW": "isoyear", "YEAR_OF_WEEK": "isoyear"},
}
_DATE_UNITS = frozenset({"DAY", "WEEK", "MONTH", "QUARTER", "YEAR"})
_OF_TIMES: tuple[type[exp.Expr], ...] = (
    *(exp.Year, exp.Month, exp.Day, exp.Hour, exp.Minute, exp.Second, exp.Quarter, exp.DayOfWeekIso, exp.Extract),
    *(exp.DayOfYear, exp.DayOfMonth, exp.WeekOfYear, exp.YearOfWeek, exp.TimeToStr),
)


def _at_time_zone(node: exp.Expr) -> exp.Expr:
    parent: exp.Expr | None = node.parent
    place: exp.Expr = node
    while isinstance(parent, exp.Paren | exp.TimestampTrunc | exp.DateTrunc):
        place, parent = parent, parent.parent
    to = parent.args["to"] if isinstance(parent, exp.Cast) and parent.this is place else None
    local = to is not None and to.is_type(exp.DType.DATE, exp.DType.TIMESTAMP)
    if not local and not (isinstance(parent, _OF_TIMES) and parent.find(exp.AtTimeZone) is not None):
        raise ConfigError(
            "AT TIME ZONE gives a timestamp that keeps its zone, which DuckDB has not: put it into "
            f"CAST(... AS timestamp), CAST(... AS date), hour() or another part of it, or {OTHER_ENGINES}"
        )
    instant = node.this
    if type_of(instant) in (exp.DType.TIMESTAMP, exp.DType.DATE):
        instant = call("timezone", exp.Literal.string("UTC"), exp.cast(instant, "TIMESTAMP"))
    made = call("timezone", node.args["zone"], instant)
    made.type = exp.DataType.build("TIMESTAMP")
    return made


def _trunc(node: exp.Expr) -> exp.Expr:
    kind = type_of(node.this)
    made = call("date_trunc", exp.Literal.string(unit_of(node)), node.this)
    return exp.cast(made, "DATE") if kind is exp.DType.DATE else made


def _date_add(node: exp.Expr) -> exp.Expr:
    kind, unit = type_of(node.this), unit_of(node).upper()
    if kind is exp.DType.DATE and unit not in _DATE_UNITS:
        raise ConfigError(f"date_add of {unit.lower()} to a date is an error on Athena: CAST the date AS timestamp")
    step = exp.Mul(
        this=exp.Paren(this=exp.cast(node.expression, "BIGINT")),
        expression=exp.Interval(this=exp.Literal.string("3" if unit == "QUARTER" else "1"), unit=_step(unit)),
    )
    made = exp.Paren(this=exp.Add(this=node.this, expression=step))
    return exp.cast(made, "DATE") if kind is exp.DType.DATE else made


def _step(unit: str) -> exp.Expr:
    return exp.Var(this="MONTH" if unit == "QUARTER" else unit)


def _date_diff(node: exp.Expr) -> exp.Expr:
    for operand in (node.this, node.expression):
        if is_of(operand, *exp.DataType.TEXT_TYPES):
            raise ConfigError("date_diff of a text is an error on Athena: CAST it AS timestamp")
    return call("date_sub", exp.Literal.string(unit_of(node)), node.expression, node.this)


def _sum_of_times(node: exp.Expr) -> exp.Expr:
    left, right = node.this, node.expression
    if isinstance(node, exp.Sub) and is_of(left, exp.DType.DATE) and is_of(right, exp.DType.DATE):
        raise ConfigError(
            "a date less a date is an interval on Athena and a number on DuckDB: write date_diff('day', b, a)"
        )
    for date, interval in ((left, right), (right, left)):
        if is_of(date, exp.DType.DATE) and isinstance(interval.unnest(), exp.Interval):
            unit = interval.unnest().args.get("unit")
            if unit is None or unit.name.upper() not in _DATE_UNITS:
                raise ConfigError("an interval of hours or less added to a date is an error on Athena: CAST the date")
            return exp.cast(exp.Paren(this=node.copy()), "DATE")
    return node


def _sequence(node: exp.Expr) -> exp.Expr:
    start, end, step = node.args["start"], node.args["end"], node.args.get("step")
    if type_of(start) is exp.DType.DATE:
        step = step or exp.Interval(this=exp.Literal.string("1"), unit=exp.Var(this="DAY"))
        return call("athena_date_sequence", start, end, step)
    if step is None and is_integer(start):
        return call("athena_sequence", start, end)
    return call("generate_series", start, end, step)


def _time_to_str(node: exp.Expr) -> exp.Expr:
    pattern = strftime_of(text_of(node.args["format"], "date_format"), "date_format")
    return call("strftime", rounded(node.this), exp.Literal.string(pattern))


def rounded(node: exp.Expr) -> exp.Expr:
    """Return a timestamp as Athena's functions of patterns take it: with milliseconds."""
    return call("athena_rounded_timestamp", node) if is_of(node, exp.DType.TIMESTAMP) else node


def _str_to_time(node: exp.Expr) -> exp.Expr:
    return call("strptime", node.this, exp.Literal.string(strptime_of(text_of(node.args["format"], "date_parse"))))


def _extract(node: exp.Expr) -> exp.Expr:
    part = node.this.name.upper()
    if part not in _PARTS:
        raise ConfigError(f"extract({part} FROM ...) is not translated for DuckDB: {OTHER_ENGINES}")
    return call(_PARTS[part], node.expression)


def _timestamp_of_text(node: exp.Expr) -> exp.Expr:
    made = exp.cast(node.this, "TIMESTAMPTZ")
    return call("date_trunc", exp.Literal.string("millisecond"), made)


REWRITES: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.AtTimeZone: _at_time_zone,
    exp.TimestampTrunc: _trunc,
    exp.DateTrunc: _trunc,
    exp.DateAdd: _date_add,
    exp.DateDiff: _date_diff,
    exp.Add: _sum_of_times,
    exp.Sub: _sum_of_times,
    exp.GenerateSeries: _sequence,
    exp.TimeToStr: _time_to_str,
    exp.StrToTime: _str_to_time,
    exp.Extract: _extract,
    exp.FromISO8601Timestamp: _timestamp_of_text,
    exp.Date: lambda node: call("athena_to_date", node.this),
    exp.LastDay: lambda node: call("last_day", node.this),
}
