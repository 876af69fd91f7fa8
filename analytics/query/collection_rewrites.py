"""Arrays, maps and rows that DuckDB has otherwise than Athena."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from analytics.query.rewriting import OTHER_ENGINES, call, type_of
from schemas.errors import ConfigError


def _bracket(node: exp.Expr) -> exp.Expr:
    kind = type_of(node.this)
    key = node.expressions[0]
    safe = bool(node.args.get("safe"))
    if kind is exp.DType.MAP:
        return call("map_extract_value" if safe else "athena_map_value", node.this, key)
    if kind is exp.DType.ARRAY:
        return call("athena_array_item_or_null" if safe else "athena_array_item", node.this, key)
    raise ConfigError(f"[] of what is neither map nor array is not translated for DuckDB: {OTHER_ENGINES}")


def _size(node: exp.Expr) -> exp.Expr:
    kind = type_of(node.this)
    return call("athena_map_size" if kind is exp.DType.MAP else "len", node.this)


def _reverse(node: exp.Expr) -> exp.Expr:
    return call("list_reverse" if type_of(node.this) is exp.DType.ARRAY else "reverse", node.this)


def _slice(node: exp.Expr) -> exp.Expr:
    start, length = node.args["start"], node.args["end"]
    if not (isinstance(start, exp.Literal) and isinstance(length, exp.Literal)):
        raise ConfigError(f"slice() with places that are no literals is not translated for DuckDB: {OTHER_ENGINES}")
    last = exp.Literal.number(int(start.name) + int(length.name) - 1)
    return call("list_slice", node.this, start, last)


def _struct(node: exp.Expr) -> exp.Expr:
    if node.find_ancestor(exp.Cast, exp.MapFromEntries):
        return call("row", *node.expressions)
    raise ConfigError("row() without names is not translated for DuckDB: write CAST(ROW(...) AS ROW(name type, ...))")


def match(name: str, node: exp.Expr) -> exp.Expr:
    """Return whether the entries of an array match: unknown where that hangs on a match that is unknown."""
    array, test = node.expressions

    def any_where(condition: exp.Expr) -> exp.Expr:
        test_of = exp.Lambda(this=condition, expressions=[name.copy() for name in test.expressions])
        kept = exp.ArrayFilter(this=array.copy(), expression=test_of)
        return exp.GT(this=call("len", kept), expression=exp.Literal.number(0))

    matches = exp.Paren(this=test.this.copy())
    decides = exp.Not(this=matches) if name == "all_match" else matches
    return (
        exp.Case()
        .when(exp.Is(this=array.copy(), expression=exp.Null()), exp.Null(), copy=False)
        .when(any_where(decides), exp.Boolean(this=name == "any_match"), copy=False)
        .when(any_where(exp.Is(this=matches.copy(), expression=exp.Null())), exp.Null(), copy=False)
        .else_(exp.Boolean(this=name != "any_match"), copy=False)
    )


REWRITES: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.Bracket: _bracket,
    exp.ArraySize: _size,
    exp.Reverse: _reverse,
    exp.ArraySlice: _slice,
    exp.Struct: _struct,
    exp.ArrayDistinct: lambda node: call("athena_array_distinct", node.this),
    exp.ArrayMax: lambda node: call("athena_array_max", node.this),
    exp.ArrayMin: lambda node: call("athena_array_min", node.this),
    exp.ArrayPosition: lambda node: call("athena_array_position", node.this, node.expression),
    exp.ArrayContains: lambda node: call("athena_contains", node.this, node.expression),
}
