"""What Athena's SQL gives, statement by statement, with no table in it: for each engine that stands in for Athena.

The values are Trino's, which is the engine below Athena. A case that DuckDB refuses says what its refusal names.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Case:
    """One statement.

    Attributes:
        rows: the answer, in no order of rows where the statement has none; None where it fails.
        error: the name of Trino's error where it fails.
        refused: what DuckDB's refusal says, where it is refused there; None where it is answered.
    """

    name: str
    sql: str
    rows: Rows | None = None
    error: str | None = None
    refused: str | None = None


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _value(name: str, expression: str, value: Any) -> Case:
    return Case(name, f"SELECT {expression}", [(value,)])


def _fails(name: str, expression: str, error: str) -> Case:
    return Case(name, f"SELECT {expression}", error=error)


def _refused(name: str, expression: str, told: str, value: Any = None, error: str | None = None) -> Case:
    sql = expression if expression.startswith("SELECT") else f"SELECT {expression}"
    return Case(name, sql, None if error else [(value,)], error, told)


_TS = "TIMESTAMP '2026-01-05 10:11:12.345678'"
_DATE = "DATE '2026-01-05'"
_URL = "'https://u@shop.example:8443/a%20b/c?q=x%20y&utm=1+2&utm=3&bare#frag'"

CASES = (
    # Numbers.
    _value("integers divide to integers", "7 / 2", 3),
    _value("towards zero", "-7 / 2", -3),
    _value("the rest has the sign of the dividend", "-7 % 3", -1),
    _fails("an integer by zero", "1 / 0", "DIVISION_BY_ZERO"),
    _fails("a decimal by zero", "1.0 / 0", "DIVISION_BY_ZERO"),
    _fails("the rest by zero", "1 % 0", "DIVISION_BY_ZERO"),
    _value("a double by zero", "1e0 / 0", math.inf),
    _value("a double divides as a double", "1e0 / 4", 0.25),
    _value("decimals divide to the longer scale", "1 / 3.0", Decimal("0.3")),
    _value("a decimal by an integer", "10.00 / 3", Decimal("3.33")),
    _value("an integer by a decimal of two digits", "1055 / 100.00", Decimal("10.55")),
    _value("half is rounded away from zero", "1045 / 100.0", Decimal("10.5")),
    _value("and below zero", "-1045 / 100.0", Decimal("-10.5")),
    _value("a product keeps its digits in a quotient", "100.0 * 1 / 3", Decimal("33.3")),
    Case(
        "a count times a decimal by a count",
        "SELECT count(*) * 100.0 / sum(n) FROM (VALUES 1, 2, 4) AS t(n)",
        [(Decimal("42.9"),)],
    ),
    Case(
        "a decimal of a subquery",
        "WITH a AS (SELECT 1.0 * n AS x FROM (VALUES 2) AS t(n)) SELECT x / 3 FROM a",
        [(Decimal("0.7"),)],
    ),
    _value("decimals add", "0.1 + 0.2", Decimal("0.3")),
    _value("decimals multiply", "1.5 * 2.25", Decimal("3.375")),
    Case("the mean of integers", "SELECT avg(n) FROM (VALUES 1, 2) AS t(n)", [(1.5,)]),
    Case("the mean of decimals", "SELECT avg(n) FROM (VALUES 1.0, 1.1, 1.1) AS t(n)", [(Decimal("1.1"),)]),
    Case("a sum of integers", "SELECT sum(n) / 2 FROM (VALUES 1, 2) AS t(n)", [(1,)]),
    Case(
        "a sum that is too large",
        "SELECT sum(n) FROM (VALUES 9223372036854775807, 1) AS t(n)",
        error="NUMERIC_VALUE_OUT_OF_RANGE",
    ),
    _fails("an integer that is too large", "2147483647 + 1", "NUMERIC_VALUE_OUT_OF_RANGE"),
    _value("round goes away from zero", "round(-2.5e0)", -3.0),
    _value("round to digits", "round(1.2345, 2)", Decimal("1.2300")),
    _value("a double to an integer is rounded", "CAST(2.5e0 AS bigint)", 3),
    _value("a decimal to an integer is rounded", "CAST(-1.5 AS integer)", -2),
    _value("a text to an integer", "CAST('12' AS bigint)", 12),
    _fails("a text with a fraction to an integer", "CAST('1.5' AS bigint)", "INVALID_CAST_ARGUMENT"),
    _value("or tried", "TRY_CAST('1.5' AS bigint)", None),
    _value("with blanks", "TRY_CAST(' 1 ' AS bigint)", 1),
    _value("log", "log(2, 8)", 3.0),
    _value("ceil of a decimal", "ceil(1.2)", Decimal(2)),
    _value("truncate", "truncate(-1.9e0)", -1.0),
    _value("greatest of nothing", "greatest(1, NULL)", None),
    _value("nan", "is_nan(nan())", True),
    # Times.
    _value(
        "date_diff counts whole units",
        "date_diff('hour', TIMESTAMP '2026-01-01 00:59:00', TIMESTAMP '2026-01-01 01:01:00')",
        0,
    ),
    _value("date_diff backwards", "date_diff('day', DATE '2026-01-03', DATE '2026-01-01')", -2),
    _value("date_diff of months", "date_diff('month', DATE '2026-01-31', DATE '2026-02-27')", 0),
    _value("date_trunc of a date", f"date_trunc('month', {_DATE})", date(2026, 1, 1)),
    _value("date_trunc of a timestamp", f"date_trunc('hour', {_TS})", at("2026-01-05 10:00:00")),
    _value("weeks begin on Monday", "date_trunc('week', DATE '2026-01-04')", date(2025, 12, 29)),
    _value("date_add to a date", "date_add('month', 1, DATE '2026-01-31')", date(2026, 2, 28)),
    _value(
        "date_add to a timestamp", "date_add('hour', -1, TIMESTAMP '2026-01-01 00:00:00')", at("2025-12-31 23:00:00")
    ),
    _value("a date and days", f"{_DATE} + INTERVAL '2' DAY", date(2026, 1, 7)),
    _value("a timestamp less hours", "TIMESTAMP '2026-01-01 00:00:00' - INTERVAL '1' HOUR", at("2025-12-31 23:00:00")),
    _value(
        "sequence of dates", "sequence(DATE '2026-01-01', DATE '2026-01-03')", [date(2026, 1, day) for day in (1, 2, 3)]
    ),
    _value(
        "with a step",
        "sequence(DATE '2026-01-01', DATE '2026-03-01', INTERVAL '1' MONTH)",
        [date(2026, month, 1) for month in (1, 2, 3)],
    ),
    _value("sequence of integers", "sequence(3, 1)", [3, 2, 1]),
    _value("day_of_week", "day_of_week(DATE '2026-01-04')", 7),
    _value("extract dow", "extract(dow FROM DATE '2026-01-04')", 7),
    _value("extract week", "extract(week FROM DATE '2026-01-04')", 1),
    _value("year_of_week", "year_of_week(DATE '2027-01-01')", 2026),
    _value("second", f"second({_TS})", 12),
    _value("millisecond", f"millisecond({_TS})", 345),
    _value("last_day_of_month", f"last_day_of_month({_DATE})", date(2026, 1, 31)),
    _value("date of a timestamp", f"date({_TS})", date(2026, 1, 5)),
    _fails("a text with a time to a date", "CAST('2026-01-05 10:00' AS date)", "INVALID_CAST_ARGUMENT"),
    _value("or tried as a date", "TRY_CAST('2026-01-05 10:00' AS date)", None),
    _value("a timestamp without a precision", f"CAST({_TS} AS timestamp)", at("2026-01-05 10:11:12.346")),
    _value("a text with a T", "TRY_CAST('2026-01-05T10:00:00' AS timestamp)", None),
    _value(
        "date_format",
        f"date_format({_TS}, '%Y-%m-%d %H:%i:%s.%f %a %W %b %M %c %e %h %j %k %l %p %r %T %v %x %y %%')",
        "2026-01-05 10:11:12.346000 Mon Monday Jan January 1 5 10 005 10 10 AM 10:11:12 AM 10:11:12 02 2026 26 %",
    ),
    _value(
        "a pattern takes milliseconds", "date_format(TIMESTAMP '2026-01-01 23:59:59.9996', '%Y-%m-%d')", "2026-01-02"
    ),
    _value("date_parse", "date_parse('2026-01-05 10', '%Y-%m-%d %H')", at("2026-01-05 10:00:00")),
    _value(
        "format_datetime", f"format_datetime({_TS}, 'yyyy-MM-dd''T''HH:mm:ss.SSS EEE')", "2026-01-05T10:11:12.346 Mon"
    ),
    _value("to_iso8601 of a date", f"to_iso8601({_DATE})", "2026-01-05"),
    _value("to_unixtime", "to_unixtime(TIMESTAMP '1970-01-01 00:00:01')", 1.0),
    _value("hour of another zone", "hour(TIMESTAMP '2026-01-01 23:30:00' AT TIME ZONE 'Europe/Berlin')", 0),
    _value(
        "day of another zone",
        "CAST(TIMESTAMP '2026-01-01 23:30:00' AT TIME ZONE 'Europe/Berlin' AS date)",
        date(2026, 1, 2),
    ),
    _value(
        "local time of another zone",
        "CAST(TIMESTAMP '2026-01-01 00:00:00' AT TIME ZONE 'Europe/Berlin' AS timestamp)",
        at("2026-01-01 01:00:00"),
    ),
    _value(
        "from_iso8601_timestamp",
        "to_unixtime(from_iso8601_timestamp('2026-01-05T10:00:00+01:00'))",
        datetime(2026, 1, 5, 9, tzinfo=UTC).timestamp(),
    ),
    _value("date_diff of years from a leap day", "date_diff('year', DATE '2024-02-29', DATE '2025-02-28')", 1),
    _value("date_diff of months to the last day", "date_diff('month', DATE '2026-01-31', DATE '2026-02-28')", 1),
    _value("from_unixtime", "to_unixtime(from_unixtime(1.5))", 1.5),
    _value("quarters", "date_add('quarter', 1, DATE '2026-11-30')", date(2027, 2, 28)),
    # Texts.
    _value("substr from the end", "substr('abcd', -2)", "cd"),
    _value("substr from before the begin", "substr('abcd', -5)", ""),
    _value("substr from zero", "substr('abcd', 0)", ""),
    _value("split_part", "split_part('a,b', ',', 2)", "b"),
    _value("split_part beyond the end", "split_part('a,b', ',', 3)", None),
    _value("trim takes all white space", "trim(chr(9) || ' a ' || chr(10))", "a"),
    _value("concat with NULL", "concat('a', NULL)", None),
    _value("strpos", "strpos('abc', 'c')", 3),
    _value("lpad cuts", "lpad('abcd', 2, '-')", "ab"),
    _value("a longer text as varchar(n)", "CAST('abc' AS varchar(2))", "ab"),
    _value("regexp_extract without a match", "regexp_extract('abc', 'x')", None),
    _value("regexp_extract of a group", "regexp_extract('abc', 'b(c)', 1)", "c"),
    _value("regexp_replace", "regexp_replace('abcb', '(b)', '<$1>')", "a<b>c<b>"),
    _value("regexp_like finds a part", "regexp_like('abc', 'b')", True),
    _value("url_extract_host", f"url_extract_host({_URL})", "shop.example"),
    _value("url_extract_port", f"url_extract_port({_URL})", 8443),
    _value("url_extract_path", f"url_extract_path({_URL})", "/a b/c"),
    _value("url_extract_query", f"url_extract_query({_URL})", "q=x y&utm=1+2&utm=3&bare"),
    _value("url_extract_fragment", f"url_extract_fragment({_URL})", "frag"),
    _value("url_extract_protocol", f"url_extract_protocol({_URL})", "https"),
    _value("url_extract_parameter", f"url_extract_parameter({_URL}, 'utm')", "1 2"),
    _value("a parameter without a value", f"url_extract_parameter({_URL}, 'bare')", ""),
    _value("a parameter that is not there", f"url_extract_parameter({_URL}, 'none')", None),
    _value("what is no URL", "url_extract_host('https://a b/')", None),
    _value("a path alone has no host", "url_extract_host('/a/b?c=d')", ""),
    _value("json_extract_scalar", """json_extract_scalar('{"a": {"b": [1, 2]}}', '$.a.b[1]')""", "2"),
    _value("of an object", """json_extract_scalar('{"a": {"b": 1}}', '$.a')""", None),
    _value("of what is no JSON", "json_extract_scalar('nope', '$.a')", None),
    _value("json_array_length", "json_array_length('[1, 2]')", 2),
    _value("md5", "to_hex(md5(to_utf8('a')))", "0CC175B9C0F1B6A831C399E269772661"),
    _value("a host with an underscore", "url_extract_host('https://a_b.example/')", ""),
    _value("an upper-case scheme", "url_extract_protocol('HTTPS://a.example/')", "HTTPS"),
    _value("a URL without a port", "url_extract_port('https://a.example/')", None),
    _value("a query that is not there", "url_extract_query('https://a.example/')", ""),
    _value("a percent sign alone", "url_extract_path('https://a.example/100%')", None),
    _value("url_encode", "url_encode('a b/é*~')", "a+b%2F%C3%A9*%7E"),
    _value("url_decode", "url_decode('a+b%2F')", "a b/"),
    _value("translate", "translate('abcd', 'abc', 'xy')", "xyd"),
    _value("replace by nothing", "replace('abcb', 'b')", "ac"),
    _value("split", "split('a,,b', ',')", ["a", "", "b"]),
    _value("split at each letter", "split_part('abc', '', 2)", "b"),
    _value("regexp_split", "regexp_split('a1b2', '[0-9]')", ["a", "b", ""]),
    _value("regexp_extract_all", "regexp_extract_all('a1b22', '[0-9]+')", ["1", "22"]),
    _value("regexp_count", "regexp_count('a1b22', '[0-9]')", 3),
    _value("codepoint", "codepoint('A')", 65),
    _value("levenshtein_distance", "levenshtein_distance('kitten', 'sitting')", 3),
    _value("a JSON null", """json_extract_scalar('{"a": null}', '$.a')""", None),
    _value("a JSON boolean", """json_extract_scalar('{"a": true}', '$.a')""", "true"),
    _value("a JSON number", """json_extract_scalar('{"a": 15}', '$.a')""", "15"),
    _value("the length of what is no array", """json_array_length('{"a": 1}')""", None),
    # Maps and arrays.
    _value("element_at of a map", "element_at(MAP(ARRAY['a'], ARRAY[1]), 'b')", None),
    _fails("a key that is not there", "MAP(ARRAY['a'], ARRAY[1])['b']", "INVALID_FUNCTION_ARGUMENT"),
    _value("a key that is there", "MAP(ARRAY['a'], ARRAY[1])['a']", 1),
    _value("an entry of an array", "ARRAY[5, 6][2]", 6),
    _fails("an entry that is not there", "ARRAY[5, 6][3]", "INVALID_FUNCTION_ARGUMENT"),
    Case("an entry by a column", "SELECT a[n] FROM (VALUES (ARRAY[5, 6], 2)) AS t(a, n)", [(6,)]),
    _value("element_at of an array from its end", "element_at(ARRAY[5, 6], -1)", 6),
    _value("element_at beyond the end", "element_at(ARRAY[5, 6], 3)", None),
    _value("cardinality of a map", "cardinality(MAP(ARRAY['a'], ARRAY[1]))", 1),
    _value("cardinality of an array", "cardinality(ARRAY[1, 2])", 2),
    _value("array_distinct keeps the order", "array_distinct(ARRAY[2, 1, 2])", [2, 1]),
    _value("contains where NULL may be it", "contains(ARRAY[1, NULL], 2)", None),
    _value("any_match where NULL may match", "any_match(ARRAY[1, NULL], x -> x = 2)", None),
    _value("all_match", "all_match(ARRAY[1, 2], x -> x > 0)", True),
    _value("reverse of an array", "reverse(ARRAY[1, 2])", [2, 1]),
    _value("slice", "slice(ARRAY[1, 2, 3], 2, 2)", [2, 3]),
    _value("filter and transform", "transform(filter(ARRAY[1, 2, 3], x -> x > 1), x -> x * 2)", [4, 6]),
    _value("array_join", "array_join(ARRAY['a', NULL, 'b'], ',', '-')", "a,-,b"),
    Case(
        "UNNEST of a map", "SELECT k, v FROM UNNEST(MAP(ARRAY['a', 'b'], ARRAY[1, 2])) AS t(k, v)", [("a", 1), ("b", 2)]
    ),
    Case("UNNEST of an array", "SELECT n, x / 2 FROM UNNEST(ARRAY[5, 7]) WITH ORDINALITY AS t(x, n)", [(1, 2), (2, 3)]),
    Case("UNNEST of two arrays", "SELECT x, y FROM UNNEST(ARRAY[1, 2], ARRAY['a']) AS t(x, y)", [(1, "a"), (2, None)]),
    Case(
        "UNNEST of rows",
        "SELECT a, b FROM UNNEST(CAST(ARRAY[ROW(1, 'x')] AS ARRAY(ROW(a integer, b varchar)))) AS t(a, b)",
        [(1, "x")],
    ),
    _value("array_max with NULL", "array_max(ARRAY[1, NULL])", None),
    _value("array_sort with NULL", "array_sort(ARRAY[2, NULL, 1])", [1, 2, None]),
    _value("array_position of none", "array_position(ARRAY[1], 2)", 0),
    _value("arrays joined", "ARRAY[1] || ARRAY[2]", [1, 2]),
    _value("flatten with NULL", "flatten(ARRAY[ARRAY[1], NULL, ARRAY[2]])", [1, 2]),
    _value("map_keys", "map_keys(MAP(ARRAY['a'], ARRAY[1]))", ["a"]),
    _value("the later key wins", "map_concat(MAP(ARRAY['a'], ARRAY[1]), MAP(ARRAY['a'], ARRAY[2]))", {"a": 2}),
    _value("a field of a row", "CAST(ROW(1, 'x') AS ROW(a integer, b varchar)).b", "x"),
    # Aggregates and windows.
    Case("the deviation of one", "SELECT stddev(n) FROM (VALUES 1) AS t(n)", [(None,)]),
    Case("the deviation", "SELECT stddev(n), var_pop(n) FROM (VALUES 1e0, 3e0) AS t(n)", [(math.sqrt(2), 1.0)]),
    Case(
        "map_agg of one key twice",
        "SELECT cardinality(map_agg(k, v)) FROM (VALUES ('a', 1), ('a', 2)) AS t(k, v)",
        [(1,)],
    ),
    Case(
        "an aggregate of nothing",
        "SELECT sum(n), count(n), array_agg(n) FROM (VALUES 1) AS t(n) WHERE n > 1",
        [(None, 0, None)],
    ),
    Case("bool_or with NULL", "SELECT bool_or(b) FROM (VALUES false, NULL) AS t(b)", [(False,)]),
    Case(
        "listagg with NULL",
        "SELECT listagg(c, ',') WITHIN GROUP (ORDER BY c) FROM (VALUES 'a', NULL) AS t(c)",
        [("a",)],
    ),
    Case("arbitrary takes what there is", "SELECT arbitrary(c) FROM (VALUES NULL, 'a') AS t(c)", [("a",)]),
    Case("ntile", "SELECT ntile(2) OVER (ORDER BY n) FROM (VALUES 1, 2, 3) AS t(n) ORDER BY n", [(1,), (1,), (2,)]),
    Case(
        "the last value goes up to the current row",
        "SELECT last_value(n) OVER (ORDER BY n) FROM (VALUES 1, 2) AS t(n) ORDER BY n",
        [(1,), (2,)],
    ),
    Case("approx_distinct", "SELECT approx_distinct(n, 0.01) FROM (VALUES 1, 2, 2, NULL) AS t(n)", [(2,)]),
    Case("count_if", "SELECT count_if(n > 1) / 2 FROM (VALUES 1, 2, 3) AS t(n)", [(1,)]),
    Case(
        "max_by where the value is NULL", "SELECT max_by(v, n) FROM (VALUES (1, 'a'), (2, NULL)) AS t(n, v)", [(None,)]
    ),
    Case("map_agg", "SELECT map_agg(k, v) FROM (VALUES ('a', 1), ('b', 2)) AS t(k, v)", [({"a": 1, "b": 2},)]),
    Case("array_agg", "SELECT array_agg(n ORDER BY n DESC) FROM (VALUES 1, 2) AS t(n)", [([2, 1],)]),
    Case(
        "listagg",
        "SELECT listagg(DISTINCT c, ',') WITHIN GROUP (ORDER BY c) FROM (VALUES 'b', 'a', 'b') AS t(c)",
        [("a,b",)],
    ),
    Case("every", "SELECT every(n > 0) FROM (VALUES 1, 2) AS t(n)", [(True,)]),
    Case("filter", "SELECT sum(n) FILTER (WHERE n > 1) / 2 FROM (VALUES 1, 2, 3) AS t(n)", [(2,)]),
    Case("NULLs come last", "SELECT n FROM (VALUES 1, NULL, 2) AS t(n) ORDER BY n DESC", [(2,), (1,), (None,)]),
    Case(
        "lag over NULLs",
        "SELECT lag(v) IGNORE NULLS OVER (ORDER BY n) FROM (VALUES (1, 'a'), (2, NULL), (3, 'c')) AS t(n, v) "
        "ORDER BY n",
        [(None,), ("a",), ("a",)],
    ),
    Case(
        "time between rows",
        "SELECT t - lag(t) OVER (ORDER BY t) > INTERVAL '30' MINUTE FROM (VALUES TIMESTAMP '2026-01-01 00:00:00', "
        "TIMESTAMP '2026-01-01 01:00:00') AS v(t) ORDER BY t",
        [(None,), (True,)],
    ),
    # What both have alike.
    _value("abs", "abs(-1)", 1),
    _value("floor", "floor(-1.5e0)", -2.0),
    _value("sign", "sign(-2)", -1),
    _value("sqrt", "sqrt(4)", 2.0),
    _value("cbrt", "round(cbrt(27))", 3.0),
    _value("exp and ln", "ln(exp(1))", 1.0),
    _value("power", "power(2, 3)", 8.0),
    _value("pi", "floor(pi() * 100)", 314.0),
    _value("random", "random() < 1", True),
    _value("least", "least(2, 1)", 1),
    _value("coalesce", "coalesce(NULL, 1)", 1),
    _value("nullif", "nullif(1, 1)", None),
    _value("if", "if(1 > 2, 'a')", None),
    _value("case", "CASE WHEN 1 > 2 THEN 'a' WHEN NULL THEN 'b' ELSE 'c' END", "c"),
    _value("lower and upper", "lower('AÄ') || upper('aä')", "aäAÄ"),
    _value("length counts letters", "length('äb')", 2),
    _value("starts_with", "starts_with('abc', 'ab')", True),
    _value("parts of a time", f"year({_TS}) + month({_TS}) + day({_TS}) + minute({_TS})", 2026 + 1 + 5 + 11),
    _value("parts of a date", f"quarter({_DATE}) + day_of_year({_DATE}) + day_of_month({_DATE}) + week({_DATE})", 13),
    _value("now is now", "current_date = CAST(current_timestamp AS date)", True),
    _value("and here", "date_diff('hour', localtimestamp, CAST(current_timestamp AS timestamp))", 0),
    _value("from_iso8601_date", "from_iso8601_date('2026-01-05')", date(2026, 1, 5)),
    _value("true and NULL", "true AND NULL", None),
    _value("true or NULL", "true OR NULL", True),
    _value("exists", "EXISTS (SELECT 1 FROM (VALUES 1) AS t(n) WHERE n > 1)", False),
    _value("json_extract", """json_array_length(json_extract('{"a": [1, 2]}', '$.a'))""", 2),
    _value("sha256", "substr(to_hex(sha256(to_utf8('a'))), 1, 8)", "CA978112"),
    _value("sha1", "substr(to_hex(sha1(to_utf8('a'))), 1, 8)", "86F7E437"),
    _value("base64", "from_utf8(from_base64(to_base64(from_hex('61'))))", "a"),
    _value("array_min", "array_min(ARRAY[2, 1])", 1),
    _value("map_values", "map_values(MAP(ARRAY['a'], ARRAY[1]))", [1]),
    _value("map_from_entries", "map_from_entries(ARRAY[ROW('a', 1)])", {"a": 1}),
    _value("is_finite", "is_finite(1e0) AND is_infinite(infinity())", True),
    _value("90 minutes", "TIMESTAMP '2026-01-01 00:00:00' + INTERVAL '90' MINUTE", at("2026-01-01 01:30:00")),
    Case("min and max", "SELECT min(c), max(c) FROM (VALUES 'a', 'b', NULL) AS t(c)", [("a", "b")]),
    Case("bool_and", "SELECT bool_and(n > 1) FROM (VALUES 1, 2) AS t(n)", [(False,)]),
    Case(
        "deviations",
        "SELECT stddev_pop(n), stddev_samp(n) = stddev(n), variance(n), geometric_mean(n) FROM (VALUES 1, 1) AS t(n)",
        [(0.0, True, 0.0, 1.0)],
    ),
    Case(
        "grouping",
        "SELECT n, grouping(n), count(*) FROM (VALUES 1, 1) AS t(n) GROUP BY GROUPING SETS ((n), ())",
        [(1, 0, 2), (None, 1, 2)],
    ),
    Case("min_by", "SELECT min_by(v, n) FROM (VALUES (1, 'a'), (2, 'b')) AS t(n, v)", [("a",)]),
    Case("approx_percentile", "SELECT approx_percentile(n, 0.5) FROM (VALUES 3, 3, 3) AS t(n)", [(3,)]),
    Case(
        "ranks",
        "SELECT row_number() OVER w, rank() OVER w, dense_rank() OVER w, percent_rank() OVER w, cume_dist() OVER w "
        "FROM (VALUES 1, 1, 2) AS t(n) WINDOW w AS (ORDER BY n) ORDER BY 1",
        [(1, 1, 1, 0.0, 2 / 3), (2, 1, 1, 0.0, 2 / 3), (3, 3, 2, 1.0, 1.0)],
    ),
    Case(
        "rows around",
        "SELECT lead(n, 1, 9) OVER (ORDER BY n), first_value(n) OVER (ORDER BY n), nth_value(n, 2) OVER (ORDER BY n) "
        "FROM (VALUES 1, 2) AS t(n) ORDER BY 1",
        [(2, 1, None), (9, 1, 2)],
    ),
    # What DuckDB is not asked.
    _refused(
        "a timestamp with a zone",
        "TIMESTAMP '2026-01-01 00:00:00 UTC' AT TIME ZONE 'Europe/Berlin' = "
        "TIMESTAMP '2026-01-01 01:00:00 Europe/Berlin'",
        "AT TIME ZONE",
        True,
    ),
    _refused("xxhash64", "to_hex(xxhash64(to_utf8('a')))", "xxhash64", "D24EC4F1A98C6E5B"),
    _refused(
        "to_iso8601 of a timestamp",
        "to_iso8601(TIMESTAMP '2026-01-05 10:11:12.345678')",
        "date_format",
        "2026-01-05T10:11:12.345678",
    ),
    _refused("a timestamp as a text", f"CAST({_TS} AS varchar)", "date_format", "2026-01-05 10:11:12.345678"),
    _refused("a double as a text", "CAST(1e10 AS varchar)", "decimal", "1.0E10"),
    _refused("a group that may be missing", "regexp_extract('ac', 'a(b)?c', 1)", "regexp_extract", None),
    _refused("try of a quotient", "try(1 / 0)", "nullif", None),
    _refused("sha512", "length(sha512(to_utf8('a')))", "sha512", 64),
    _refused("reduce", "reduce(ARRAY[1, 2], 0, (s, x) -> s + x, s -> s)", "reduce", 3),
    _refused("json_format", """json_format(json_parse('{"b": 1, "a": 2}'))""", "json_parse", '{"a":2,"b":1}'),
    _refused("split with a limit", "split('a,b,c', ',', 2)", "split", ["a", "b,c"]),
    _refused("strpos of the second", "strpos('aXbXc', 'X', 2)", "strpos", 4),
    _refused(
        "a pattern with the day of the week", f"date_format({_TS}, '%w')", "%w", error="INVALID_FUNCTION_ARGUMENT"
    ),
    _refused(
        "hours added to a date", f"{_DATE} + INTERVAL '1' HOUR", "error on Athena", error="INVALID_FUNCTION_ARGUMENT"
    ),
    Case(
        "MATCH_RECOGNIZE",
        "SELECT n FROM (VALUES 1, 2) AS t(n) MATCH_RECOGNIZE (ORDER BY n MEASURES A.n AS n ONE ROW PER MATCH "
        "PATTERN (A B) DEFINE B AS n > A.n)",
        [(1,)],
        refused="MATCH_RECOGNIZE",
    ),
    _refused(
        "QUALIFY",
        "SELECT n FROM (VALUES 1, 2) AS t(n) QUALIFY row_number() OVER (ORDER BY n) = 1",
        "QUALIFY",
        error="SYNTAX_ERROR",
    ),
)
