"""What DuckDB answers is what Athena answers, or it is refused by name."""

import re

import pyarrow as pa
import pytest
from sqlglot import exp

from analytics.query.dialect import RENAMED, REWRITES, SAME
from analytics.query.duckdb_engine import answer
from analytics.query.regexp_groups import may_be_missing
from analytics.query.translation import parse, translate
from schemas.errors import ConfigError, WorkFailedError
from tests.dialect_cases import CASES, Case

ANSWERED = [case for case in CASES if case.refused is None and case.rows is not None]
FAILING = [case for case in CASES if case.refused is None and case.rows is None]
REFUSED = [case for case in CASES if case.refused is not None]


def rows_of(sql: str) -> list[tuple[object, ...]]:
    table: pa.Table = answer(translate(sql, "clickstream"), "clickstream", {})
    return [tuple(row.values()) for row in table.to_pylist(maps_as_pydicts="strict")]


@pytest.mark.parametrize("case", ANSWERED, ids=lambda case: case.name)
def test_an_answer_is_that_of_athena(case: Case) -> None:
    rows, expected = rows_of(case.sql), case.rows or []
    if "ORDER BY" not in case.sql:
        rows, expected = sorted(rows, key=repr), sorted(expected, key=repr)
    assert rows == expected
    assert [[str(value) for value in row] for row in rows] == [[str(value) for value in row] for row in expected]


@pytest.mark.parametrize("case", FAILING, ids=lambda case: case.name)
def test_what_fails_on_athena_fails(case: Case) -> None:
    assert case.error
    with pytest.raises(WorkFailedError):
        rows_of(case.sql)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_what_would_differ_is_refused_by_name(case: Case) -> None:
    with pytest.raises(ConfigError, match=re.escape(case.refused or "")):
        translate(case.sql, "clickstream")


def test_every_function_that_passes_has_a_case() -> None:
    nodes = [node for case in ANSWERED + FAILING for node in parse(case.sql).walk()]
    kinds = {type(node) for node in nodes}
    assert [kind.__name__ for kind in (*SAME, *REWRITES) if kind not in kinds | {exp.Try}] == []
    assert sorted(RENAMED - {node.name.lower() for node in nodes if isinstance(node, exp.Anonymous)}) == []


def test_names_of_cases_are_theirs_alone() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        translate("SELECT soundex('a'), xxhash64(to_utf8('a')), soundex('b')", "clickstream")
    assert sorted(fault.partition("(")[0] for fault in caught.value.faults) == ["soundex", "xxhash64"]


@pytest.mark.parametrize(
    ("pattern", "group", "missing"),
    [
        ("a(b)c", 1, False),
        ("a(b)?c", 1, True),
        ("a(?:x(b))*c", 1, True),
        ("(a)(b){0,2}", 1, False),
        ("(a)(b){0,2}", 2, True),
        ("(a)(b){5}(c)*", 2, False),
        ("a|(b)", 1, True),
        (r"\((a)\)?[|(]", 1, False),
    ],
)
def test_a_group_that_a_match_may_lack_is_known(pattern: str, group: int, missing: bool) -> None:
    assert may_be_missing(pattern, group) is missing
