"""The published traffic of the cookbook on some emulated AWS, and DuckDB to ask it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from analytics.published import open_published
from analytics.query.duckdb_engine import answer
from analytics.query.translation import translate
from tests.cookbook.answers import as_rows
from tests.cookbook.lake import publish
from tests.cookbook.raw import read
from tests.cookbook.recounts import recounts_of
from tests.cookbook.sales import Rows
from tests.cookbook.traffic import raw_objects
from tests.integration.batch_compaction.lakes import TestLake, make_settings


@dataclass(frozen=True)
class Cookbook:
    """A lake with the traffic, and for each question its naive recount."""

    lake: TestLake
    recounts: dict[str, Callable[[], Rows]]

    def ask(self, sql: str) -> Rows:
        """Return DuckDB's answer."""
        database = self.lake.settings.database
        translated = translate(sql, database)
        published = open_published(self.lake.settings, self.lake.environment, names=translated.tables)
        rows = answer(translated, database, {name: table.dataset() for name, table in published.tables.items()})
        return as_rows(zip(*(column.to_pylist() for column in rows.columns), strict=True))


@contextmanager
def cookbook_on(variables: Mapping[str, str]) -> Iterator[Cookbook]:
    """Publish the traffic where the variables lead; they are in force until the end."""
    with pytest.MonkeyPatch.context() as patched:
        for variable, value in variables.items():
            patched.setenv(variable, value)
        lake = TestLake(make_settings(), dict(os.environ))
        lake.create()
        objects, runs = raw_objects()
        publish(lake, objects, runs)
        yield Cookbook(lake, recounts_of(read(objects), objects, runs))
