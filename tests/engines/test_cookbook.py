"""Every question of the cookbook on Trino: as DuckDB answers, and as the raw objects are counted naively."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from analytics.cookbook import questions
from tests.cookbook.answers import as_rows, tells_something
from tests.cookbook.asking import Cookbook, cookbook_on

QUESTIONS = {name: question.text for name, question in questions().items()}


@pytest.fixture(scope="module")
def cookbook(engine: Any) -> Iterator[Cookbook]:
    with cookbook_on(engine.environ) as cookbook:
        yield cookbook


@pytest.mark.parametrize("name", QUESTIONS)
def test_trino_duckdb_and_the_recount_agree(engine: Any, cookbook: Cookbook, name: str) -> None:
    counted = cookbook.recounts[name]()
    assert tells_something(counted)
    assert as_rows(engine.rows(QUESTIONS[name], cookbook.lake.settings.database)) == counted
    assert cookbook.ask(QUESTIONS[name]) == counted
