"""Every model as dbt compiles it for Athena, on Trino: the rows are DuckDB's, and those of a naive recount."""

from __future__ import annotations

import csv
import graphlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from analytics.modelling.dbt import PROJECT, Dbt
from analytics.modelling.running import models_schema
from tests.integration.analytics.models import OF_RUNS, Models

pytestmark = pytest.mark.filterwarnings("ignore")
GAP = timedelta(minutes=30)
OFFLINE = ("compile", "--no-populate-cache")
FACTS = (
    "SELECT user_id, session_id, event_timestamp, event_type, element_at(metadata, 'currency'), "
    "element_at(metadata, 'amount_minor') FROM fact_clicks ORDER BY user_id, event_timestamp, click_id"
)


@dataclass(frozen=True)
class Compiled:
    """The project's models for Athena.

    Attributes:
        statements: model -> its SELECT, in the order in which they are made.
        views: those of them that are views.
    """

    statements: dict[str, str]
    views: set[str]


def compiled(models: Models, folder: Path, *options: str) -> Compiled:
    dbt = Dbt("athena", folder)
    dbt.invoke(*OFFLINE, *options, settings=models.settings)
    nodes = json.loads((dbt.folder / "manifest.json").read_text())["nodes"]
    needs = {name: node["depends_on"].get("nodes", []) for name, node in nodes.items()}
    ordered = [nodes[name] for name in graphlib.TopologicalSorter(needs).static_order() if name in nodes]
    of_models = [node for node in ordered if node["resource_type"] == "model"]
    texts = {node["name"]: (dbt.folder / "compiled" / "clickstream" / node["original_file_path"]) for node in of_models}
    return Compiled(
        {name: path.read_text() for name, path in texts.items()},
        {node["name"] for node in of_models if node["config"]["materialized"] == "view"},
    )


@pytest.fixture(scope="module")
def variables(engine: Any) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        for variable, value in engine.environ.items():
            patched.setenv(variable, value)
        yield


@pytest.fixture(scope="module")
def models(engine: Any, variables: None, tmp_path_factory: pytest.TempPathFactory) -> Models:
    """The models on DuckDB."""

    made = Models(engine.settings, tmp_path_factory.mktemp("models"))
    assert not made.run("build").failed
    return made


@pytest.fixture(scope="module")
def on_trino(engine: Any, models: Models) -> Models:
    """The same models, made on Trino by what dbt compiles for Athena."""
    cursor, schema = engine.cursor(), models_schema(engine.settings)
    bucket = engine.settings.curated_bucket
    cursor.execute(f"CREATE SCHEMA IF NOT EXISTS iceberg.{schema} WITH (location = 's3://{bucket}/models')").fetchall()
    with (PROJECT / "seeds" / "referrer_channels.csv").open() as file:
        rows = ", ".join(f"('{row['host']}', '{row['channel']}', '{row['source']}')" for row in csv.DictReader(file))
    seed = f"iceberg.{schema}.referrer_channels AS SELECT * FROM (VALUES {rows}) AS t(host, channel, source)"
    cursor.execute(f"CREATE TABLE {seed}").fetchall()
    project = compiled(models, models.folder, "--full-refresh")
    for name, select in project.statements.items():
        kind = f"VIEW awsdatacatalog.{schema}" if name in project.views else f"TABLE iceberg.{schema}"
        cursor.execute(f"CREATE {kind}.{name} AS {select}").fetchall()
    return models


def test_every_model_has_the_same_rows_on_trino_and_on_duckdb(engine: Any, on_trino: Models) -> None:
    schema = models_schema(engine.settings)
    with on_trino.connection() as connection:
        for name, rows in on_trino.contents().items():
            columns = [row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()]
            found = engine.cursor().execute(f"SELECT {', '.join(columns)} FROM {schema}.{name}").fetchall()
            assert sorted(map(tuple, found), key=repr) == rows, name
            assert rows, name


def test_visits_and_their_funnel_are_those_of_a_naive_recount(engine: Any, on_trino: Models) -> None:
    visits: list[list[tuple[Any, ...]]] = []
    last: tuple[Any, Any] = (None, None)
    for fact in engine.rows(FACTS):
        if fact[0] != last[0] or fact[2] - last[1] > GAP:
            visits.append([])
        visits[-1].append(fact)
        last = (fact[0], fact[2])
    sessions = [
        (visit[0][0], visit[0][2], visit[-1][2], len(visit), sum(fact[3] == "purchase" for fact in visit))
        for visit in visits
    ]
    schema = models_schema(engine.settings)
    found = engine.rows(f"SELECT user_id, started_at, ended_at, events, purchases FROM {schema}.sessions_by_gap")
    assert sorted(found) == sorted(sessions)
    steps: Counter[tuple[Any, str]] = Counter()
    for visit in visits:
        for step, kind in {"view": "page_view", "cart": "add_to_cart", "purchase": "purchase"}.items():
            steps[visit[0][2].date(), step] += any(fact[3] == kind for fact in visit)
    told = engine.rows(
        f"SELECT start_date, step, sessions FROM {schema}.funnel WHERE session_kind = 'gap' AND step <> 'checkout'"
    )
    assert {(day, step): count for day, step, count in told} == {key: count for key, count in steps.items() if count}


def test_revenue_is_that_of_a_naive_recount_by_the_country_of_the_time(engine: Any, on_trino: Models) -> None:
    periods = defaultdict(list)
    for user, country, start, end in engine.rows(
        "SELECT user_id, country, valid_from, valid_to FROM dim_users_history"
    ):
        periods[user].append((start, end, country))
    sums: Counter[tuple[Any, ...]] = Counter()
    for user, _, at, kind, currency, amount in engine.rows(FACTS):
        if kind == "purchase":
            [country] = [name for start, end, name in periods[user] if start <= at and (end is None or at < end)]
            hour = at.replace(minute=0, second=0, microsecond=0)
            sums[hour, currency or "unknown", country or "unknown"] += int(amount)
    told = engine.rows(
        f"SELECT event_hour, currency, country, revenue_minor FROM {models_schema(engine.settings)}.revenue_hourly"
    )
    assert {row[:3]: row[3] for row in told} == dict(sums)


def test_what_a_second_run_computes_is_what_was_deleted_for_it(engine: Any, on_trino: Models) -> None:
    schema = models_schema(engine.settings)
    names = ("activity", "purchases", "sessions_by_gap", "sessions_by_tracker")
    marks = " UNION ALL ".join(
        f"SELECT '{name}', event_hour, CASE WHEN place = 1 THEN -1 ELSE version END, is_final, "
        f"TIMESTAMP '2026-01-01 00:00:00', 1, 'marked' FROM (SELECT *, row_number() OVER (ORDER BY facts DESC, "
        f"event_hour) AS place FROM {schema}.published_hours)"
        for name in names
    )
    engine.cursor().execute(f"INSERT INTO iceberg.{schema}.model_hours {marks}").fetchall()
    touched = " UNION ALL ".join(
        f"SELECT session_kind, session_key, user_id, session_id, started_at, ended_at FROM {schema}.{name} "
        f"CROSS JOIN (SELECT event_hour FROM {schema}.published_hours ORDER BY facts DESC, event_hour LIMIT 1) "
        "WHERE started_at <= event_hour + INTERVAL '90' MINUTE AND ended_at >= event_hour - INTERVAL '30' MINUTE"
        for name in names[2:]
    )
    engine.cursor().execute(f"INSERT INTO iceberg.{schema}.sessions_touched {touched}").fetchall()
    again = compiled(on_trino, on_trino.folder / "again", "--vars", "{compile_as_update: true}")
    hour = f"(SELECT event_hour FROM {schema}.published_hours ORDER BY facts DESC, event_hour LIMIT 1)"
    keys = f"(SELECT session_key FROM {schema}.sessions_touched)"
    for name in names:
        of_change = f"event_hour = {hour}" if name in ("activity", "purchases") else f"session_key IN {keys}"
        stood = engine.rows(f"SELECT * FROM {schema}.{name} WHERE {of_change}")
        assert sorted(engine.rows(again.statements[name]), key=repr) == sorted(stood, key=repr), name
        assert stood, name


def test_all_models_that_tell_of_events_are_compared(on_trino: Models) -> None:
    made = set(on_trino.contents())
    expected = {
        node["name"] for node in on_trino.manifest()["nodes"].values() if node["resource_type"] in ("model", "seed")
    }
    assert made == expected - OF_RUNS
