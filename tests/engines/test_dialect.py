"""Athena's dialect where other engines part from it: each difference as Trino has it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from trino.exceptions import TrinoQueryError, TrinoUserError

from tests.dialect_cases import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.name))
def test_a_statement_gives_what_it_is_said_to_give(engine: Any, case: Case) -> None:
    if case.error is None:
        assert case.rows is not None
        assert sorted(engine.rows(case.sql), key=repr) == sorted(case.rows, key=repr)
    else:
        with pytest.raises(TrinoQueryError) as caught:
            engine.rows(case.sql)
        assert caught.value.error_name == case.error


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
