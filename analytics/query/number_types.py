"""Which numbers of a query are integers, decimals of which scale, or doubles, by Athena's rules.

The quotient of two decimals keeps the scale of the longer one: `1 / 3.0` is 0.3. So the scale has to be known where
DuckDB, which divides decimals as doubles, is to give the same.
Source: Trino documentation, "Decimal functions and operators", "Binary arithmetic decimal operators".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp
from sqlglot.dialects import Trino

MAX_SCALE = 18
INTEGERS = (exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT)
FLOATS = (exp.DType.FLOAT, exp.DType.DOUBLE)
# What has the type of its first argument.
_OF_FIRST = (
    *(
        exp.Paren,
        exp.Neg,
        exp.Abs,
        exp.Round,
        exp.Min,
        exp.Max,
        exp.AnyValue,
        exp.ArgMax,
        exp.ArgMin,
        exp.Nullif,
        exp.Try,
    ),
    *(exp.Filter, exp.Window, exp.IgnoreNulls, exp.RespectNulls, exp.Lag, exp.Lead),
    *(exp.FirstValue, exp.LastValue, exp.NthValue),
)
_COUNTS = (
    exp.Minute,
    exp.Second,
    exp.RegexpCount,
    exp.CountIf,
    exp.ApproxDistinct,
    exp.RowNumber,
    exp.Ntile,
    exp.ArraySize,
)


def scale_of(node: exp.Expr) -> int | None:
    """Return the digits behind the point of an integer or decimal; None of anything else, or where it is not known."""
    kind = node.type
    if kind is None:
        return None
    if kind.is_type(*INTEGERS):
        return 0
    if not kind.is_type(exp.DType.DECIMAL):
        return None
    parameters = kind.expressions
    return int(parameters[1].name) if len(parameters) == 2 else 0 if parameters else None


def is_integer(node: exp.Expr) -> bool:
    """Say whether an expression is known to be an integer."""
    return node.type is not None and bool(node.type.is_type(*INTEGERS))


def is_float(node: exp.Expr) -> bool:
    """Say whether an expression is known to be a double or a real."""
    return node.type is not None and bool(node.type.is_type(*FLOATS))


def metadata() -> dict[type[exp.Expr], dict[str, Any]]:
    """Return how sqlglot finds the type of each kind of expression, with the decimals as Athena has them."""
    known: dict[Any, dict[str, Any]] = dict(Trino.EXPRESSION_METADATA)
    known[exp.Literal] = {"annotator": _after(known.get(exp.Literal), _literal)}
    for operator in (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod):
        known[operator] = {"annotator": _after(known.get(operator), _arithmetic)}
    changed: list[tuple[tuple[Any, ...], Callable[[exp.Expr], exp.DataType | None]]] = [
        ((exp.Sum, exp.Avg), _aggregate),
        ((exp.Coalesce, exp.Case, exp.If, exp.Greatest, exp.Least), _one_of),
        ((exp.Trunc, exp.Ceil, exp.Floor), _whole),
        ((*_OF_FIRST, exp.TimestampTrunc, exp.DateTrunc, exp.DateAdd), _of_first),
        ((exp.ArrayDistinct, exp.ArraySort, exp.ArrayFilter, exp.ArraySlice, exp.Reverse), _of_first),
        ((exp.Anonymous,), _by_name),
        ((exp.ArrayAgg,), _array_of),
        ((exp.Flatten, exp.ArrayMax, exp.ArrayMin, exp.Bracket), _entry_of),
    ]
    for kinds, change in changed:
        known |= {kind: {"annotator": _after(known.get(kind), change)} for kind in kinds}
    texts = exp.DataType.build("ARRAY(VARCHAR)", dialect="trino")
    known |= {kind: {"returns": texts} for kind in (exp.Split, exp.RegexpSplit, exp.RegexpExtractAll)}
    known |= {kind: {"returns": exp.DType.BIGINT} for kind in _COUNTS}
    known |= {kind: {"returns": exp.DType.VARCHAR} for kind in _TEXTS}
    known[exp.StrToTime] = {"returns": exp.DType.TIMESTAMP}
    known[exp.Localtimestamp] = {"returns": exp.DType.TIMESTAMP}
    known[exp.CurrentTimestamp] = {"returns": exp.DType.TIMESTAMPTZ}
    known[exp.UnixToTime] = {"returns": exp.DType.TIMESTAMPTZ}
    known[exp.FromISO8601Timestamp] = {"returns": exp.DType.TIMESTAMPTZ}
    known[exp.FromISO8601Date] = {"returns": exp.DType.DATE}
    known[exp.JSONExtract] = {"returns": exp.DType.JSON}
    known[exp.TimeToUnix] = {"returns": exp.DType.DOUBLE}
    return known


_TEXTS = (
    *(exp.Replace, exp.SplitPart, exp.Pad, exp.RegexpExtract, exp.RegexpReplace, exp.JSONExtractScalar, exp.Hex),
    exp.Decode,
)


def decimal(scale: int) -> exp.DataType:
    """Return the widest decimal with so many digits behind the point."""
    return exp.DataType.build(f"DECIMAL(38, {scale})")


def _after(known: dict[str, Any] | None, change: Callable[[exp.Expr], exp.DataType | None]) -> Callable[..., None]:
    """Return what lets sqlglot find the type, and then lets `change` find a better one."""

    def annotate(annotator: Any, node: exp.Expr) -> None:
        if known and "annotator" in known:
            known["annotator"](annotator, node)
        elif known and "returns" in known:
            annotator._set_type(node, known["returns"])
        else:
            annotator._set_type(node, exp.DType.UNKNOWN)
        better = change(node)
        if better is not None:
            annotator._set_type(node, better)

    return annotate


def _literal(node: exp.Expr) -> exp.DataType | None:
    text = node.name
    if node.args.get("is_string") or "." not in text or "e" in text.lower():
        return None
    return decimal(len(text.partition(".")[2]))


def _arithmetic(node: exp.Expr) -> exp.DataType | None:
    left, right = node.this, node.expression
    if not (_is_decimal(left) or _is_decimal(right)) or is_float(left) or is_float(right):
        if is_float(left) or is_float(right):
            return exp.DataType.build("DOUBLE")
        return None
    scales = scale_of(left), scale_of(right)
    if scales[0] is None or scales[1] is None:
        return exp.DataType.build("UNKNOWN")
    return decimal(scales[0] + scales[1] if isinstance(node, exp.Mul) else max(scales[0], scales[1]))


def _aggregate(node: exp.Expr) -> exp.DataType | None:
    inner = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
    if _is_decimal(inner):
        kind: exp.DataType | None = inner.type
        return kind
    if isinstance(node, exp.Sum) and is_integer(inner):
        return exp.DataType.build("BIGINT")
    return None


def _one_of(node: exp.Expr) -> exp.DataType | None:
    if isinstance(node, exp.Case):
        branches = [branch.args["true"] for branch in node.args["ifs"]] + [node.args.get("default")]
    elif isinstance(node, exp.If):
        branches = [node.args["true"], node.args.get("false")]
    else:
        branches = [node.this, *node.expressions]
    told = [branch for branch in branches if branch is not None and not isinstance(branch, exp.Null)]
    if not any(map(_is_decimal, told)):
        return None
    if any(map(is_float, told)):
        return exp.DataType.build("DOUBLE")
    scales = [scale_of(branch) for branch in told]
    known = [scale for scale in scales if scale is not None]
    return decimal(max(known)) if len(known) == len(scales) else exp.DataType.build("UNKNOWN")


def _whole(node: exp.Expr) -> exp.DataType | None:
    kind: exp.DataType | None = decimal(0) if _is_decimal(node.this) else node.this.type
    return kind


def _of_first(node: exp.Expr) -> exp.DataType | None:
    kind: exp.DataType | None = node.this.type
    return kind


def _array_of(node: exp.Expr) -> exp.DataType | None:
    inner = node.this
    while isinstance(inner, exp.Order | exp.Distinct):
        inner = inner.expressions[0] if isinstance(inner, exp.Distinct) else inner.this
    if inner.type is None or inner.type.is_type(exp.DType.UNKNOWN):
        return None
    return exp.DataType(this=exp.DType.ARRAY, expressions=[inner.type.copy()], nested=True)


_NUMBERS_BY_NAME = frozenset({"json_array_length", "url_extract_port", "codepoint", "millisecond"})


def _by_name(node: exp.Expr) -> exp.DataType | None:
    """Return the type of a function that sqlglot has no class for."""
    name = node.name.lower()
    kinds = [argument.type for argument in node.expressions]
    if name in _NUMBERS_BY_NAME:
        return exp.DataType.build("BIGINT")
    if name.startswith("url_"):
        return exp.DataType.build("VARCHAR")
    if name == "map_agg" and len(kinds) == 2 and None not in kinds:
        return exp.DataType(this=exp.DType.MAP, expressions=[kind.copy() for kind in kinds if kind], nested=True)
    if name == "map_concat" and kinds:
        first: exp.DataType | None = kinds[0]
        return first
    if name == "map_values" and kinds and kinds[0] is not None and len(kinds[0].expressions) == 2:
        return exp.DataType(this=exp.DType.ARRAY, expressions=[kinds[0].expressions[1].copy()], nested=True)
    return None


def _entry_of(node: exp.Expr) -> exp.DataType | None:
    kind = node.this.type
    # The last one: of a map, the values.
    inner = kind.expressions[-1] if kind is not None and kind.expressions else None
    return inner if isinstance(inner, exp.DataType) else None


def _is_decimal(node: exp.Expr) -> bool:
    return node.type is not None and bool(node.type.is_type(exp.DType.DECIMAL))
