"""Each difference between Athena's SQL and DuckDB's that is known: made good, or refused by name.

Works on a tree whose names are resolved and whose types are found. Only functions that stand here pass: one that
nobody compared is refused, since that both engines have its name says nothing about what it gives.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from analytics.query import collection_rewrites, number_rewrites, text_rewrites, time_rewrites
from analytics.query.collection_rewrites import match
from analytics.query.rewriting import OTHER_ENGINES, call, is_of, name_of, refusal, text_of
from analytics.query.time_patterns import strftime_of_joda
from analytics.query.time_rewrites import rounded
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
    *(exp.NthValue, exp.PercentRank, exp.CumeDist, exp.And, exp.Or, exp.Exists, exp.Unnest, exp.Encode),
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
RENAMED = frozenset(_RENAMED)
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
            raise ConfigError(
                f"{name_of(node)}() with this many arguments is not translated for DuckDB: {OTHER_ENGINES}"
            )
    if rewrite := REWRITES.get(type(node)):
        return rewrite(node)
    if isinstance(node, exp.Func) and not isinstance(node, SAME):
        raise refusal(name_of(node))
    return node


def _anonymous(node: exp.Expr) -> exp.Expr:
    name = node.name.lower()
    if name.startswith("athena_"):
        return node
    if name == "format_datetime":
        pattern = node.expressions[1]
        return call(
            "strftime", rounded(node.expressions[0]), exp.Literal.string(strftime_of_joda(text_of(pattern, name)))
        )
    if name == "map_agg":
        pair = call("row", *node.expressions)
        return call("athena_map_of", call("list", pair))
    if name in ("any_match", "all_match", "none_match"):
        return match(name, node)
    if name in ("e", "nan", "infinity") and not node.expressions:
        return exp.cast(exp.Literal.string(name), "DOUBLE") if name != "e" else call("exp", exp.Literal.number(1))
    if name == "to_iso8601" and is_of(node.expressions[0], exp.DType.DATE):
        return call("strftime", node.expressions[0], exp.Literal.string("%Y-%m-%d"))
    if name not in _RENAMED:
        raise refusal(name)
    return call(_RENAMED[name], *node.expressions)


REWRITES: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.Anonymous: _anonymous,
    **number_rewrites.REWRITES,
    **time_rewrites.REWRITES,
    **text_rewrites.REWRITES,
    **collection_rewrites.REWRITES,
}
