"""Texts, patterns, JSON and digests that DuckDB has otherwise than Athena."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from analytics.query.regexp_groups import may_be_missing
from analytics.query.rewriting import OTHER_ENGINES, call, macro, name_of, refusal, text_of
from schemas.errors import ConfigError


def _trim(node: exp.Expr) -> exp.Expr:
    if node.args.get("expression"):
        return node
    position = str(node.args.get("position") or "BOTH").upper()
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(position, "trim")
    return call(f"athena_{name}", node.this)


def _substring(node: exp.Expr) -> exp.Expr:
    start, length = node.args.get("start"), node.args.get("length")
    if start is None or (isinstance(start, exp.Literal) and int(start.name) > 0):
        return node
    return call("athena_substr" if length is None else "athena_substr_of", node.this, start, length)


def _regexp_extract(node: exp.Expr) -> exp.Expr:
    pattern, group = node.expression, node.args.get("group")
    if group is not None and not (isinstance(group, exp.Literal) and group.name == "0"):
        text = text_of(pattern, "regexp_extract")
        if may_be_missing(text, int(group.name) if isinstance(group, exp.Literal) else 0):
            raise ConfigError(
                "regexp_extract() of a group that may be missing is NULL on Athena and empty on DuckDB: write the "
                f"pattern without |, )? and )*, or {OTHER_ENGINES}"
            )
    return call("athena_regexp_extract", node.this, pattern, group or exp.Literal.number(0))


def _regexp_replace(node: exp.Expr) -> exp.Expr:
    replacement = node.args.get("replacement")
    text = "" if replacement is None else text_of(replacement, "regexp_replace")
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
    return call(
        "regexp_replace", node.this, node.expression, exp.Literal.string("".join(parts)), exp.Literal.string("g")
    )


def _json_path(node: exp.Expr) -> exp.Expr:
    name = name_of(node)
    if not name.startswith("json_extract"):
        raise refusal(name)
    # As sqlglot writes the path for DuckDB.
    arrow = exp.JSONExtract(this=exp.column("j"), expression=node.expression.copy()).sql(dialect="duckdb")
    return exp.Literal.string(arrow.partition("->")[2].strip().strip("'").replace("''", "'"))


def _json_scalar(node: exp.Expr) -> exp.Expr:
    return call("athena_json_scalar", node.this, _json_path(node))


def _json_part(node: exp.Expr) -> exp.Expr:
    return call("athena_json_part", node.this, _json_path(node))


def _split(node: exp.Expr) -> exp.Expr:
    return call("string_split", node.this, node.expression)


def _sha2(node: exp.Expr) -> exp.Expr:
    if node.args.get("length") is not None and node.args["length"].name != "256":
        raise refusal(f"sha{node.args['length'].name}")
    return call("unhex", call("sha256", node.this))


REWRITES: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.Trim: _trim,
    exp.Substring: _substring,
    exp.SplitPart: macro("split_part"),
    exp.RegexpExtract: _regexp_extract,
    exp.RegexpReplace: _regexp_replace,
    exp.JSONExtractScalar: _json_scalar,
    exp.JSONExtract: _json_part,
    exp.Split: _split,
    exp.StrPosition: lambda node: call("strpos", node.this, node.args["substr"]),
    exp.Pad: lambda node: call(
        "lpad" if node.args.get("is_left") else "rpad", node.this, node.expression, node.args["fill_pattern"]
    ),
    exp.MD5Digest: lambda node: call("unhex", call("md5", node.this)),
    exp.SHA2Digest: _sha2,
    exp.SHA: lambda node: call("unhex", call("sha1", node.this)),
    exp.Unhex: lambda node: call("unhex", node.this),
    exp.ToBase64: lambda node: call("base64", node.this),
    exp.FromBase64: lambda node: call("from_base64", node.this),
    exp.Hex: lambda node: call("hex", node.this),
    exp.Decode: lambda node: call("decode", node.this),
}
