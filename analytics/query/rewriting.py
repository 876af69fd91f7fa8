"""What the translations of functions share: calls of DuckDB's functions, types, and refusals by name."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from schemas.errors import ConfigError

OTHER_ENGINES = "ask with --engine trino or athena"
_INSTEAD = {
    "to_iso8601": "write date_format(t, '%Y-%m-%dT%H:%i:%s.%f')",
    "xxhash64": "write md5 or sha256",
    "json_format": "write json_extract_scalar for the part that is wanted",
    "match_recognize": "write lag() and lead()",
    "with_timezone": "write AT TIME ZONE inside of CAST(... AS timestamp)",
    "at_timezone": "write AT TIME ZONE inside of CAST(... AS timestamp)",
    "reduce": "write UNNEST with sum() or another aggregate",
}


def refusal(name: str) -> ConfigError:
    """Return what is told of a function that is not translated."""
    instead = _INSTEAD.get(name.lower())
    return ConfigError(f"{name}() is not translated for DuckDB: {f'{instead}, or ' if instead else ''}{OTHER_ENGINES}")


def name_of(node: exp.Expr) -> str:
    """Return the name of a function as Athena has it."""
    return (node.name if isinstance(node, exp.Anonymous) else node.sql(dialect="trino").partition("(")[0]).lower()


def call(name: str, *arguments: exp.Expr | None) -> exp.Expr:
    """Return a call of DuckDB's; what is None is left out."""
    # Not copied: the nodes move to their new place.
    given = [argument for argument in arguments if argument is not None]
    return exp.Anonymous(this=name, expressions=given)


def macro(name: str) -> Callable[[exp.Expr], exp.Expr]:
    """Return what calls a macro with the arguments of a function, in their order."""
    return lambda node: call(f"athena_{name}", *arguments_of(node))


def renamed(name: str) -> Callable[[exp.Expr], exp.Expr]:
    """Return what calls a function of DuckDB with the arguments of one of Athena, in their order."""
    return lambda node: call(name, *arguments_of(node))


def arguments_of(node: exp.Expr) -> list[exp.Expr]:
    """Return the arguments of a function, in their order."""
    found: list[exp.Expr] = []
    for name in node.arg_types:
        value = node.args.get(name)
        found += value if isinstance(value, list) else [value] if isinstance(value, exp.Expr) else []
    return found


def text_of(node: exp.Expr, name: str) -> str:
    """Return the text of a literal that a function has as its pattern.

    Raises:
        ConfigError: it is none.
    """
    if not isinstance(node, exp.Literal) or not node.is_string:
        raise ConfigError(f"{name}() with a pattern that is no literal is not translated for DuckDB: {OTHER_ENGINES}")
    return str(node.this)


def is_of(node: exp.Expr, *kinds: exp.DType) -> bool:
    """Say whether an expression is known to be of one of these types."""
    return node.type is not None and bool(node.type.is_type(*kinds))


def type_of(node: exp.Expr) -> exp.DType:
    """Return the type of an expression.

    Raises:
        ConfigError: it is not known.
    """
    kind = node.type.this if node.type is not None else exp.DType.UNKNOWN
    if kind in (exp.DType.UNKNOWN, exp.DType.NULL):
        raise ConfigError(f"the type of {node.sql(dialect='athena')} is not known here: write CAST(... AS type)")
    found: exp.DType = kind
    return found


def unit_of(node: exp.Expr) -> str:
    """Return the unit of a function of times, in small letters."""
    unit = node.args.get("unit")
    return unit.name.lower() if unit is not None else "day"
