"""Athena's dialect where other engines part from it: each difference as Trino has it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from trino.exceptions import TrinoUserError

VALUES = {
    "division of integers": ("7 / 2", 3),
    "division of negative integers": ("-7 / 2", -3),
    "average of integers": ("(SELECT avg(x) FROM (VALUES 1, 2) AS t(x))", 1.5),
    "whole hours between": ("date_diff('hour', TIMESTAMP '2026-11-24 00:59', TIMESTAMP '2026-11-24 01:01')", 0),
    "whole days between": ("date_diff('day', TIMESTAMP '2026-11-24 23:00', TIMESTAMP '2026-11-25 22:59')", 0),
    "days between dates": ("date_diff('day', DATE '2026-11-24', DATE '2026-11-26')", 2),
    "a zone moves the clock of a time that has none": (
        "CAST(TIMESTAMP '2026-11-24 00:00:00' AT TIME ZONE 'Europe/Berlin' AS varchar)",
        "2026-11-24 01:00:00 Europe/Berlin",
    ),
    "a truncated date is a date": ("typeof(date_trunc('month', DATE '2026-11-24'))", "date"),
    "a moved date is a date": ("typeof(date_add('day', 1, DATE '2026-11-24'))", "date"),
    "element_at of a missing key": ("element_at(MAP(ARRAY['a'], ARRAY[1]), 'b')", None),
    "element_at beyond an array": ("element_at(ARRAY[1], 5)", None),
    "entries of a map": ("cardinality(MAP(ARRAY['a', 'b'], ARRAY[1, 2]))", 2),
    "text that is no number": ("try_cast('1e' AS bigint)", None),
    "a number as text": ("CAST(1e0 AS varchar)", "1.0E0"),
    "halves are rounded away from zero": ("CAST(round(-2.5) AS varchar)", "-3"),
    "a day's week begins on Monday": ("CAST(date_trunc('week', DATE '2026-11-29') AS varchar)", "2026-11-23"),
    "distinct texts joined": (
        "(SELECT listagg(DISTINCT x, ',') WITHIN GROUP (ORDER BY x) FROM (VALUES 'b', 'a', 'b') AS t(x))",
        "a,b",
    ),
    "null is greater than all": ("(SELECT array_agg(x ORDER BY x) FROM (VALUES 1, NULL) AS t(x))", [1, None]),
    "host of an address": ("url_extract_host('https://shop.example/a?b=c')", "shop.example"),
    "nothing of an address without it": ("url_extract_parameter('https://shop.example/a', 'b')", None),
    "instants as text": ("to_iso8601(TIMESTAMP '2026-11-24 01:02:03.004')", "2026-11-24T01:02:03.004"),
    "seconds since the epoch": ("to_unixtime(TIMESTAMP '1970-01-02 00:00:00')", 86_400.0),
}


@pytest.mark.parametrize("case", VALUES)
def test_an_expression_has_the_value_of_athena(engine: Any, case: str) -> None:
    expression, expected = VALUES[case]
    assert engine.rows(f"SELECT {expression}") == [(expected,)]


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("1 / (SELECT 0)", "Division by zero"),
        ("MAP(ARRAY['a'], ARRAY[1])['b']", "Key not present in map: b"),
        ("ARRAY[1][5]", "Array subscript must be less than or equal to array length"),
        ("CAST('x' AS bigint)", "Cannot cast 'x' to BIGINT"),
        ("varchar2('x')", "not registered"),
    ],
)
def test_an_expression_fails_as_on_athena(engine: Any, expression: str, complaint: str) -> None:
    with pytest.raises(TrinoUserError, match=complaint):
        engine.rows(f"SELECT {expression}")


def test_a_statement_that_trino_has_not_either(engine: Any) -> None:
    with pytest.raises(TrinoUserError, match="mismatched input"):
        engine.rows("SELECT user_id FROM fact_clicks QUALIFY row_number() OVER (PARTITION BY user_id) = 1")


def test_both_kinds_of_tables_are_read_by_one_name(engine: Any) -> None:
    ((facts,),) = engine.rows("SELECT count(*) FROM fact_clicks")
    days = "year = 2026 AND month = 11 AND day >= 21 AND user_id <> ''"
    ((raw,),) = engine.rows(f"SELECT count(DISTINCT event_id) FROM clickstream_raw.click_events WHERE {days}")
    assert facts == raw == 20_000
    assert engine.rows('SELECT count(*) FROM "awsdatacatalog"."clickstream"."fact_clicks"') == [(facts,)]


def test_a_map_of_the_facts_is_asked_by_element_at(engine: Any) -> None:
    amount = "CAST(element_at(metadata, 'amount_minor') AS bigint)"
    ((revenue,),) = engine.rows(f"SELECT sum({amount}) FROM fact_clicks WHERE event_type = 'purchase'")
    assert revenue > 0
    with pytest.raises(TrinoUserError, match="Key not present in map: amount_minor"):
        engine.rows("SELECT sum(CAST(metadata['amount_minor'] AS bigint)) FROM fact_clicks")


def test_a_question_of_one_hour_reads_that_hour_alone(engine: Any) -> None:
    asked = "SELECT count(DISTINCT user_id) FROM fact_clicks WHERE year = 2026 AND month = 11 AND day = 23"
    (whole,), whole_bytes = engine.scanned("SELECT count(DISTINCT user_id) FROM fact_clicks")
    (day,), day_bytes = engine.scanned(asked)
    (hour,), hour_bytes = engine.scanned(f"{asked} AND hour = 12")
    assert 0 < hour[0] < day[0] < whole[0]
    assert hour_bytes * 10 < day_bytes and day_bytes * 2 < whole_bytes


def test_the_facts_are_read_as_they_were(engine: Any) -> None:
    ((committed, snapshot),) = engine.rows(
        'SELECT committed_at, snapshot_id FROM "fact_clicks$snapshots" ORDER BY committed_at LIMIT 1'
    )
    assert isinstance(committed, datetime)
    count = "SELECT count(*) FROM fact_clicks"
    assert engine.rows(f"{count} FOR VERSION AS OF {snapshot}") == engine.rows(count)
    at = f"{committed:%Y-%m-%d %H:%M:%S.%f} UTC"
    assert engine.rows(f"{count} FOR TIMESTAMP AS OF TIMESTAMP '{at}'") == engine.rows(count)
    with pytest.raises(TrinoUserError, match="No version history table"):
        engine.rows(f"{count} FOR TIMESTAMP AS OF TIMESTAMP '2020-01-01 00:00:00 UTC'")


@pytest.fixture
def bucket(engine: Any) -> str:
    name: str = engine.settings.curated_bucket
    return name


def test_a_ctas_of_either_kind_is_written_and_read_by_its_plain_name(engine: Any, bucket: str) -> None:
    sample = "SELECT click_id, user_id, hour FROM clickstream.fact_clicks WHERE year = 2026 AND month = 11 AND day = 23"
    expected = engine.rows(f"{sample} ORDER BY click_id")
    tables = {
        "hive_sample": "format = 'PARQUET', write_compression = 'SNAPPY', partitioned_by = ARRAY['hour']",
        "iceberg_sample": "table_type = 'ICEBERG', is_external = false, partitioning = ARRAY['hour'], "
        f"location = 's3://{bucket}/iceberg_sample/'",
    }
    for name, options in tables.items():
        engine.rows(f"CREATE TABLE clickstream_raw.{name} WITH ({options}) AS {sample}")
        read = "SELECT click_id, user_id, hour FROM clickstream_raw"
        assert engine.rows(f"{read}.{name} ORDER BY click_id") == expected
        assert {row[2] for row in engine.rows(f"{read}.{name} WHERE hour = 12")} == {12}
        engine.rows(f"DROP TABLE clickstream_raw.{name}")
        assert (name,) not in engine.rows("SHOW TABLES IN clickstream_raw")


def test_an_iceberg_table_is_changed_row_by_row_and_kept_small(engine: Any, bucket: str) -> None:
    engine.rows(
        "CREATE TABLE clickstream_raw.notes (user_id string, at timestamp, seen int) "
        f"PARTITIONED BY (bucket(2, user_id)) LOCATION 's3://{bucket}/notes/' "
        "TBLPROPERTIES ('table_type' = 'ICEBERG', 'write_compression' = 'zstd')"
    )
    for user in ("a", "b", "c"):
        engine.rows(f"INSERT INTO clickstream_raw.notes VALUES ('{user}', TIMESTAMP '2026-11-24 01:02:03.004005', 1)")
    engine.rows("UPDATE clickstream_raw.notes SET seen = 2 WHERE user_id = 'a'")
    engine.rows("DELETE FROM clickstream_raw.notes WHERE user_id = 'b'")
    engine.rows(
        "MERGE INTO clickstream_raw.notes AS t USING (VALUES ('c', 5), ('d', 6)) AS s(user_id, seen) "
        "ON t.user_id = s.user_id WHEN MATCHED THEN UPDATE SET seen = s.seen "
        "WHEN NOT MATCHED THEN INSERT (user_id, seen) VALUES (s.user_id, s.seen)"
    )
    engine.rows("OPTIMIZE clickstream_raw.notes REWRITE DATA USING BIN_PACK")
    engine.rows("VACUUM clickstream_raw.notes")
    assert engine.rows("SELECT user_id, seen FROM clickstream_raw.notes ORDER BY 1") == [("a", 2), ("c", 5), ("d", 6)]
    assert engine.rows("SELECT at FROM clickstream_raw.notes WHERE user_id = 'a'") == [
        (datetime(2026, 11, 24, 1, 2, 3, 4005),)  # noqa: DTZ001 (has none)
    ]
    engine.rows("DROP TABLE clickstream_raw.notes")


def test_an_unload_leaves_files_and_no_table(engine: Any, bucket: str) -> None:
    before = engine.rows("SHOW TABLES IN clickstream")
    query = "SELECT event_type, count(*) AS events FROM fact_clicks GROUP BY event_type"
    engine.rows(f"UNLOAD ({query}) TO 's3://{bucket}/unloaded/' WITH (format = 'JSON')")
    assert engine.rows("SHOW TABLES IN clickstream") == before
    assert engine.client("s3").list_objects_v2(Bucket=bucket, Prefix="unloaded/")["KeyCount"] > 0
