import csv
import io
import json
import re
import signal
import threading
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from analytics.query.answers import Format, as_bytes, as_table, print_answer
from analytics.query.duckdb_engine import answer
from analytics.query.translation import translate
from schemas.errors import ConfigError, WorkFailedError
from schemas.tables import DIM_USERS, DIM_USERS_HISTORY, FACT_CLICKS

ROOT = Path(__file__).parents[3]
MOMENT = datetime(2026, 11, 24, 10, 30)  # noqa: DTZ001 - the tables keep UTC without a zone


def fact(click_id: str, user_id: str, event_type: str, minute: int, **metadata: str) -> dict[str, object]:
    return {
        "click_id": click_id,
        "user_id": user_id,
        "session_id": "s",
        "event_type": event_type,
        "event_timestamp": MOMENT.replace(minute=minute),
        "page_url": "/p",
        "metadata": list(metadata.items()),
        "year": 2026,
        "month": 11,
        "day": 24,
        "hour": 10,
        "source_object": "o",
        "source_line": minute,
    }


FACTS = pa.Table.from_pylist(
    [
        fact("a", "u1", "page_view", 1),
        fact("b", "u1", "purchase", 2, currency="EUR", amount_minor="1050"),
        fact("c", "u2", "page_view", 3),
        fact("d", "u2", "purchase", 4, currency="EUR"),
    ],
    schema=FACT_CLICKS.schema,
)
USERS = pa.Table.from_pylist(
    [
        {
            "user_id": user,
            "country": country,
            "device_preferences": [],
            "last_seen": MOMENT,
            "first_seen": MOMENT,
            "events": 2,
        }
        for user, country in (("u1", "DE"), ("u2", "FR"))
    ],
    schema=DIM_USERS.schema,
)
MOVED = MOMENT.replace(minute=4)
HISTORY = pa.Table.from_pylist(
    [
        {"user_id": user, "country": country, "valid_from": MOMENT.replace(minute=start), "valid_to": end}
        for user, country, start, end in (("u1", "DE", 1, None), ("u2", "IT", 3, MOVED), ("u2", "FR", 4, None))
    ],
    schema=DIM_USERS_HISTORY.schema,
)
TABLES = {"fact_clicks": FACTS, "dim_users": USERS, "dim_users_history": HISTORY}


def ask(sql: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = answer(translate(sql, "clickstream"), "clickstream", TABLES).to_pylist()
    return rows


def test_shipped_queries_answer_their_questions() -> None:
    def shipped(name: str) -> list[dict[str, object]]:
        return ask((ROOT / "analytics" / "sql" / "athena" / "queries" / f"{name}.sql").read_text(encoding="utf-8"))

    assert shipped("clicks_by_country") == [
        {"country": country, "clicks": 2, "users": 1, "clicks_per_user": 2.0} for country in ("DE", "FR")
    ]
    amounts = {"purchases": 2, "without_amount": 1, "revenue_minor": 1050, "revenue": Decimal("10.50")}
    assert shipped("hourly_revenue") == [{"hour": 10, "currency": "EUR"} | amounts]
    assert shipped("top_pages") == [{"page_url": "/p", "views": 2, "users": 2}]


def test_integers_divide_as_on_athena() -> None:
    assert ask("SELECT 7 / 2 AS n, events / 2 AS half FROM dim_users LIMIT 1") == [{"n": 3, "half": 1}]


@pytest.mark.parametrize("name", ["fact_clicks", "clickstream.fact_clicks", "awsdatacatalog.clickstream.fact_clicks"])
def test_a_table_is_found_by_each_of_its_names(name: str) -> None:
    assert ask(f"SELECT count(*) AS n FROM {name}") == [{"n": 4}]


def test_a_table_that_was_never_published_is_empty() -> None:
    assert ask("SELECT count(*) AS n FROM quarantine") == [{"n": 0}]


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELEC 1", "not Athena SQL"),
        ("SELECT (", "not Athena SQL"),
        ("SELECT 'x", "not Athena SQL"),
        ("SELECT 1; SELECT 2", "one SELECT"),
        ("DROP TABLE fact_clicks", "one SELECT"),
        ("SELECT nope FROM fact_clicks", "nope"),
        ("SELECT channel FROM sessions", "there is no table sessions .*clickstream models build"),
        ("SELECT * FROM nope", "there is no table nope"),
        ("SELECT * FROM other.fact_clicks", "there is no table other.fact_clicks"),
        ("SELECT * FROM read_csv('README.md')", "read_csv"),
        ("SELECT user_id AS u FROM fact_clicks GROUP BY u", "'u' could not be resolved"),
        ("SELECT array_agg(user_id ORDER BY nope) FROM fact_clicks", "nope"),
        ('SELECT "$path" FROM fact_clicks', "path"),
        ('SELECT * FROM "fact_clicks$snapshots"', "snapshots"),
        ("SELECT * FROM fact_clicks FOR TIMESTAMP AS OF now()", "--as-of"),
        ("SELECT h.state FROM raw_objects CROSS JOIN UNNEST(hours) AS t(h)", "here 3"),
        ("SELECT * FROM clickstream_models.sessions", "clickstream models"),
    ],
)
def test_a_query_that_cannot_be_answered_says_why(sql: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        ask(sql)


def test_a_query_that_fails_on_its_way_says_so() -> None:
    with pytest.raises(WorkFailedError, match="Cannot cast 'u1' to BIGINT"):
        ask("SELECT CAST(user_id AS bigint) FROM dim_users ORDER BY user_id LIMIT 1")


def test_an_answer_is_written_in_each_form() -> None:
    sql = "SELECT click_id, event_timestamp, metadata, page_url, referrer_url FROM fact_clicks ORDER BY 1 LIMIT 2"
    rows = answer(translate(sql, "clickstream"), "clickstream", TABLES)
    text = as_bytes(rows, Format.CSV).decode()
    first, second = csv.DictReader(io.StringIO(text))
    assert first == {
        "click_id": "a",
        "event_timestamp": "2026-11-24 10:01:00",
        "metadata": "{}",
        "page_url": "/p",
        "referrer_url": "",
    }
    assert json.loads(second["metadata"]) == {"amount_minor": "1050", "currency": "EUR"}
    assert json.loads(as_bytes(rows, Format.JSON))[1]["metadata"] == {"currency": "EUR", "amount_minor": "1050"}
    assert pq.read_table(pa.BufferReader(as_bytes(rows, Format.PARQUET))).num_rows == 2


def test_columns_of_one_name_are_all_there() -> None:
    rows = answer(translate("SELECT 1 AS a, 2 AS a, 3 AS b, 4 AS a", "clickstream"), "clickstream", TABLES)
    assert as_bytes(rows, Format.CSV) == b"a,a:1,b,a:2\n1,2,3,4\n"


def test_numbers_stay_numbers_in_json() -> None:
    rows = answer(
        translate("SELECT sum(events) AS n, 0e0 / 0e0 AS none, 1.50 AS d FROM dim_users", "clickstream"),
        "clickstream",
        TABLES,
    )
    assert json.loads(as_bytes(rows, Format.JSON)) == [{"n": 4, "none": None, "d": 1.5}]


def test_a_number_of_any_size_has_all_its_digits_in_json() -> None:
    whole, part = "12345678901234567890123", "12345678901234567890.1"
    sql = f"SELECT CAST('{whole}' AS decimal(38,0)) AS n, CAST('{part}' AS decimal(38,3)) AS d"
    rows = answer(translate(sql, "clickstream"), "clickstream", TABLES)
    assert as_bytes(rows, Format.JSON) == b'[{"n":12345678901234567890123,"d":12345678901234567890.100}]\n'


def test_claims_are_written_as_sql_has_them() -> None:
    rows = answer(translate("SELECT true AS t, false AS f", "clickstream"), "clickstream", TABLES)
    assert as_bytes(rows, Format.CSV) == b"t,f\ntrue,false\n"


def test_ctrl_c_ends_a_query_that_computes() -> None:
    many = "UNNEST(sequence(1, 3000))"
    sql = f"SELECT count(*) FROM {many} AS a(x), {many} AS b(y), {many} AS c(z) WHERE x + y > z"
    main = threading.main_thread().ident
    assert main is not None
    threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        answer(translate(sql, "clickstream"), "clickstream", TABLES)


def printed(rows: pa.Table, *, terminal: bool) -> str:
    out = io.StringIO()
    print_answer(rows, Console(file=out, width=60, force_terminal=terminal, color_system=None))
    return out.getvalue()


def test_a_row_is_one_line_where_the_answer_is_piped_on() -> None:
    rows = pa.table({f"column_{number}": ["x" * 40] for number in range(9)})
    assert len(printed(rows, terminal=False).splitlines()) == 5


def test_columns_too_many_for_a_terminal_stand_one_below_another() -> None:
    rows = pa.table({f"column_{number}": ["x", None] for number in range(9)})
    lines = printed(rows, terminal=True).splitlines()
    assert len([line for line in lines if "column_" in line]) == 18
    few = pa.table({"a": ["x" * 100], "b": [1]})
    assert len(printed(few, terminal=True).splitlines()) > 5


def test_what_is_no_select_is_refused_without_a_word_of_the_parser(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConfigError, match="one SELECT is answered at a time"):
        translate("SHOW TABLES", "clickstream")
    assert caplog.records == []


def test_brackets_in_the_data_are_no_markup() -> None:
    rows = answer(translate("SELECT '[/x] [b]bold' AS \"[red]\"", "clickstream"), "clickstream", TABLES)
    console = Console(width=60, record=True, file=io.StringIO())
    console.print(as_table(rows))
    text = console.export_text()
    assert "[/x] [b]bold" in text
    assert "[red]" in text


def test_the_queries_of_the_tables_document_are_answered() -> None:
    document = (ROOT / "docs" / "tables.md").read_text()
    queries = re.findall(r"```sql\n(.*?)```", document, re.DOTALL)
    assert len(queries) == 3
    assert ask(queries[0]) == [{"country": "DE", "clicks": 2}, {"country": "FR", "clicks": 2}]
    assert ask(queries[1]) == [{"country": "DE", "purchases": 1}, {"country": "FR", "purchases": 1}]
    assert ask(queries[2]) == []


def test_a_query_reads_only_the_tables_that_it_names() -> None:
    named = translate(
        "WITH f AS (SELECT * FROM fact_clicks) SELECT * FROM f JOIN dim_users USING (user_id)", "clickstream"
    )
    assert named.tables == {"fact_clicks", "dim_users"}
