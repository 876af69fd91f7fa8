"""Every question of the cookbook: DuckDB on the published tables answers as the raw objects are counted naively."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from analytics.cookbook import questions
from tests.cookbook.answers import tells_something
from tests.cookbook.asking import Cookbook, cookbook_on

QUESTIONS = {name: question.text for name, question in questions().items()}


@pytest.fixture(scope="module")
def cookbook(emulator: Any) -> Iterator[Cookbook]:
    with cookbook_on(emulator.environment) as cookbook:
        yield cookbook


def test_there_are_twenty_questions_and_each_has_a_recount(cookbook: Cookbook) -> None:
    assert len(QUESTIONS) == 20
    assert cookbook.recounts.keys() == QUESTIONS.keys()


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_answer_is_the_recount(cookbook: Cookbook, name: str) -> None:
    counted = cookbook.recounts[name]()
    assert tells_something(counted)
    assert cookbook.ask(QUESTIONS[name]) == counted
