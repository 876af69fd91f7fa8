"""`clickstream query` on published tables, on models, and on an Athena that fails in part."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from analytics import query_cli
from analytics.notebook import clickstream_tables
from analytics.query.athena_engine import Athena
from schemas.errors import ConfigError, WorkFailedError
from schemas.instants import HOUR_US
from tests.integration.analytics.fake_athena import QUERY_ID, FakeAthena, running
from tests.integration.batch_compaction.lakes import HOUR, TestLake, event

HOUR_ONE = "year = 2026 AND month = 11 AND day = 24 AND hour = 10"


@pytest.fixture(scope="module")
def published(make_lake: Any) -> tuple[TestLake, str]:
    """A lake with an hour, and with one more after the moment that is returned."""
    lake: TestLake = make_lake()
    lake.put("first", [event("a", 1, user_id="u1"), event("b", 2, user_id="u2", metadata={"country": "DE"})])
    lake.compact()
    time.sleep(0.002)
    between = datetime.now(UTC).isoformat()
    time.sleep(0.002)
    lake.put("second", [event("c", 61, user_id="u1")], arrival_us=HOUR + HOUR_US)
    lake.compact(run_id="another")
    return lake, between


@pytest.fixture
def ask(published: tuple[TestLake, str], tmp_path: Path) -> Any:
    """A function that runs the command and returns what it prints."""
    lake, _ = published

    def ask(*arguments: str, stdin: str | None = None, **environment: str) -> str:
        app = typer.Typer()
        app.callback()(lambda: None)
        query_cli.register(app)
        variables = lake.settings.as_environment() | {"CLICKSTREAM_STATE_DIR": str(tmp_path)} | environment
        done = CliRunner().invoke(app, ["query", *arguments], input=stdin, env=variables)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.stdout

    return ask


COUNT = "SELECT count(*) AS n FROM fact_clicks"


def test_a_query_comes_from_an_argument_a_file_or_stdin(ask: Any, tmp_path: Path) -> None:
    file = tmp_path / "count.sql"
    file.write_text(COUNT + ";\n")
    answers = [ask(COUNT, "--json"), ask("-f", str(file), "--format", "json"), ask("-", "--json", stdin=COUNT)]
    assert [json.loads(answer) for answer in answers] == [[{"n": 3}]] * 3
    assert "3" in ask(COUNT)
    with pytest.raises(ConfigError, match="give one query"):
        ask(COUNT, "-f", str(file))


def test_an_answer_is_written_to_a_file(ask: Any, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    assert ask(COUNT, "--format", "parquet", "-o", str(path)) == ""
    assert pq.read_table(path).to_pylist() == [{"n": 3}]


def test_the_tables_are_read_as_they_were(ask: Any, published: tuple[TestLake, str]) -> None:
    assert json.loads(ask(COUNT, "--json", "--as-of", published[1])) == [{"n": 2}]
    assert json.loads(ask(COUNT, "--json", "--as-of", "2000-01-01T00:00:00Z")) == [{"n": 0}]
    with pytest.raises(ConfigError, match="a zone is required"):
        ask(COUNT, "--as-of", "2026-11-24T12:00:00")
    with pytest.raises(ConfigError, match="has not come yet"):
        ask(COUNT, "--as-of", "2999-11-24T12:00:00Z")


def test_what_a_query_reads_is_told_and_not_read(ask: Any, tmp_path: Path) -> None:
    sql = f"SELECT user_id FROM fact_clicks WHERE {HOUR_ONE}"
    told = json.loads(ask(sql, "--explain", "--json"))
    [table] = told["tables"]
    assert (table["table"], table["partitions_read"], table["partitions"]) == ("fact_clicks", 1, 2)
    assert (table["files_read"], table["files"], table["rows_read"]) == (1, 2, 2)
    assert table["columns"] == ["user_id", "year", "month", "day", "hour"]
    assert 0 < table["column_bytes"] < table["file_bytes"]
    assert told["athena_bytes"] == 10 * 1024 * 1024
    assert told["athena_usd"] == pytest.approx(10 / 1024 / 1024 * 5)
    assert "1 of 2" in ask(sql, "--explain")
    assert not (tmp_path / "queries.jsonl").exists()


def test_pruning_changes_no_answer(ask: Any) -> None:
    sql = "SELECT click_id FROM fact_clicks WHERE event_timestamp >= TIMESTAMP '2026-11-24 11:00:00'"
    assert json.loads(ask(sql, "--json")) == [{"click_id": "c"}]
    assert json.loads(ask(f"SELECT click_id FROM fact_clicks WHERE {HOUR_ONE} ORDER BY 1", "--json")) == [
        {"click_id": "a"},
        {"click_id": "b"},
    ]


def test_what_was_asked_is_kept_and_what_was_answered_is_not(ask: Any, tmp_path: Path) -> None:
    ask("SELECT user_id FROM dim_users ORDER BY user_id")
    with pytest.raises(WorkFailedError):
        ask("SELECT CAST(user_id AS bigint) FROM dim_users")
    with pytest.raises(ConfigError):
        ask("SELECT nope FROM dim_users")
    asked = json.loads(ask("--history", "9", "--json"))
    assert [one.get("rows") for one in asked] == [None, None, 2]
    assert "nope" in asked[0]["error"] and asked[1]["error"] == "InvalidInputException"
    assert asked[2]["bytes"] > 0 and asked[2]["engine"] == "duckdb"
    shown = ask("--history", "2")
    assert "failed" in shown and "SELECT CAST(user_id AS bigint) FROM dim_users " in shown
    with pytest.raises(ConfigError, match="asks nothing"):
        ask("--history", "2", COUNT)
    with pytest.raises(ConfigError, match="--history takes --format table or json"):
        ask("--history", "2", "--format", "csv")
    assert "u1" not in (tmp_path / "queries.jsonl").read_text()


@pytest.fixture
def models(published: tuple[TestLake, str], tmp_path: Path) -> str:
    database = f"{published[0].settings.database}_models"
    with duckdb.connect(str(tmp_path / "models.duckdb")) as connection:
        connection.execute(f'CREATE SCHEMA "{database}"')
        connection.execute(
            f"CREATE TABLE \"{database}\".sessions AS SELECT * FROM (VALUES ('u1', 7), ('u2', 4)) AS t(user_id, clicks)"
        )
        connection.execute(f'CREATE VIEW "{database}".long AS SELECT * FROM "{database}".sessions WHERE clicks > 5')
    return database


def test_models_are_read_beside_the_tables(ask: Any, models: str) -> None:
    sql = (
        f"SELECT d.user_id, s.clicks / 2 AS half FROM dim_users d JOIN {models}.sessions s ON s.user_id = d.user_id "
        "ORDER BY 1"
    )
    assert json.loads(ask(sql, "--json")) == [{"user_id": "u1", "half": 3}, {"user_id": "u2", "half": 2}]
    assert json.loads(ask("SELECT user_id FROM long", "--json")) == [{"user_id": "u1"}]
    with pytest.raises(ConfigError, match=r"there is no table .*nope"):
        ask(f"SELECT * FROM {models}.nope")
    with pytest.raises(ConfigError, match="models are as they were built"):
        ask("SELECT user_id FROM long", "--as-of", "2026-11-24T12:00:00Z")


def test_no_trino_is_told(ask: Any) -> None:
    with pytest.raises(ConfigError, match="--trino-url"):
        ask(COUNT, "--engine", "trino")
    with pytest.raises(WorkFailedError, match="Trino failed"):
        ask(COUNT, "--engine", "trino", "--trino-url", "http://127.0.0.1:9")


def test_a_notebook_has_the_tables(published: tuple[TestLake, str], tmp_path: Path) -> None:
    lake, between = published
    environ = dict(os.environ) | lake.settings.as_environment() | {"CLICKSTREAM_STATE_DIR": str(tmp_path)}
    with clickstream_tables(environ=environ) as tables:
        assert "fact_clicks" in dir(tables)
        assert tables.sql(f"{COUNT} WHERE {HOUR_ONE}").fetchall() == [(2,)]
        assert tables.fact_clicks.filter("user_id = 'u1'").aggregate("count(*)").fetchall() == [(2,)]
        assert tables["dim_users"].to_arrow_table().num_rows == 2
        with pytest.raises(AttributeError, match="there is no table nope"):
            _ = tables.nope
    with clickstream_tables(as_of=between, environ=environ) as tables:
        assert tables.sql(COUNT).fetchall() == [(2,)]


COLUMNS = [("n", "bigint", 19, 0), ("d", "decimal", 10, 2), ("t", "timestamp", 3, 0), ("x", "varchar", 0, 0)]
ROWS: list[list[str | None]] = [
    ["1", "1.50", "2026-11-24 10:00:00.000", "a"],
    [None, None, None, None],
    ["3", "0.10", "2026-11-24 11:00:00.500", ""],
]


@pytest.fixture
def fake() -> Iterator[FakeAthena]:
    with running(FakeAthena(columns=list(COLUMNS), rows=list(ROWS))) as fake:
        yield fake


def test_athena_answers_over_pages_after_throttling(ask: Any, fake: FakeAthena, capfd: Any) -> None:
    fake.states = ["QUEUED", "RUNNING", "SUCCEEDED"]
    fake.throttled = {"StartQueryExecution": 1, "GetQueryExecution": 1, "GetQueryResults": 2}
    told = ask(COUNT, "--engine", "athena", "--json", "--workgroup", "wg", AWS_ENDPOINT_URL_ATHENA=fake.url)
    assert json.loads(told) == [
        {"n": 1, "d": 1.5, "t": "2026-11-24 10:00:00", "x": "a"},
        {"n": None, "d": None, "t": None, "x": None},
        {"n": 3, "d": 0.1, "t": "2026-11-24 11:00:00.500000", "x": ""},
    ]
    [start] = {json.dumps(arguments) for operation, arguments in fake.asked if operation == "StartQueryExecution"}
    assert json.loads(start)["WorkGroup"] == "wg" and json.loads(start)["QueryString"] == COUNT
    assert fake.operations().count("GetQueryResults") == 4
    assert "StopQueryExecution" not in fake.operations()
    [asked] = json.loads(ask("--history", "1", "--json"))
    assert (asked["engine"], asked["rows"], asked["bytes"]) == ("athena", 3, 123)


@pytest.mark.parametrize(("state", "told"), [("FAILED", "failed: no such column"), ("CANCELLED", "was cancelled")])
def test_what_athena_did_not_answer_is_told_with_its_reason(ask: Any, fake: FakeAthena, state: str, told: str) -> None:
    fake.states, fake.reason = ["RUNNING", state], "no such column" if state == "FAILED" else None
    with pytest.raises(WorkFailedError, match=told):
        ask(COUNT, "--engine", "athena", AWS_ENDPOINT_URL_ATHENA=fake.url)
    assert "StopQueryExecution" not in fake.operations()


def engine_of(fake: FakeAthena, sleep: Any) -> Athena:
    client = boto3.client("athena", endpoint_url=fake.url)
    return Athena(client, "wg", "clickstream", lambda *_: None, sleep)


def test_a_query_that_does_not_end_is_stopped(fake: FakeAthena) -> None:
    fake.states = ["RUNNING"]
    paused: list[float] = []
    with pytest.raises(WorkFailedError, match="was stopped"):
        engine_of(fake, paused.append).answer("SELECT 1")
    assert 3600 <= sum(paused) < 3610 and max(paused) == 3.0
    assert fake.asked[-1] == ("StopQueryExecution", {"QueryExecutionId": QUERY_ID})


def test_ctrl_c_stops_the_query_on_athena(fake: FakeAthena) -> None:
    fake.states = ["RUNNING"]

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine_of(fake, interrupt).answer("SELECT 1")
    assert fake.operations()[-1] == "StopQueryExecution"


def test_athena_is_asked_for_the_tables_as_they_were(ask: Any, fake: FakeAthena) -> None:
    ask(COUNT, "--engine", "athena", "--as-of", "2026-11-24T12:00:00+01:00", AWS_ENDPOINT_URL_ATHENA=fake.url)
    sql = fake.asked[0][1]["QueryString"]
    assert sql.endswith("FROM fact_clicks FOR TIMESTAMP AS OF TIMESTAMP '2026-11-24 11:00:00.000000 UTC'")
    with pytest.raises(ConfigError, match="is none of"):
        ask("SELECT * FROM sessions", "--engine", "athena", "--as-of", "2026-11-24T12:00:00Z")


def test_what_changes_anything_is_asked_of_no_engine(ask: Any, fake: FakeAthena) -> None:
    for sql in ("DROP TABLE fact_clicks", "/* SELECT */ DELETE FROM fact_clicks", ""):
        with pytest.raises(ConfigError, match="one SELECT"):
            ask(sql, "--engine", "athena", AWS_ENDPOINT_URL_ATHENA=fake.url)
    assert fake.asked == []
