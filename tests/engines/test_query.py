"""`clickstream query` on Trino gives what it gives on DuckDB, and shows Trino's plan."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from analytics import query_cli
from batch_compaction.lake_tables import open_lake
from schemas.errors import ConfigError, WorkFailedError
from schemas.tables import QUARANTINE_RESOLUTIONS

Ask = Callable[..., str]
ROOT = Path(__file__).parents[2]
# Pages whose SQL is about the published tables.
PAGES = ("enrichment", "hours", "quality", "quarantine", "tables")
EXAMPLES = [
    pytest.param(sql, id=f"{page}-{number}")
    for page in PAGES
    for number, sql in enumerate(re.findall(r"```sql\n(.*?)```", (ROOT / f"docs/{page}.md").read_text(), re.DOTALL))
]


@pytest.fixture
def ask(engine: Any, tmp_path: Path) -> Ask:
    def ask(*arguments: str) -> str:
        app = typer.Typer()
        app.callback()(lambda: None)
        query_cli.register(app)
        variables = engine.environ | {"CLICKSTREAM_STATE_DIR": str(tmp_path), "CLICKSTREAM_TRINO_URL": engine.trino.url}
        done = CliRunner().invoke(app, ["query", *arguments], env=variables)
        if done.exception is not None:
            raise done.exception
        return done.stdout

    return ask


def test_both_engines_give_the_same_rows_and_types(ask: Ask) -> None:
    sql = (
        "SELECT hour, count(*) AS clicks, count(*) * 100.0 / sum(count(*)) OVER () AS share, "
        "max(event_timestamp) AS latest, CAST(max(event_timestamp) AS date) AS day, map_agg(event_type, 1) AS types "
        "FROM fact_clicks WHERE year = 2026 AND month = 11 AND day = 23 GROUP BY hour ORDER BY hour"
    )
    by_trino, by_duckdb = (json.loads(ask(sql, "--json", "--engine", engine)) for engine in ("trino", "duckdb"))
    assert len(by_trino) == 24
    assert by_trino == by_duckdb
    [asked, _] = json.loads(ask("--history", "2", "--json"))
    assert asked["engine"] == "duckdb" and asked["bytes"] > 0


@pytest.mark.parametrize("sql", EXAMPLES)
def test_the_documents_sql_is_answered_alike(engine: Any, engine_variables: dict[str, str], ask: Ask, sql: str) -> None:
    open_lake(engine.settings, engine_variables).open(QUARANTINE_RESOLUTIONS)  # made when a first line is resolved
    by_trino, by_duckdb = (json.loads(ask(sql, "--json", "--engine", engine)) for engine in ("trino", "duckdb"))
    assert by_trino == by_duckdb


def test_the_plan_is_that_of_trino(ask: Ask) -> None:
    told = ask("SELECT count(*) FROM fact_clicks WHERE day = 23", "--engine", "trino", "--explain")
    assert "fact_clicks" in told and "TableScan" in told


def test_the_tables_are_read_as_they_were(ask: Ask) -> None:
    sql = "SELECT count(*) AS n FROM fact_clicks"
    assert json.loads(ask(sql, "--engine", "trino", "--json", "--as-of", datetime.now(UTC).isoformat())) == [
        {"n": 20_000}
    ]


def test_faults_of_the_query_and_of_its_rows_are_told_apart(ask: Ask) -> None:
    with pytest.raises(ConfigError, match="nope"):
        ask("SELECT nope FROM fact_clicks", "--engine", "trino")
    with pytest.raises(WorkFailedError, match="Division by zero"):
        ask("SELECT count(*) / (count(*) - count(*)) FROM fact_clicks", "--engine", "trino")
