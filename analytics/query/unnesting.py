"""UNNEST of maps, of rows and of several arrays, which DuckDB has as functions of a SELECT alone."""

from __future__ import annotations

from sqlglot import exp

from analytics.query.rewriting import OTHER_ENGINES
from schemas.errors import ConfigError


def unnest_rows(query: exp.Expr) -> None:
    """Change each UNNEST in a FROM that DuckDB would take otherwise to a lateral SELECT, in place.

    Raises:
        ConfigError: one of them counts its rows, too.
    """
    for node in list(query.find_all(exp.Unnest)):
        arrays = node.expressions
        kinds = [array.type.this if array.type is not None else exp.DType.UNKNOWN for array in arrays]
        if any(kind in (exp.DType.UNKNOWN, exp.DType.NULL) for kind in kinds):
            raise ConfigError(f"the type of {node.sql(dialect='trino')} is not known here: write CAST(... AS type)")
        of_rows = [kind is exp.DType.ARRAY and _is_of_rows(array) for kind, array in zip(kinds, arrays, strict=True)]
        if len(arrays) == 1 and kinds[0] is exp.DType.ARRAY and not of_rows[0]:
            continue
        if node.args.get("offset"):
            raise ConfigError(f"UNNEST of this WITH ORDINALITY is not translated for DuckDB: {OTHER_ENGINES}")
        columns: list[exp.Expr] = []
        for array, kind, is_of_rows in zip(arrays, kinds, of_rows, strict=True):
            if kind is exp.DType.MAP:
                columns += [_unnest(exp.MapKeys(this=array.copy())), _unnest(_values(array))]
            elif is_of_rows:
                columns += [_unnest(_field(array, place)) for place in range(1, 1 + len(_fields(array)))]
            else:
                columns.append(_unnest(array.copy()))
        alias = node.args.get("alias")
        if alias is not None and alias.columns and len(alias.columns) != len(columns):
            raise ConfigError(
                f"UNNEST of rows or maps gives a column for each field, here {len(columns)}: "
                f"{alias.sql(dialect='trino')} names {len(alias.columns)}"
            )
        lateral = exp.Lateral(this=exp.Subquery(this=exp.Select(expressions=columns)), alias=alias)
        node.replace(lateral)


def _unnest(array: exp.Expr) -> exp.Expr:
    return exp.Unnest(expressions=[array])


def _values(array: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this="map_values", expressions=[array.copy()])


def _fields(array: exp.Expr) -> list[exp.Expr]:
    fields: list[exp.Expr] = array.type.expressions[0].expressions  # type: ignore[union-attr]
    return fields


def _field(array: exp.Expr, place: int) -> exp.Expr:
    """Return one field of each row of an array."""
    row = exp.to_identifier("entry")
    name = _fields(array)[place - 1].name
    return exp.Transform(
        this=array.copy(),
        expression=exp.Lambda(this=exp.Dot(this=row, expression=exp.to_identifier(name)), expressions=[row.copy()]),
    )


def _is_of_rows(array: exp.Expr) -> bool:
    kind = array.type
    inner = kind.expressions[0] if kind is not None and kind.expressions else None
    return isinstance(inner, exp.DataType) and inner.is_type(exp.DType.STRUCT) and bool(inner.expressions)
