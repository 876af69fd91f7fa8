"""What DuckDB has otherwise than Athena, as macros that a translated query calls by the names `athena_...`.

Each is one expression of DuckDB's SQL. What fails on Athena fails here, with Athena's words. A macro's argument may
stand in it more than once; DuckDB evaluates equal expressions once.
"""

from __future__ import annotations

from analytics.query.number_types import MAX_SCALE

_WHITE = r"chr(32) || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)"
_BY_ZERO = "error('Division by zero')"
# Source: Trino documentation, "Conversion functions": a text is a whole number only where all of it is one.
_WHOLE = r"'\s*[+-]?[0-9]+\s*'"
_AUTHORITY = "^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?"
_DATE = r"'\s*[+-]?[0-9]{4,}-[0-9]{1,2}-[0-9]{1,2}\s*'"


_TIMESTAMP = r"'\s*[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}( [0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}(\.[0-9]+)?)?)?\s*'"


def _whole_of(kind: str, cast: str) -> str:
    """Return a value as an integer: the whole number that a text is, the nearest to a double."""
    failed = "NULL" if cast == "TRY_CAST" else f"error('Cannot cast ''' || CAST(x AS VARCHAR) || ''' to {kind}')"
    return (
        f"CASE typeof(x) WHEN 'VARCHAR' THEN CASE WHEN regexp_full_match(CAST(x AS VARCHAR), {_WHOLE}) "
        f"THEN {cast}(athena_trim(CAST(x AS VARCHAR)) AS {kind}) WHEN x IS NOT NULL THEN {failed} END "
        f"WHEN 'DOUBLE' THEN {cast}(round(TRY_CAST(x AS DOUBLE)) AS {kind}) "
        f"WHEN 'FLOAT' THEN {cast}(round(TRY_CAST(x AS DOUBLE)) AS {kind}) ELSE {cast}(x AS {kind}) END"
    )


def _date_of(cast: str) -> str:
    failed = "NULL" if cast == "TRY_CAST" else "error('Value cannot be cast to date: ' || CAST(x AS VARCHAR))"
    return (
        f"CASE WHEN typeof(x) = 'VARCHAR' THEN CASE WHEN regexp_full_match(CAST(x AS VARCHAR), {_DATE}) "
        f"THEN {cast}(trim(CAST(x AS VARCHAR)) AS DATE) WHEN x IS NOT NULL THEN {failed} END "
        f"ELSE {cast}(x AS DATE) END"
    )


def _timestamp_of(cast: str) -> str:
    failed = "NULL" if cast == "TRY_CAST" else "error('Value cannot be cast to timestamp: ' || CAST(x AS VARCHAR))"
    return (
        f"CASE WHEN typeof(x) = 'VARCHAR' THEN CASE WHEN regexp_full_match(CAST(x AS VARCHAR), {_TIMESTAMP}) "
        f"THEN athena_rounded_timestamp({cast}(x AS TIMESTAMP)) WHEN x IS NOT NULL THEN {failed} END "
        f"ELSE athena_rounded_timestamp({cast}(x AS TIMESTAMP)) END"
    )


# Signature -> expression.
_MACROS = {
    "integer_quotient(a, b)": f"CASE WHEN b = 0 THEN {_BY_ZERO} "
    "ELSE CAST(CAST(a AS BIGINT) // CAST(b AS BIGINT) AS BIGINT) END",
    "rounded_quotient(a, b)": f"CASE WHEN b = 0 THEN {_BY_ZERO} "
    "ELSE a // b + CASE WHEN abs(a % b) * 2 >= abs(b) THEN sign(a) * sign(b) ELSE 0 END END",
    "map_value(m, k)": "CASE WHEN m IS NULL OR k IS NULL THEN NULL WHEN map_contains(m, k) THEN m[k] "
    "ELSE error('Key not present in map: ' || CAST(k AS VARCHAR)) END",
    "array_item(a, i)": "CASE WHEN a IS NULL OR i IS NULL THEN NULL WHEN i BETWEEN 1 AND len(a) THEN a[i] "
    "ELSE error('Array subscript must be between 1 and ' || len(a) || ': ' || CAST(i AS VARCHAR)) END",
    "array_item_or_null(a, i)": "CASE WHEN i = 0 THEN error('SQL array indices start at 1') ELSE a[i] END",
    "map_size(m)": "CAST(cardinality(m) AS BIGINT)",
    "substr(s, p)": "CASE WHEN p = 0 OR p < -length(s) THEN '' ELSE substring(s, p) END",
    "substr_of(s, p, n)": "CASE WHEN p = 0 OR p < -length(s) OR n <= 0 THEN '' ELSE substring(s, p, n) END",
    "trim(s)": f"trim(s, {_WHITE})",
    "ltrim(s)": f"ltrim(s, {_WHITE})",
    "rtrim(s)": f"rtrim(s, {_WHITE})",
    "split_part(s, d, n)": "CASE WHEN n < 1 THEN error('Index must be greater than zero') "
    "WHEN n <= len(string_split(s, d)) THEN split_part(s, d, n) END",
    "regexp_extract(s, p, g)": "CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p, g) END",
    "json_scalar(j, p)": "CASE WHEN json_valid(j) THEN CASE WHEN json_type(j, p) NOT IN ('OBJECT', 'ARRAY', 'NULL') "
    "THEN json_extract_string(j, p) END END",
    "json_part(j, p)": "CASE WHEN json_valid(j) THEN json_extract(j, p) END",
    "json_array_length(j)": "CASE WHEN json_valid(j) THEN CASE WHEN json_type(j) = 'ARRAY' "
    "THEN CAST(json_array_length(j) AS BIGINT) END END",
    "millisecond(t)": "millisecond(t) % 1000",
    # A timestamp without a precision has milliseconds on Athena.
    "rounded_timestamp(t)": "make_timestamp((epoch_us(t) + 500) // 1000 * 1000)",
    # Source: the class java.net.URI, which Trino asks: what is none is NULL, and a part that is not there is empty.
    "url(u)": r"""CASE WHEN regexp_full_match(u, '(?:[^\s"<>\\^`{|}%]|%[0-9A-Fa-f]{2})*') THEN u END""",
    "url_protocol(u)": "regexp_extract(athena_url(u), '^([A-Za-z][A-Za-z0-9+.-]*):', 1)",
    "url_host(u)": f"regexp_extract(athena_url(u), '{_AUTHORITY}([A-Za-z0-9.-]*)(?::[0-9]*)?(?:[/?#]|$)', 1)",
    "url_port(u)": f"TRY_CAST(regexp_extract(athena_url(u), '{_AUTHORITY}[A-Za-z0-9.-]*:([0-9]+)(?:[/?#]|$)', 1) "
    "AS BIGINT)",
    "url_path(u)": "url_decode(regexp_extract(athena_url(u), "
    "'^(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?://[^/?#]*)?([^?#]*)', 1))",
    "url_query(u)": r"url_decode(regexp_extract(athena_url(u), '^[^?#]*\?([^#]*)', 1))",
    "url_fragment(u)": "url_decode(regexp_extract(athena_url(u), '#(.*)$', 1))",
    "url_parameter(u, n)": r"url_decode(replace(list_filter(list_transform(string_split(regexp_extract(athena_url(u), "
    r"'^[^?#]*\?([^#]*)', 1), '&'), lambda pair: [regexp_extract(pair, '^([^=]*)', 1), "
    r"regexp_extract(pair, '^[^=]*=(.*)$', 1)]), lambda pair: pair[1] = n)[1][2], '+', '%20'))",
    "array_max(a)": "CASE WHEN len(list_filter(a, lambda y: y IS NULL)) = 0 THEN list_max(a) END",
    "array_min(a)": "CASE WHEN len(list_filter(a, lambda y: y IS NULL)) = 0 THEN list_min(a) END",
    "array_position(a, x)": "CASE WHEN a IS NOT NULL AND x IS NOT NULL THEN coalesce(list_position(a, x), 0) END",
    # Of one key twice any value may come; here it is the first.
    "map_of(entries)": "map_from_entries(list_filter(entries, lambda e, i: "
    "list_position(list_transform(entries, lambda x: struct_extract(x, 1)), struct_extract(e, 1)) = i "
    "AND struct_extract(e, 1) IS NOT NULL))",
    # Source: the class java.net.URLEncoder, which Trino asks.
    "url_encode(s)": "replace(replace(replace(url_encode(s), '%20', '+'), '%2A', '*'), '~', '%7E')",
    "url_decode(s)": "url_decode(replace(s, '+', ' '))",
    "array_distinct(a)": "list_filter(a, lambda x, i: list_position(a, x) = i)",
    "contains(a, x)": "CASE WHEN a IS NULL OR x IS NULL THEN NULL WHEN list_contains(a, x) THEN TRUE "
    "WHEN len(list_filter(a, lambda y: y IS NULL)) > 0 THEN NULL ELSE FALSE END",
    "crop(s, n)": "left(CAST(s AS VARCHAR), n)",
    **{f"to_{kind.lower()}(x)": _whole_of(kind, "CAST") for kind in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")},
    **{f"try_{kind.lower()}(x)": _whole_of(kind, "TRY_CAST") for kind in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")},
    "to_date(x)": _date_of("CAST"),
    "try_date(x)": _date_of("TRY_CAST"),
    "to_timestamp(x)": _timestamp_of("CAST"),
    "try_timestamp(x)": _timestamp_of("TRY_CAST"),
    "sequence(a, b)": "CASE WHEN a <= b THEN generate_series(a, b) ELSE generate_series(a, b, -1) END",
    "date_sequence(a, b, i)": "list_transform(generate_series(a, b, i), lambda d: CAST(d AS DATE))",
}


def macros() -> list[str]:
    """Return the statements that define the macros in a DuckDB connection."""
    statements = [f"CREATE MACRO athena_{signature} AS ({body})" for signature, body in _MACROS.items()]
    for scale in range(MAX_SCALE + 1):
        ten = 10**scale
        statements.append(
            f"CREATE MACRO athena_unscaled_{scale}(a) AS (CAST(trunc(a) AS HUGEINT) * {ten} "
            f"+ CAST(CAST(a - trunc(a) AS DECIMAL({scale + 1}, {scale})) * {ten} AS HUGEINT))"
        )
        statements.append(
            f"CREATE MACRO athena_decimal_{scale}(u) AS (CAST(CAST(u AS DECIMAL({37 - scale}, 0)) "
            f"* CAST('1e-{scale}' AS DECIMAL({scale + 1}, {scale})) AS DECIMAL(38, {scale})))"
        )
    return statements
