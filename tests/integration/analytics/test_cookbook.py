"""Every question of the cookbook: DuckDB on the published tables answers as the raw objects are counted naively."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from analytics.cookbook import questions
from analytics.published import open_published
from analytics.query.duckdb_engine import answer
from analytics.query.translation import translate
from tests.cookbook.answers import as_rows, tells_something
from tests.cookbook.lake import publish
from tests.cookbook.raw import read
from tests.cookbook.recounts import recounts_of
from tests.cookbook.sales import Rows
from tests.cookbook.traffic import raw_objects
from tests.integration.batch_compaction.lakes import TestLake, make_settings

QUESTIONS = {name: question.text for name, question in questions().items()}


@dataclass(frozen=True)
class Cookbook:
    lake: TestLake
    recounts: dict[str, Callable[[], Rows]]

    def ask(self, sql: str) -> Rows:
        database = self.lake.settings.database
        translated = translate(sql, database)
        published = open_published(self.lake.settings, self.lake.environment, names=translated.tables)
        rows = answer(translated, database, {name: table.dataset() for name, table in published.tables.items()})
        return as_rows(zip(*(column.to_pylist() for column in rows.columns), strict=True))


@pytest.fixture(scope="module")
def cookbook(emulator: Any) -> Iterator[Cookbook]:
    with pytest.MonkeyPatch.context() as patched:
        for variable, value in emulator.environment.items():
            patched.setenv(variable, value)
        lake = TestLake(make_settings(), dict(os.environ))
        lake.create()
        objects, runs = raw_objects()
        publish(lake, objects, runs)
        yield Cookbook(lake, recounts_of(read(objects), objects, runs))


def test_there_are_twenty_questions_and_each_has_a_recount(cookbook: Cookbook) -> None:
    assert len(QUESTIONS) == 20
    assert cookbook.recounts.keys() == QUESTIONS.keys()


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_answer_is_the_recount(cookbook: Cookbook, name: str) -> None:
    counted = cookbook.recounts[name]()
    assert tells_something(counted)
    assert cookbook.ask(QUESTIONS[name]) == counted
