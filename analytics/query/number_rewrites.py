"""Numbers, casts and aggregates that DuckDB has otherwise than Athena."""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlglot import exp

from analytics.query.number_types import MAX_SCALE, decimal, is_float, is_integer, scale_of
from analytics.query.rewriting import OTHER_ENGINES, call, is_of, renamed, type_of
from schemas.errors import ConfigError


def _div(node: exp.Expr) -> exp.Expr:
    left, right = node.this, node.expression
    if is_float(left) or is_float(right):
        return node
    if is_integer(left) and is_integer(right):
        return call("athena_integer_quotient", left, right)
    if is_of(left, exp.DType.INTERVAL):
        return node
    scales = scale_of(left), scale_of(right)
    if scales[0] is None or scales[1] is None:
        for operand in (left, right):
            type_of(operand)
        raise ConfigError(
            f"how exact {node.sql(dialect='athena')} is on Athena is not known here: CAST one side AS double"
        )
    scale = max(scales[0], scales[1])
    # Both as integers of one scale, the dividend of so much more as the quotient has digits.
    if scales[0] + scale + scales[1] > 2 * MAX_SCALE:
        raise ConfigError(f"{node.sql(dialect='athena')} has too many digits here: CAST one side AS double")
    lifted = scale - scales[0] + scales[1]
    dividend = exp.Mul(this=_unscaled(left, scales[0]), expression=exp.Literal.number(10**lifted))
    quotient = call("athena_rounded_quotient", dividend, _unscaled(right, scales[1]))
    made = call(f"athena_decimal_{scale}", quotient)
    made.type = decimal(scale)
    return made


def _unscaled(node: exp.Expr, scale: int) -> exp.Expr:
    return call(f"athena_unscaled_{scale}", node)


def _round(node: exp.Expr) -> exp.Expr:
    scale = scale_of(node.this)
    return exp.Cast(this=node.copy(), to=decimal(scale)) if scale and not is_integer(node.this) else node


def _cast(node: exp.Expr) -> exp.Expr:
    to, inner = node.args["to"], node.this
    is_try = isinstance(node, exp.TryCast)
    if to.is_type(exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT):
        if is_integer(inner):
            return node
        name = to.this.value.lower().replace("int", "integer") if to.is_type(exp.DType.INT) else to.this.value.lower()
        return call(f"athena_{'try' if is_try else 'to'}_{name}", inner)
    if to.is_type(exp.DType.DATE) and not is_of(inner, exp.DType.DATE, exp.DType.TIMESTAMP) and not _is_date(inner):
        return call(f"athena_{'try' if is_try else 'to'}_date", inner)
    if to.is_type(exp.DType.TIMESTAMP) and not to.expressions and not is_of(inner, exp.DType.DATE):
        return call(f"athena_{'try' if is_try else 'to'}_timestamp", inner)
    if to.is_type(exp.DType.CHAR):
        raise ConfigError("CAST AS char is not translated for DuckDB: write CAST(... AS varchar)")
    if to.is_type(*exp.DataType.TEXT_TYPES):
        return _as_text(node, to)
    if to.is_type(exp.DType.JSON) or is_of(inner, exp.DType.JSON):
        raise ConfigError(f"a CAST of JSON is not translated for DuckDB: write json_extract_scalar, or {OTHER_ENGINES}")
    return node


def _is_date(node: exp.Expr) -> bool:
    return node.is_string and re.fullmatch(r"\d{4}-\d{2}-\d{2}", node.name) is not None


def _as_text(node: exp.Expr, to: exp.Expr) -> exp.Expr:
    inner = node.this
    kind = type_of(inner) if not isinstance(inner, exp.Null) else exp.DType.VARCHAR
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
        return call("athena_crop", inner, exp.Literal.number(to.expressions[0].name))
    return node


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
        rounded = call("round", node.copy(), exp.Literal.number(scale))
        return exp.Cast(this=rounded, to=decimal(scale))
    return node


def _approx_quantile(node: exp.Expr) -> exp.Expr:
    return call("quantile_disc", node.this, node.args["quantile"])


def _approx_distinct(node: exp.Expr) -> exp.Expr:
    return exp.Count(this=exp.Distinct(expressions=[node.this]))


def _try(node: exp.Expr) -> exp.Expr:
    if any(call.name.lower().startswith("athena_") for call in node.find_all(exp.Anonymous)):
        raise ConfigError(
            "try() around this is not translated for DuckDB: write nullif(divisor, 0), TRY_CAST or element_at, or "
            + OTHER_ENGINES
        )
    return node


REWRITES: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.Div: _div,
    exp.Round: _round,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Sum: _aggregate,
    exp.Avg: _aggregate,
    exp.CountIf: _aggregate,
    exp.Filter: _aggregate,
    exp.Window: _aggregate,
    exp.IgnoreNulls: _aggregate,
    exp.ApproxQuantile: _approx_quantile,
    exp.ApproxDistinct: _approx_distinct,
    exp.ArgMax: renamed("arg_max_null"),
    exp.ArgMin: renamed("arg_min_null"),
    exp.IsNan: lambda node: call("isnan", node.this),
    exp.Try: _try,
}
