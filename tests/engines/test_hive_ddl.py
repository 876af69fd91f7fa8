"""Hive's DDL through Glue, and what Trino then reads: projection, partitions, broken JSON lines, timestamps."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from trino.exceptions import TrinoExternalError, TrinoQueryError

from schemas import hive

DATABASE = "hive_ddl"
JSON = "ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'"
TOLERANT = "WITH SERDEPROPERTIES ('ignore.malformed.json' = 'true')"
DAY = "year = 2026 AND month = 11 AND day = 23"


@pytest.fixture(scope="module")
def hive_engine(engine: Any) -> Iterator[Any]:
    engine.rows(f"CREATE DATABASE {DATABASE} LOCATION 's3://{engine.settings.curated_bucket}/{DATABASE}'")
    yield engine
    engine.rows(f"DROP DATABASE {DATABASE} CASCADE")


@pytest.fixture
def folder(hive_engine: Any, request: pytest.FixtureRequest) -> str:
    return f"s3://{hive_engine.settings.curated_bucket}/{DATABASE}/{request.node.name}/"


def put(engine: Any, address: str, body: bytes) -> None:
    bucket, _, key = address.removeprefix("s3://").partition("/")
    engine.client("s3").put_object(Bucket=bucket, Key=key, Body=body)


def put_lines(engine: Any, address: str, *lines: str) -> None:
    put(engine, address, gzip.compress("".join(f"{line}\n" for line in lines).encode()))


def test_our_raw_table_made_by_its_ddl_is_the_one_that_the_stack_makes(hive_engine: Any) -> None:
    bucket = hive_engine.settings.raw_bucket
    hive_engine.rows(hive.RAW.ddl(DATABASE, bucket))
    hive_engine.rows(hive.raw_view_sql(DATABASE))
    for relation in (hive.RAW_TABLE, hive.RAW_VIEW):
        query = f"SELECT * FROM {{}}.{relation} WHERE {DAY} AND hour = 12 ORDER BY event_id, user_id"
        rows = hive_engine.rows(query.format(DATABASE))
        assert rows == hive_engine.rows(query.format("clickstream_raw"))
        assert len(rows) > 50


def test_projected_hours_are_pruned_in_what_is_read(hive_engine: Any) -> None:
    query = f"SELECT count(*) FROM clickstream_raw.click_events WHERE {DAY}"
    (day,), day_bytes = hive_engine.scanned(query)
    (hour,), hour_bytes = hive_engine.scanned(f"{query} AND hour = 12")
    key = "clickstream/year=2026/month=11/day=23/hour=12/events.json.gz"
    size = hive_engine.client("s3").head_object(Bucket=hive_engine.settings.raw_bucket, Key=key)["ContentLength"]
    # A gzip object is read whole, and nothing else is.
    assert hour_bytes == size
    assert day_bytes > 5 * hour_bytes
    assert 0 < hour[0] < day[0]


def test_the_view_has_the_events_and_leaves_out_what_is_none(hive_engine: Any) -> None:
    where = f"WHERE {DAY} AND hour = 12"
    counts = "count(*), count_if(user_id IS NULL OR session_id IS NULL)"
    ((lines, empty),) = hive_engine.rows(f"SELECT {counts} FROM clickstream_raw.click_events_raw {where}")
    ((events,),) = hive_engine.rows(f"SELECT count(*) FROM clickstream_raw.click_events {where}")
    assert empty > 0
    assert events == lines - empty


def test_partitions_are_added_listed_and_dropped(hive_engine: Any, folder: str) -> None:
    columns = "`user_id` string, `session_id` string"
    keys = "`year` int, `month` int, `day` int, `hour` int"
    table = f"{DATABASE}.by_hand"
    raw = f"s3://{hive_engine.settings.raw_bucket}/clickstream/"
    hive_engine.rows(
        f"CREATE EXTERNAL TABLE {table} ({columns}) PARTITIONED BY ({keys}) {JSON} {TOLERANT} LOCATION '{raw}'"
    )
    assert hive_engine.rows(f"SELECT count(*) FROM {table}") == [(0,)]
    hours = " ".join(
        f"PARTITION (year=2026, month=11, day=23, hour={hour}) LOCATION '{raw}year=2026/month=11/day=23/hour={hour}/'"
        for hour in (12, 13)
    )
    hive_engine.rows(f"ALTER TABLE {table} ADD {hours}")
    hive_engine.rows(f"ALTER TABLE {table} ADD IF NOT EXISTS {hours}")
    assert hive_engine.rows(f"SHOW PARTITIONS {table}") == [
        (f"year=2026/month=11/day=23/hour={hour}",) for hour in (12, 13)
    ]
    count = f"SELECT count(*) FROM {{}} WHERE {DAY} AND hour IN (12, 13)"
    assert hive_engine.rows(count.format(table)) == hive_engine.rows(count.format("clickstream_raw.click_events_raw"))
    hive_engine.rows(f"ALTER TABLE {table} DROP PARTITION (year=2026, month=11, day=23, hour=13)")
    assert hive_engine.rows(f"SELECT DISTINCT hour FROM {table}") == [(12,)]


def test_msck_adds_the_folders_that_are_there(hive_engine: Any, folder: str) -> None:
    for day in ("21", "22"):
        put_lines(hive_engine, f"{folder}day={day}/a.json.gz", f'{{"x": {day}}}')
    table = f"{DATABASE}.repaired"
    hive_engine.rows(f"CREATE EXTERNAL TABLE {table} (x int) PARTITIONED BY (day string) {JSON} LOCATION '{folder}'")
    hive_engine.rows(f"MSCK REPAIR TABLE {table}")
    hive_engine.rows(f"MSCK REPAIR TABLE {table}")
    assert hive_engine.rows(f"SHOW PARTITIONS {table}") == [("day=21",), ("day=22",)]
    assert hive_engine.rows(f"SELECT x, day FROM {table} ORDER BY x") == [(21, "21"), (22, "22")]


def test_lines_as_the_json_serde_reads_them(hive_engine: Any, folder: str) -> None:
    lines = (
        '{"User": "a", "n": "7", "parts": [1, 2], "more": {"K": "v"}}',
        '{"user": "b", "n": "seven", "parts": null}',
        "{broken",
        "",
        '{"user": 5}',
    )
    put_lines(hive_engine, f"{folder}a.json.gz", *lines)
    columns = "(`user` string, n int, parts array<int>, more map<string,string>)"
    tolerant, strict = f"{DATABASE}.tolerant", f"{DATABASE}.strict"
    hive_engine.rows(f"CREATE EXTERNAL TABLE {tolerant} {columns} {JSON} {TOLERANT} LOCATION '{folder}'")
    hive_engine.rows(f"CREATE EXTERNAL TABLE {strict} {columns} {JSON} LOCATION '{folder}'")
    # A line that is none is a row of nulls, which count(*) counts.
    assert sorted(hive_engine.rows(f"SELECT * FROM {tolerant}"), key=str) == sorted(
        [
            ("a", 7, [1, 2], {"K": "v"}),
            ("b", None, None, None),
            (None, None, None, None),
            (None, None, None, None),
            ("5", None, None, None),
        ],
        key=str,
    )
    with pytest.raises((TrinoExternalError, TrinoQueryError), match="Failed to read file"):
        hive_engine.rows(f"SELECT * FROM {strict}")


def test_hive_s_timestamps_are_milliseconds_and_rounded(hive_engine: Any, folder: str) -> None:
    at = [datetime(2026, 11, 24, 23, 59, 59, us) for us in (123_499, 123_500, 999_600)]  # noqa: DTZ001 (has none)
    body = io.BytesIO()
    pq.write_table(pa.table({"at": pa.array(at, pa.timestamp("us"))}), body)
    put(hive_engine, f"{folder}a.parquet", body.getvalue())
    hive_engine.rows(f"CREATE EXTERNAL TABLE {DATABASE}.times (at timestamp) STORED AS PARQUET LOCATION '{folder}'")
    assert hive_engine.rows(f"SELECT CAST(at AS varchar) FROM {DATABASE}.times ORDER BY at") == [
        ("2026-11-24 23:59:59.123",),
        ("2026-11-24 23:59:59.124",),
        ("2026-11-25 00:00:00.000",),
    ]
    # Iceberg's, which the published tables are, keep what is written.
    ((facts, whole),) = hive_engine.rows(
        "SELECT typeof(event_timestamp), count(*) FROM clickstream.fact_clicks GROUP BY 1"
    )
    assert (facts, whole) == ("timestamp(6)", 20_000)


def test_a_table_is_changed_and_read_so(hive_engine: Any, folder: str) -> None:
    put_lines(hive_engine, f"{folder}one/a.json.gz", '{"x": 1, "y": "p"}')
    put_lines(hive_engine, f"{folder}two/a.json.gz", '{"x": 2, "y": "q"}')
    table = f"{DATABASE}.changed"
    hive_engine.rows(f"CREATE EXTERNAL TABLE {table} (x int) {JSON} LOCATION '{folder}one/'")
    hive_engine.rows(f"ALTER TABLE {table} ADD COLUMNS (y string)")
    assert hive_engine.rows(f"SELECT * FROM {table}") == [(1, "p")]
    hive_engine.rows(f"ALTER TABLE {table} SET LOCATION '{folder}two/'")
    assert hive_engine.rows(f"SELECT * FROM {table}") == [(2, "q")]
    hive_engine.rows(f"DROP TABLE {table}")
    assert hive_engine.rows(f"SHOW TABLES IN {DATABASE}").count(("changed",)) == 0
