"""Each difference between Athena's SQL and DuckDB's that is known: made good, or refused by name.

Works on a tree whose names are resolved and whose types are found. Only functions that stand here pass: one that
nobody compared is refused, since that both engines have its name says nothing about what it gives.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlglot import exp

from analytics.query.number_types import MAX_SCALE, decimal, is_float, is_integer, scale_of
from analytics.query.regexp_groups import may_be_missing
from analytics.query.time_patterns import OTHER_ENGINES, strftime_of, strftime_of_joda, strptime_of
from schemas.errors import ConfigError

# Functions, and what sqlglot counts among them, that mean the same in both and that sqlglot writes as DuckDB has them.
SAME: tuple[type[exp.Expr], ...] = (
    *(exp.Count, exp.Min, exp.Max, exp.AnyValue, exp.ArrayAgg, exp.GroupConcat, exp.LogicalAnd, exp.LogicalOr),
    *(exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop, exp.Grouping),
    *(exp.Abs, exp.Ceil, exp.Floor, exp.Sign, exp.Sqrt, exp.Cbrt, exp.Exp, exp.Ln, exp.Log, exp.Pow),
    *(exp.Pi, exp.Rand, exp.Trunc, exp.Greatest, exp.Least, exp.Coalesce, exp.Nullif, exp.If, exp.Case),
    *(exp.Lower, exp.Upper, exp.Length, exp.Concat, exp.DPipe, exp.Replace, exp.StartsWith, exp.Chr, exp.Translate),
    *(exp.RegexpExtractAll, exp.RegexpSplit, exp.RegexpLike, exp.RegexpCount, exp.Levenshtein),
    *(exp.Year, exp.Month, exp.Day, exp.Hour, exp.Minute, exp.Second, exp.Quarter, exp.DayOfWeekIso, exp.DayOfYear),
    *(exp.DayOfMonth, exp.WeekOfYear, exp.YearOfWeek, exp.CurrentDate, exp.CurrentTimestamp, exp.Localtimestamp),
    *(exp.UnixToTime, exp.TimeToUnix, exp.FromISO8601Date, exp.Interval),
    exp.ArraySort,
    *(exp.ArrayToString, exp.Flatten, exp.ArrayFilter, exp.Transform, exp.Array),
    *(exp.Map, exp.MapKeys, exp.MapFromEntries),
    *(exp.RowNumber, exp.Rank, exp.DenseRank, exp.Ntile, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue),
    *(exp.NthValue, exp.PercentRank, exp.CumeDist, exp.And, exp.Or, exp.Xor, exp.Exists, exp.Unnest, exp.Encode),
)
# Forms of these that DuckDB would not take, or take and pass over.
_NOT_THE_ARGUMENT: dict[type[exp.Expr], tuple[str, ...]] = {
    exp.Rand: ("lower", "upper"),
    exp.ArraySort: ("expression",),
    exp.Split: ("limit",),
    exp.StrPosition: ("occurrence", "position"),
    exp.ApproxQuantile: ("weight", "accuracy", "error_tolerance"),
    exp.ArgMax: ("count",),
    exp.ArgMin: ("count",),
    exp.GroupConcat: ("on_overflow",),
    exp.ArrayContains: ("ensure_variant", "check_null"),
}
_RENAMED = {
    "every": "bool_and",
    "codepoint": "unicode",
    "map_values": "map_values",
    "map_entries": "map_entries",
    "map_concat": "map_concat",
    "url_encode": "athena_url_encode",
    "url_decode": "athena_url_decode",
    "is_finite": "isfinite",
    "is_infinite": "isinf",
    "geometric_mean": "geometric_mean",
    "url_extract_protocol": "athena_url_protocol",
    "url_extract_host": "athena_url_host",
    "url_extract_port": "athena_url_port",
    "url_extract_path": "athena_url_path",
    "url_extract_query": "athena_url_query",
    "url_extract_fragment": "athena_url_fragment",
    "url_extract_parameter": "athena_url_parameter",
    "millisecond": "athena_millisecond",
    "json_array_length": "athena_json_array_length",
}
_INSTEAD = {
    "to_iso8601": "write date_format(t, '%Y-%m-%dT%H:%i:%s.%f')",
    "xxhash64": "write md5 or sha256",
    "json_format": "write json_extract_scalar for the part that is wanted",
    "match_recognize": "write lag() and lead()",
    "with_timezone": "write AT TIME ZONE inside of CAST(... AS timestamp)",
    "at_timezone": "write AT TIME ZONE inside of CAST(... AS timestamp)",
    "reduce": "write UNNEST with sum() or another aggregate",
}
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
NO_QUALIFY = "QUALIFY is unknown to Athena: put row_number() into a subquery and filter outside"
_NOT_ATHENAS: dict[type[exp.Expr], str] = {
    exp.Qualify: NO_QUALIFY,
    exp.MatchRecognize: f"MATCH_RECOGNIZE is not translated for DuckDB: write lag() and lead(), or {OTHER_ENGINES}",
    exp.ILike: "ILIKE is unknown to Athena: write lower(x) LIKE ...",
    exp.Pivot: "PIVOT is unknown to Athena: write count_if(...) or sum(IF(...)) for each column",
    exp.JSONValue: f"json_value() is not translated for DuckDB: write json_extract_scalar, or {OTHER_ENGINES}",
    exp.TableSample: f"TABLESAMPLE is not translated for DuckDB: {OTHER_ENGINES}",
    exp.Placeholder: "parameters are not taken: write the value",
    exp.Parameter: "parameters are not taken: write the value",
}


def as_duckdb(query: exp.Expr) -> exp.Expr:
    """Change a query, in place, to one that DuckDB answers as Athena would.

    Raises:
        ConfigError: with everything in it that is not translated, each by its name.
    """
    faults: list[str] = []
    # Children come before their parents: a parent that is rewritten takes along what they have become.
    for node in reversed(list(query.walk())):
        try:
            new = _translated(node)
        except ConfigError as error:
            faults += [fault for fault in error.faults if fault not in faults]
            continue
        if new is not node:
            if new.type is None and node.type is not None:
                new.type = node.type
            node.replace(new)
    if faults:
        raise ConfigError(faults)
    return query


def refuse_unknown(query: exp.Expr) -> None:
    """Refuse what names and types need not be known for.

    Raises:
        ConfigError: with all of it.
    """
    told = dict.fromkeys(_NOT_ATHENAS[type(node)] for node in query.walk() if type(node) in _NOT_ATHENAS)
    if told:
        raise ConfigError(list(told))


def _translated(node: exp.Expr) -> exp.Expr:
    for argument in _NOT_THE_ARGUMENT.get(type(node), ()):
        if node.args.get(argument):
            raise ConfigError(f"{_name(node)}() with this many arguments is not translated for DuckDB: {OTHER_ENGINES}")
    if rewrite := REWRITES.get(type(node)):
        return rewrite(node)
    if isinstance(node, exp.Func) and not isinstance(node, SAME):
        raise refusal(_name(node))
    return node


def refusal(name: str) -> ConfigError:
    """Return what is told of a function that is not translated."""
    instead = _INSTEAD.get(name.lower())
    return ConfigError(f"{name}() is not translated for DuckDB: {f'{instead}, or ' if instead else ''}{OTHER_ENGINES}")


def _name(node: exp.Expr) -> str:
    return (node.name if isinstance(node, exp.Anonymous) else node.sql(dialect="trino").partition("(")[0]).lower()


def _call(name: str, *arguments: exp.Expr | None) -> exp.Expr:
    # Not copied: the nodes move to their new place.
    given = [argument for argument in arguments if argument is not None]
    return exp.Anonymous(this=name, expressions=given)


def _macro(name: str) -> Callable[[exp.Expr], exp.Expr]:
    """Return what calls a macro with the arguments of a function, in their order."""
    return lambda node: _call(f"athena_{name}", *_arguments(node))


def _renamed(name: str) -> Callable[[exp.Expr], exp.Expr]:
    return lambda node: _call(name, *_arguments(node))


def _arguments(node: exp.Expr) -> list[exp.Expr]:
    found: list[exp.Expr] = []
    for name in node.arg_types:
        value = node.args.get(name)
        found += value if isinstance(value, list) else [value] if isinstance(value, exp.Expr) else []
    return found


def _anonymous(node: exp.Expr) -> exp.Expr:
    name = node.name.lower()
    if name.startswith("athena_"):
        return node
    if name == "format_datetime":
        pattern = node.expressions[1]
        return _call(
            "strftime", _rounded(node.expressions[0]), exp.Literal.string(strftime_of_joda(_text(pattern, name)))
        )
    if name == "map_agg":
        pair = _call("row", *node.expressions)
        return _call("athena_map_of", _call("list", pair))
    if name in ("any_match", "all_match", "none_match"):
        return _match(name, node)
    if name in ("e", "nan", "infinity") and not node.expressions:
        return exp.cast(exp.Literal.string(name), "DOUBLE") if name != "e" else _call("exp", exp.Literal.number(1))
    if name == "to_iso8601" and _is(node.expressions[0], exp.DType.DATE):
        return _call("strftime", node.expressions[0], exp.Literal.string("%Y-%m-%d"))
    if name not in _RENAMED:
        raise refusal(name)
    return _call(_RENAMED[name], *node.expressions)


def _match(name: str, node: exp.Expr) -> exp.Expr:
    """Return whether the entries of an array match: unknown where that hangs on a match that is unknown."""
    array, test = node.expressions

    def any_where(condition: exp.Expr) -> exp.Expr:
        test_of = exp.Lambda(this=condition, expressions=[name.copy() for name in test.expressions])
        kept = exp.ArrayFilter(this=array.copy(), expression=test_of)
        return exp.GT(this=_call("len", kept), expression=exp.Literal.number(0))

    matches = exp.Paren(this=test.this.copy())
    decides = exp.Not(this=matches) if name == "all_match" else matches
    return (
        exp.Case()
        .when(exp.Is(this=array.copy(), expression=exp.Null()), exp.Null(), copy=False)
        .when(any_where(decides), exp.Boolean(this=name == "any_match"), copy=False)
        .when(any_where(exp.Is(this=matches.copy(), expression=exp.Null())), exp.Null(), copy=False)
        .else_(exp.Boolean(this=name != "any_match"), copy=False)
    )


def _text(node: exp.Expr, name: str) -> str:
    if not isinstance(node, exp.Literal) or not node.is_string:
        raise ConfigError(f"{name}() with a pattern that is no literal is not translated for DuckDB: {OTHER_ENGINES}")
    return str(node.this)


def _is(node: exp.Expr, *kinds: exp.DType) -> bool:
    return node.type is not None and bool(node.type.is_type(*kinds))


def _type_of(node: exp.Expr) -> exp.DType:
    kind = node.type.this if node.type is not None else exp.DType.UNKNOWN
    if kind in (exp.DType.UNKNOWN, exp.DType.NULL):
        raise ConfigError(f"the type of {node.sql(dialect='athena')} is not known here: write CAST(... AS type)")
    found: exp.DType = kind
    return found


def _div(node: exp.Expr) -> exp.Expr:
    left, right = node.this, node.expression
    if is_float(left) or is_float(right):
        return node
    if is_integer(left) and is_integer(right):
        return _call("athena_integer_quotient", left, right)
    if _is(left, exp.DType.INTERVAL):
        return node
    scales = scale_of(left), scale_of(right)
    if scales[0] is None or scales[1] is None:
        for operand in (left, right):
            _type_of(operand)
        raise ConfigError(
            f"how exact {node.sql(dialect='athena')} is on Athena is not known here: CAST one side AS double"
        )
    scale = max(scales[0], scales[1])
    # Both as integers of one scale, the dividend of so much more as the quotient has digits.
    if scales[0] + scale + scales[1] > 2 * MAX_SCALE:
        raise ConfigError(f"{node.sql(dialect='athena')} has too many digits here: CAST one side AS double")
    lifted = scale - scales[0] + scales[1]
    dividend = exp.Mul(this=_unscaled(left, scales[0]), expression=exp.Literal.number(10**lifted))
    quotient = _call("athena_rounded_quotient", dividend, _unscaled(right, scales[1]))
    made = _call(f"athena_decimal_{scale}", quotient)
    made.type = decimal(scale)
    return made


def _unscaled(node: exp.Expr, scale: int) -> exp.Expr:
    return _call(f"athena_unscaled_{scale}", node)


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
    if _type_of(instant) in (exp.DType.TIMESTAMP, exp.DType.DATE):
        instant = _call("timezone", exp.Literal.string("UTC"), exp.cast(instant, "TIMESTAMP"))
    made = _call("timezone", node.args["zone"], instant)
    made.type = exp.DataType.build("TIMESTAMP")
    return made


def _bracket(node: exp.Expr) -> exp.Expr:
    kind = _type_of(node.this)
    key = node.expressions[0]
    safe = bool(node.args.get("safe"))
    if kind is exp.DType.MAP:
        return _call("map_extract_value" if safe else "athena_map_value", node.this, key)
    if kind is exp.DType.ARRAY:
        return _call("athena_array_item_or_null" if safe else "athena_array_item", node.this, key)
    raise ConfigError(f"[] of what is neither map nor array is not translated for DuckDB: {OTHER_ENGINES}")


def _size(node: exp.Expr) -> exp.Expr:
    kind = _type_of(node.this)
    return _call("athena_map_size" if kind is exp.DType.MAP else "len", node.this)


def _reverse(node: exp.Expr) -> exp.Expr:
    return _call("list_reverse" if _type_of(node.this) is exp.DType.ARRAY else "reverse", node.this)


def _trunc(node: exp.Expr) -> exp.Expr:
    kind = _type_of(node.this)
    made = _call("date_trunc", exp.Literal.string(_unit(node)), node.this)
    return exp.cast(made, "DATE") if kind is exp.DType.DATE else made


def _unit(node: exp.Expr) -> str:
    unit = node.args.get("unit")
    return unit.name.lower() if unit is not None else "day"


def _date_add(node: exp.Expr) -> exp.Expr:
    kind, unit = _type_of(node.this), _unit(node).upper()
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
        if _is(operand, *exp.DataType.TEXT_TYPES):
            raise ConfigError("date_diff of a text is an error on Athena: CAST it AS timestamp")
    return _call("date_sub", exp.Literal.string(_unit(node)), node.expression, node.this)


def _sum_of_times(node: exp.Expr) -> exp.Expr:
    left, right = node.this, node.expression
    if isinstance(node, exp.Sub) and _is(left, exp.DType.DATE) and _is(right, exp.DType.DATE):
        raise ConfigError(
            "a date less a date is an interval on Athena and a number on DuckDB: write date_diff('day', b, a)"
        )
    for date, interval in ((left, right), (right, left)):
        if _is(date, exp.DType.DATE) and isinstance(interval.unnest(), exp.Interval):
            unit = interval.unnest().args.get("unit")
            if unit is None or unit.name.upper() not in _DATE_UNITS:
                raise ConfigError("an interval of hours or less added to a date is an error on Athena: CAST the date")
            return exp.cast(exp.Paren(this=node.copy()), "DATE")
    return node


def _sequence(node: exp.Expr) -> exp.Expr:
    start, end, step = node.args["start"], node.args["end"], node.args.get("step")
    if _type_of(start) is exp.DType.DATE:
        step = step or exp.Interval(this=exp.Literal.string("1"), unit=exp.Var(this="DAY"))
        return _call("athena_date_sequence", start, end, step)
    if step is None and is_integer(start):
        return _call("athena_sequence", start, end)
    return _call("generate_series", start, end, step)


def _cast(node: exp.Expr) -> exp.Expr:
    to, inner = node.args["to"], node.this
    is_try = isinstance(node, exp.TryCast)
    if to.is_type(exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT):
        if is_integer(inner):
            return node
        name = to.this.value.lower().replace("int", "integer") if to.is_type(exp.DType.INT) else to.this.value.lower()
        return _call(f"athena_{'try' if is_try else 'to'}_{name}", inner)
    if to.is_type(exp.DType.DATE) and not _is(inner, exp.DType.DATE, exp.DType.TIMESTAMP) and not _is_date(inner):
        return _call(f"athena_{'try' if is_try else 'to'}_date", inner)
    if to.is_type(exp.DType.TIMESTAMP) and not to.expressions and not _is(inner, exp.DType.DATE):
        return _call(f"athena_{'try' if is_try else 'to'}_timestamp", inner)
    if to.is_type(exp.DType.CHAR):
        raise ConfigError("CAST AS char is not translated for DuckDB: write CAST(... AS varchar)")
    if to.is_type(*exp.DataType.TEXT_TYPES):
        return _as_text(node, to)
    if to.is_type(exp.DType.JSON) or _is(inner, exp.DType.JSON):
        raise ConfigError(f"a CAST of JSON is not translated for DuckDB: write json_extract_scalar, or {OTHER_ENGINES}")
    return node


def _is_date(node: exp.Expr) -> bool:
    return node.is_string and re.fullmatch(r"\d{4}-\d{2}-\d{2}", node.name) is not None


def _as_text(node: exp.Expr, to: exp.Expr) -> exp.Expr:
    inner = node.this
    kind = _type_of(inner) if not isinstance(inner, exp.Null) else exp.DType.VARCHAR
    if kind in (exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ):
        raise ConfigError(
            "a timestamp as text has other digits on Athena: write date_format(t, '%Y-%m-%d %H:%i:%s') "
            "instead of CAST(t AS varchar)"
        )
    if kind in (exp.DType.DOUBLE, exp.DType.FLOAT):
        raise ConfigError(
            "a double as text looks otherwise on Athena: "
            "CAST it AS decimal(38, 2) first, or as many digits as are wanted"
        )
    if kind in (exp.DType.MAP, exp.DType.ARRAY, exp.DType.STRUCT, exp.DType.INTERVAL, exp.DType.JSON):
        raise ConfigError(f"CAST of a {kind.value.lower()} AS varchar is not translated for DuckDB: {OTHER_ENGINES}")
    if to.expressions:
        return _call("athena_crop", inner, exp.Literal.number(to.expressions[0].name))
    return node


def _approx_quantile(node: exp.Expr) -> exp.Expr:
    return _call("quantile_disc", node.this, node.args["quantile"])


def _approx_distinct(node: exp.Expr) -> exp.Expr:
    return exp.Count(this=exp.Distinct(expressions=[node.this]))


def _trim(node: exp.Expr) -> exp.Expr:
    if node.args.get("expression"):
        return node
    position = str(node.args.get("position") or "BOTH").upper()
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(position, "trim")
    return _call(f"athena_{name}", node.this)


def _substring(node: exp.Expr) -> exp.Expr:
    start, length = node.args.get("start"), node.args.get("length")
    if start is None or (isinstance(start, exp.Literal) and int(start.name) > 0):
        return node
    return _call("athena_substr" if length is None else "athena_substr_of", node.this, start, length)


def _regexp_extract(node: exp.Expr) -> exp.Expr:
    pattern, group = node.expression, node.args.get("group")
    if group is not None and not (isinstance(group, exp.Literal) and group.name == "0"):
        text = _text(pattern, "regexp_extract")
        if may_be_missing(text, int(group.name) if isinstance(group, exp.Literal) else 0):
            raise ConfigError(
                "regexp_extract() of a group that may be missing is NULL on Athena and empty on DuckDB: write the "
                f"pattern without |, )? and )*, or {OTHER_ENGINES}"
            )
    return _call("athena_regexp_extract", node.this, pattern, group or exp.Literal.number(0))


def _regexp_replace(node: exp.Expr) -> exp.Expr:
    replacement = node.args.get("replacement")
    text = "" if replacement is None else _text(replacement, "regexp_replace")
    # `$1` on Athena, `\1` on DuckDB; a backslash takes the next letter as it is.
    parts, place = [], 0
    while place < len(text):
        letter, following = text[place], text[place + 1 : place + 2]
        if letter == "$" and following.isdigit():
            parts.append(f"\\{following}")
            place += 2
        elif letter == "\\" and following:
            parts.append("\\\\" if following == "\\" else following)
            place += 2
        elif letter == "$":
            raise ConfigError(f"a named group in regexp_replace() is not translated for DuckDB: {OTHER_ENGINES}")
        else:
            parts.append(letter)
            place += 1
    return _call(
        "regexp_replace", node.this, node.expression, exp.Literal.string("".join(parts)), exp.Literal.string("g")
    )


def _json_path(node: exp.Expr) -> exp.Expr:
    name = _name(node)
    if not name.startswith("json_extract"):
        raise refusal(name)
    # As sqlglot writes the path for DuckDB.
    arrow = exp.JSONExtract(this=exp.column("j"), expression=node.expression.copy()).sql(dialect="duckdb")
    return exp.Literal.string(arrow.partition("->")[2].strip().strip("'").replace("''", "'"))


def _round(node: exp.Expr) -> exp.Expr:
    scale = scale_of(node.this)
    return exp.Cast(this=node.copy(), to=decimal(scale)) if scale and not is_integer(node.this) else node


def _try(node: exp.Expr) -> exp.Expr:
    if any(call.name.lower().startswith("athena_") for call in node.find_all(exp.Anonymous)):
        raise ConfigError(
            "try() around this is not translated for DuckDB: write nullif(divisor, 0), TRY_CAST or element_at, or "
            + OTHER_ENGINES
        )
    return node


def _struct(node: exp.Expr) -> exp.Expr:
    if node.find_ancestor(exp.Cast, exp.MapFromEntries):
        return _call("row", *node.expressions)
    raise ConfigError("row() without names is not translated for DuckDB: write CAST(ROW(...) AS ROW(name type, ...))")


def _sha2(node: exp.Expr) -> exp.Expr:
    if node.args.get("length") is not None and node.args["length"].name != "256":
        raise refusal(f"sha{node.args['length'].name}")
    return _call("unhex", _call("sha256", node.this))


def _json_scalar(node: exp.Expr) -> exp.Expr:
    return _call("athena_json_scalar", node.this, _json_path(node))


def _json_part(node: exp.Expr) -> exp.Expr:
    return _call("athena_json_part", node.this, _json_path(node))


def _time_to_str(node: exp.Expr) -> exp.Expr:
    pattern = strftime_of(_text(node.args["format"], "date_format"), "date_format")
    return _call("strftime", _rounded(node.this), exp.Literal.string(pattern))


def _rounded(node: exp.Expr) -> exp.Expr:
    """Return a timestamp as Athena's functions of patterns take it: with milliseconds."""
    return _call("athena_rounded_timestamp", node) if _is(node, exp.DType.TIMESTAMP) else node


def _str_to_time(node: exp.Expr) -> exp.Expr:
    return _call("strptime", node.this, exp.Literal.string(strptime_of(_text(node.args["format"], "date_parse"))))


def _extract(node: exp.Expr) -> exp.Expr:
    part = node.this.name.upper()
    if part not in _PARTS:
        raise ConfigError(f"extract({part} FROM ...) is not translated for DuckDB: {OTHER_ENGINES}")
    return _call(_PARTS[part], node.expression)


def _split(node: exp.Expr) -> exp.Expr:
    return _call("string_split", node.this, node.expression)


def _slice(node: exp.Expr) -> exp.Expr:
    start, length = node.args["start"], node.args["end"]
    if not (isinstance(start, exp.Literal) and isinstance(length, exp.Literal)):
        raise ConfigError(f"slice() with places that are no literals is not translated for DuckDB: {OTHER_ENGINES}")
    last = exp.Literal.number(int(start.name) + int(length.name) - 1)
    return _call("list_slice", node.this, start, last)


def _aggregate(node: exp.Expr) -> exp.Expr:
    """Return an aggregate, with its filter and window, with the type that it has on Athena.

    DuckDB's sums of integers are wider than Athena's, which fail where they do not fit, and its means of decimals are
    doubles.
    """
    inner = node
    while isinstance(inner, exp.Filter | exp.Window | exp.IgnoreNulls):
        inner = inner.this
    if isinstance(node.parent, exp.Filter | exp.Window | exp.IgnoreNulls) and node.arg_key == "this":
        return node
    if isinstance(inner, exp.CountIf) or (isinstance(inner, exp.Sum) and is_integer(inner)):
        return exp.cast(node.copy(), "BIGINT")
    if isinstance(inner, exp.Avg) and (scale := scale_of(inner)) is not None:
        rounded = _call("round", node.copy(), exp.Literal.number(scale))
        return exp.Cast(this=rounded, to=decimal(scale))
    return node


def _timestamp_of_text(node: exp.Expr) -> exp.Expr:
    made = exp.cast(node.this, "TIMESTAMPTZ")
    return _call("date_trunc", exp.Literal.string("millisecond"), made)


REWRITES: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.Anonymous: _anonymous,
    exp.Div: _div,
    exp.AtTimeZone: _at_time_zone,
    exp.Bracket: _bracket,
    exp.ArraySize: _size,
    exp.Reverse: _reverse,
    exp.TimestampTrunc: _trunc,
    exp.DateTrunc: _trunc,
    exp.DateAdd: _date_add,
    exp.DateDiff: _date_diff,
    exp.Add: _sum_of_times,
    exp.Sub: _sum_of_times,
    exp.GenerateSeries: _sequence,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.ApproxQuantile: _approx_quantile,
    exp.ApproxDistinct: _approx_distinct,
    exp.Trim: _trim,
    exp.Substring: _substring,
    exp.SplitPart: _macro("split_part"),
    exp.RegexpExtract: _regexp_extract,
    exp.RegexpReplace: _regexp_replace,
    exp.JSONExtractScalar: _json_scalar,
    exp.JSONExtract: _json_part,
    exp.TimeToStr: _time_to_str,
    exp.StrToTime: _str_to_time,
    exp.Extract: _extract,
    exp.Split: _split,
    exp.ArraySlice: _slice,
    exp.StrPosition: lambda node: _call("strpos", node.this, node.args["substr"]),
    exp.Pad: lambda node: _call(
        "lpad" if node.args.get("is_left") else "rpad", node.this, node.expression, node.args["fill_pattern"]
    ),
    exp.ArgMax: _renamed("arg_max_null"),
    exp.ArgMin: _renamed("arg_min_null"),
    exp.FromISO8601Timestamp: _timestamp_of_text,
    exp.Date: lambda node: _call("athena_to_date", node.this),
    exp.MD5Digest: lambda node: _call("unhex", _call("md5", node.this)),
    exp.SHA2Digest: _sha2,
    exp.SHA: lambda node: _call("unhex", _call("sha1", node.this)),
    exp.SHA1Digest: lambda node: _call("unhex", _call("sha1", node.this)),
    exp.Unhex: lambda node: _call("unhex", node.this),
    exp.ToBase64: lambda node: _call("base64", node.this),
    exp.FromBase64: lambda node: _call("from_base64", node.this),
    exp.IsNan: lambda node: _call("isnan", node.this),
    exp.Round: _round,
    exp.Try: _try,
    exp.Struct: _struct,
    exp.ArrayDistinct: lambda node: _call("athena_array_distinct", node.this),
    exp.ArrayMax: lambda node: _call("athena_array_max", node.this),
    exp.ArrayMin: lambda node: _call("athena_array_min", node.this),
    exp.ArrayPosition: lambda node: _call("athena_array_position", node.this, node.expression),
    exp.ArrayContains: lambda node: _call("athena_contains", node.this, node.expression),
    exp.Hex: lambda node: _call("hex", node.this),
    exp.Decode: lambda node: _call("decode", node.this),
    exp.CountIf: _aggregate,
    exp.Sum: _aggregate,
    exp.Avg: _aggregate,
    exp.Filter: _aggregate,
    exp.Window: _aggregate,
    exp.IgnoreNulls: _aggregate,
    exp.LastDay: lambda node: _call("last_day", node.this),
}
