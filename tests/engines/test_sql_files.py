"""Every file of `analytics/sql/athena` on a lake of its own: run by Trino or applied to Glue, and compared.

The lake has lines of every kind that producers write, receipts, and an hour that was repaired after a moment that the
files look back to. What Trino answers is compared with DuckDB over the same objects and snapshots, or with a recount.
"""

from __future__ import annotations

import gzip
import json
import time
import uuid
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot

from analytics.published import open_published
from analytics.rendering.athena_examples import SAMPLE_PERCENT, day_table
from analytics.rendering.athena_raw import PARTITIONED_TABLE
from analytics.rendering.blanks import Blanks
from analytics.rendering.catalog import FILES
from producers.shop.simulation import simulate
from producers.shop.visitors import Visitors
from schemas import hive
from schemas.alert import PurchaseAlert
from schemas.codec import encode
from schemas.instants import DAY_US, HOUR_US, datetime_to_us, parse_instant_us, us_to_datetime
from schemas.lake import partition_of_hour
from schemas.receipt import encode_receipt, receipt_object, receipt_of
from schemas.tables import FACT_CLICKS
from tests.integration.batch_compaction.lakes import TestLake, event
from tests.sql_statements import statements_of

TEXT = {file.name: file for file in FILES if file.folder == "athena"}
DAY = parse_instant_us("2026-11-24T00:00:00Z")
BUSY = range(DAY + 9 * HOUR_US, DAY + 12 * HOUR_US, HOUR_US)
# Lines that the codec takes in other forms, and some that it does not take.
ODD = (
    b'{"event_id": "epoch", "user_id": "u", "session_id": "s", "action": "click", "timestamp": 1795515000123}',
    b'{"event_id": "zone", "user_id": 7, "session_id": "s", "event_type": "click", '
    b'"event_timestamp": "2026-11-24T11:30:00.999999+01:00"}',
    b"{broken",
    b"",
    b'{"user_id": "u"}',
)
_DUCKDB = {
    "string": "VARCHAR",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "map<string,string>": "JSON",
}
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Shelf:
    """The lake of these tests.

    Attributes:
        blanks: what the files are rendered with.
        lines: every raw line by the hour of its folder.
        objects: a folder with all objects of the raw bucket and the receipts, for DuckDB.
    """

    engine: Any
    lake: TestLake
    blanks: Blanks
    lines: dict[int, list[bytes]]
    objects: Path

    def text(self, name: str) -> str:
        """Return the one statement of a file, for this lake."""
        [statement] = statements_of(TEXT[name].text(self.blanks))
        return statement

    def run(self, name: str) -> list[Row]:
        """Run a file as it is."""
        return self.rows(self.text(name))

    def rows(self, sql: str) -> list[Row]:
        return list(self.engine.rows(sql, self.blanks.raw_database))

    def on_duckdb(self, sql: str) -> list[Row]:
        """Return what DuckDB answers to Athena's SQL over the raw objects, the receipts and the facts of now."""
        with duckdb.connect() as connection:
            return self._duckdb(connection, sql)

    def _duckdb(self, connection: duckdb.DuckDBPyConnection, sql: str, as_of: datetime | None = None) -> list[Row]:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"CREATE SCHEMA {self.blanks.raw_database}; CREATE SCHEMA {self.blanks.database}")
        for table in (hive.RAW, hive.RECEIPTS):
            columns = {name: _DUCKDB[kind] for name, kind in table.columns()}
            connection.execute(
                f"CREATE VIEW {self.blanks.raw_database}.{table.name} AS SELECT * EXCLUDE (filename) FROM read_json("
                f"'{self.objects}/{table.prefix}**/*.json.gz', columns={columns}, format='newline_delimited', "
                "ignore_errors=true, filename=true, hive_partitioning=true, "
                "hive_types={'year': INT, 'month': INT, 'day': INT, 'hour': INT})"
            )
        for view in (hive.raw_view_sql(self.blanks.raw_database), hive.alerts_view_sql(self.blanks.raw_database)):
            connection.execute(sqlglot.transpile(view, read="athena", write="duckdb")[0])
        facts = open_published(self.lake.settings, self.lake.environment, as_of, [FACT_CLICKS.name])
        connection.register("facts", facts.tables[FACT_CLICKS.name].dataset().to_table())
        connection.execute(f"CREATE VIEW {self.blanks.database}.{FACT_CLICKS.name} AS SELECT * FROM facts")
        found: list[Row] = connection.execute(sqlglot.transpile(sql, read="athena", write="duckdb")[0]).fetchall()
        return found

    def on_duckdb_then(self, sql: str) -> list[Row]:
        """Return the same over the facts as they were at the moment that the files look back to."""
        with duckdb.connect() as connection:
            return self._duckdb(connection, sql, us_to_datetime(self.blanks.as_of_us))


@pytest.fixture(scope="module")
def shelf(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    name = uuid.uuid4().hex[:12]
    settings = replace(
        engine.settings,
        raw_bucket=f"raw-{name}",
        curated_bucket=f"curated-{name}",
        database=f"tables_{name}",
        raw_database=f"lines_{name}",
    )
    with pytest.MonkeyPatch.context() as patched:
        for variable, value in (engine.environ | settings.as_environment()).items():
            patched.setenv(variable, value)
        lake = TestLake(settings, {**engine.environ, **settings.as_environment()})
        for bucket in (settings.raw_bucket, settings.curated_bucket):
            lake.s3.create_bucket(Bucket=bucket)
        location = f"s3://{settings.curated_bucket}/made"
        engine.client("glue").create_database(DatabaseInput={"Name": settings.raw_database, "LocationUri": location})
        objects = tmp_path_factory.mktemp("objects")
        lines = put_lines(lake, objects)
        put_receipts(lake, objects)
        lake.compact(run_id="first")
        # A whole second between the two commits, which is what the files' literal can name.
        moment_us = (time.time_ns() // 1_000_000_000 + 1) * 1_000_000
        time.sleep(2)
        late = [encode(event("late", 59, BUSY[0], user_id="late")), encode(event("later", 58, BUSY[1]))]
        put(lake, objects, "late", BUSY[-1], late)
        lines[BUSY[-1]] += late
        lake.compact(run_id="repair")
        blanks = Blanks(
            settings.raw_bucket,
            settings.curated_bucket,
            settings.database,
            settings.raw_database,
            from_us=DAY,
            to_us=DAY + DAY_US,
            as_of_us=moment_us,
        )
        yield Shelf(engine, lake, blanks, lines, objects)


def put(lake: TestLake, objects: Path, name: str, hour_us: int, lines: list[bytes]) -> None:
    body = gzip.compress(b"".join(line + b"\n" for line in lines), mtime=0)
    key = lake.put_body(f"{name}.json.gz", body, hour_us)
    (objects / key).parent.mkdir(parents=True, exist_ok=True)
    (objects / key).write_bytes(body)


def put_lines(lake: TestLake, objects: Path) -> dict[int, list[bytes]]:
    """Put raw objects, in three hours of the day and one of the day before, and return their lines by hour."""
    arrivals: defaultdict[int, list[bytes]] = defaultdict(list)
    for each in simulate(Visitors(2_000, 400, BUSY.stop, len(BUSY) * HOUR_US), 5):
        arrivals[each.event_timestamp_us // HOUR_US * HOUR_US].append(encode(each))
    arrivals[BUSY[1]] += [*ODD, arrivals[BUSY[1]][0]]
    arrivals[DAY - HOUR_US].append(encode(event("before", 1, DAY - HOUR_US)))
    for hour_us, lines in arrivals.items():
        put(lake, objects, "lines", hour_us, lines)
    return dict(arrivals)


def put_receipts(lake: TestLake, objects: Path) -> None:
    """Put receipts of two messages, of which one was published twice."""

    def line(event_id: str, message_id: str, minute: int) -> bytes:
        alert = PurchaseAlert(
            event_id=event_id,
            event_type="purchase",
            user_id="u",
            session_id="s",
            event_timestamp="2026-11-24T09:00:00.000000Z",
            arrival_timestamp="2026-11-24T09:00:01.000000Z",
        )
        return encode_receipt(receipt_of(alert, message_id, BUSY[0] + minute * 60_000_000))

    for lines in ([line("p1", "m1", 1), line("p2", "m2", 1)], [line("p1", "m1", 2)]):
        key, body = receipt_object(lines)
        lake.s3.put_object(Bucket=lake.settings.curated_bucket, Key=key, Body=body)
        (objects / key).parent.mkdir(parents=True, exist_ok=True)
        (objects / key).write_bytes(body)


@pytest.fixture(scope="module")
def tables(shelf: Shelf) -> Shelf:
    """The tables over JSON lines and the views, made by their files."""
    for name in ("raw_table", "receipts_table", "click_events_view", "purchase_alerts_view"):
        shelf.run(name)
    return shelf


def test_the_raw_table_holds_every_line_of_every_hour(tables: Shelf) -> None:
    day = "year = 2026 AND month = 11 AND day = 24"
    count = f"SELECT hour, count(event_id) FROM {hive.RAW_TABLE} WHERE {day} GROUP BY hour ORDER BY hour"
    found = tables.rows(count)
    whole = [
        (partition_of_hour(hour_us)[3], lines) for hour_us, lines in sorted(tables.lines.items()) if hour_us >= DAY
    ]
    assert found == [(hour, sum(b'"event_id"' in line for line in lines)) for hour, lines in whole]
    assert found == tables.on_duckdb(count.replace("FROM ", f"FROM {tables.blanks.raw_database}."))


def test_the_views_answer_as_they_do_on_duckdb(tables: Shelf) -> None:
    raw, alerts = (f"{tables.blanks.raw_database}.{view}" for view in (hive.RAW_VIEW, hive.ALERTS_VIEW))
    for sql in (
        f"SELECT event_id, user_id, event_type, event_timestamp, page_url, producer_seq, hour FROM {raw} "
        "WHERE year = 2026 AND month = 11 AND day = 24 ORDER BY event_id, hour",
        f"SELECT message_id, event_id, published_timestamp, hour FROM {alerts} WHERE year = 2026 AND month = 11 "
        "AND day = 24 ORDER BY message_id",
    ):
        found = tables.rows(sql)
        assert found == tables.on_duckdb(sql) and len(found) >= 2
    ((published,),) = tables.rows(f"SELECT published_timestamp FROM {alerts} WHERE message_id = 'm1' AND year = 2026")
    assert published == "2026-11-24T09:01:00.000000Z"


def test_hours_without_projection_are_there_once_they_are_added(tables: Shelf) -> None:
    count = f"SELECT day, hour, count(event_id) FROM {PARTITIONED_TABLE} GROUP BY day, hour ORDER BY day, hour"
    projected = tables.rows(
        f"SELECT day, hour, count(event_id) FROM {hive.RAW_TABLE} WHERE year = 2026 AND month = 11 AND day IN (23, 24) "
        "GROUP BY day, hour ORDER BY day, hour"
    )
    tables.run("raw_table_without_projection")
    assert tables.rows(count) == []
    tables.run("raw_add_partitions")
    tables.run("raw_add_partitions")
    assert tables.rows(count) == [row for row in projected if row[0] == 24]
    ((nine,),) = tables.rows(f"SELECT count(event_id) FROM {PARTITIONED_TABLE} WHERE day = 24 AND hour = 9")
    assert (24, 9, nine) in projected
    tables.run("raw_repair_partitions")
    assert tables.rows(count) == projected


def instant_of(line: bytes) -> datetime | None:
    """Return the instant of a raw event, cut to milliseconds, by nothing but the standard library."""
    told = json.loads(line)
    text = told.get("event_timestamp", told.get("timestamp"))
    moment = us_to_datetime(text * 1000) if isinstance(text, int) else datetime.fromisoformat(text).astimezone(UTC)
    return us_to_datetime(datetime_to_us(moment) // 1000 * 1000).replace(tzinfo=None)


def test_a_day_as_parquet_has_every_event_with_its_instant(tables: Shelf) -> None:
    tables.run("raw_day_to_parquet")
    name = f"{tables.blanks.raw_database}.{day_table(tables.blanks)}"
    expected = Counter(
        (json.loads(line)["event_id"], instant_of(line), partition_of_hour(hour_us)[3])
        for hour_us, lines in tables.lines.items()
        for line in lines
        if hour_us >= DAY and b'"session_id"' in line
    )
    found = tables.rows(f"SELECT event_id, event_time, hour FROM {name}")
    assert Counter(found) == expected
    assert {"epoch", "zone"} <= {row[0] for row in found}
    countries = f"SELECT element_at(metadata, 'country'), count(*) FROM {name} GROUP BY 1 ORDER BY 2 DESC, 1"
    whole = f"FROM {tables.blanks.raw_database}.{hive.RAW_VIEW} WHERE year = 2026 AND month = 11 AND day = 24"
    assert tables.rows(countries) == tables.rows(countries.replace(f"FROM {name}", whole))


def test_a_sample_is_whole_users_picked_by_their_hash(tables: Shelf) -> None:
    tables.run("sample_table")
    facts = [row for row in tables.lake.rows(FACT_CLICKS.name) if row["day"] == 24]
    picked = [row for row in facts if zlib.crc32(row["user_id"].encode()) % 100 < SAMPLE_PERCENT]
    found = tables.rows(
        "SELECT click_id, user_id, element_at(metadata, 'country'), event_timestamp, hour FROM fact_clicks_sample"
    )
    assert Counter(found) == Counter(
        (
            row["click_id"],
            row["user_id"],
            dict(row["metadata"]).get("country"),
            row["event_timestamp"].replace(microsecond=row["event_timestamp"].microsecond // 1000 * 1000),
            row["hour"],
        )
        for row in picked
    )
    assert 0 < len(found) < len(facts) / 10


def without_moment(sql: str, blanks: Blanks) -> str:
    moment = us_to_datetime(blanks.as_of_us)
    clause = f" FOR TIMESTAMP AS OF TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S} UTC'"
    assert clause in sql
    return sql.replace(clause, "")


def test_facts_are_as_they_were(tables: Shelf) -> None:
    sql = tables.text("facts_as_of")
    found = tables.run("facts_as_of")
    assert found == tables.on_duckdb_then(without_moment(sql, tables.blanks))
    assert found != tables.on_duckdb(without_moment(sql, tables.blanks))


def test_hours_that_changed_since_are_told(tables: Shelf) -> None:
    hours = f"SELECT hour, count(*) FROM {tables.blanks.database}.fact_clicks WHERE day = 24 GROUP BY hour"
    then: dict[int, int] = dict(tables.on_duckdb_then(hours))
    now: dict[int, int] = dict(tables.on_duckdb(hours))
    expected = [(hour, then[hour], now[hour]) for hour in sorted(now) if then[hour] != now[hour]]
    assert tables.run("facts_changed_since") == expected
    assert [row[2] - row[1] for row in expected] == [1, 1]


def test_metadata_of_the_facts_says_what_the_table_holds(tables: Shelf) -> None:
    published = open_published(tables.lake.settings, tables.lake.environment, names=[FACT_CLICKS.name])
    files = published.tables[FACT_CLICKS.name].files
    assert tables.run("facts_partitions") == [(*file.partition, file.rows, 1, file.size_bytes) for file in files]
    snapshots = tables.run("facts_snapshots")
    kept = tables.lake.lake.open(FACT_CLICKS).iceberg.snapshots()
    assert [row[1] for row in snapshots] == [snapshot.snapshot_id for snapshot in kept]
    assert {row[4] for row in snapshots} == {"first", "repair"}
    assert all(row[5] for row in snapshots)


def test_every_file_is_run_here() -> None:
    here = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in TEXT if f'"{name}"' not in here] == []
