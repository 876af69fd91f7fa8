"""The SQL for Redshift in translation, over tables that were really published, and manifests of their files.

One lake is published in stages: some hours, then late events and a new hour, then a rollback. Each stage is read once,
and the statements run over it on DuckDB, in transactions, beside a reader that looks in after each of them.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analytics.published import open_published
from analytics.rendering.blanks import Blanks
from analytics.rendering.catalog import FILES
from analytics.rendering.redshift_loads import RETENTION_DAYS, manifest_address
from batch_compaction.plan import HourPolicy
from schemas.instants import DAY_US, HOUR_US, format_instant_us, us_to_timestamp
from schemas.lake import format_hour
from schemas.tables import DIM_USERS, DIM_USERS_HISTORY, FACT_CLICKS, HOURS
from tests.commands import run, summary_of
from tests.integration.batch_compaction.lakes import HOUR, TestLake, event, make_settings
from tests.integration.batch_compaction.rollbacks import back
from tests.redshift_stand_in import Lake, Session
from tests.sql_statements import statements_of

TEXT = {file.name: file for file in FILES if file.folder == "redshift"}
READ = (FACT_CLICKS.name, HOURS.name, DIM_USERS.name, DIM_USERS_HISTORY.name)
OLD = HOUR - (RETENTION_DAYS + 5) * DAY_US
OPEN = HOUR + 3 * HOUR_US
# Hours before OPEN are over, and OPEN is published as it stands.
POLICY = HourPolicy(OPEN + HOUR_US // 2, include_open=True)
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Stages:
    """The lake, and its tables by name as they were after each stage."""

    blanks: Blanks
    lake: TestLake
    first: Lake
    repaired: Lake
    rolled_back: Lake


def read(lake: TestLake) -> Lake:
    published = open_published(lake.settings, os.environ, names=READ)
    return {name: table.dataset().to_table() for name, table in published.tables.items()}


def purchase(event_id: str, hour_us: int, user: str, **metadata: str) -> Any:
    told = {"country": "DE", "currency": "EUR", "amount_minor": "1250"} | metadata
    return event(event_id, 5, hour_us, user_id=user, event_type="purchase", metadata=told)


@pytest.fixture(scope="module")
def stages(emulator: Any) -> Iterator[Stages]:
    settings = make_settings()
    with pytest.MonkeyPatch.context() as patched:
        for variable, value in (emulator.environment | settings.as_environment()).items():
            patched.setenv(variable, value)
        lake = TestLake(settings, dict(os.environ))
        for bucket in (settings.raw_bucket, settings.curated_bucket):
            lake.s3.create_bucket(Bucket=bucket)
        lake.put(
            "a",
            [
                event("old", 1, OLD, user_id="u1"),
                *(
                    event(f"e{hour}-{i}", i, HOUR + hour * HOUR_US, user_id=f"u{i}")
                    for hour in range(4)
                    for i in range(3)
                ),
                purchase("p1", HOUR, "u1"),
                purchase("p2", HOUR, "u2", amount_minor="dear", note='it\'s "quoted"'),
                purchase("p3", HOUR + HOUR_US, "u2", currency="JPY"),
            ],
            OPEN,
        )
        lake.compact(POLICY, run_id="first")
        first = read(lake)
        lake.put("b", [event("late", 50, HOUR + HOUR_US, user_id="u9"), event("gap", 3, HOUR - HOUR_US)], OPEN)
        lake.compact(POLICY, run_id="repair")
        repaired = read(lake)
        back(lake, HOUR + HOUR_US)
        blanks = Blanks(settings.raw_bucket, settings.curated_bucket, settings.database, from_us=HOUR, to_us=OPEN)
        yield Stages(blanks, lake, first, repaired, read(lake))


@pytest.fixture
def make(stages: Stages) -> Iterator[Callable[[Lake], Session]]:
    """A function that makes a warehouse over a stage of the lake, set up by the shipped files."""
    with duckdb.connect() as connection:

        def make(lake: Lake) -> Session:
            session = Session(connection, lake)
            for name in ("external_schema", "hot_tables", "hybrid_view", "stale_hours"):
                session.run(TEXT[name].text(stages.blanks))
            return session

        yield make


COLUMNS = ", ".join(name for name in FACT_CLICKS.schema.names if name != "metadata")


def facts(session: Session, source: str = "mart.fact_clicks") -> Counter[Row]:
    """Return the facts of a table with how often each is there; maps as sorted pairs."""
    return Counter(
        (*row[:-1], tuple(sorted(json.loads(row[-1]).items())))
        for row in session.rows(f"SELECT {COLUMNS}, CAST(metadata AS VARCHAR) FROM {source}")
    )


def boundary(session: Session) -> tuple[int, int]:
    """Return hours from HOUR to where the hot range begins and ends."""
    [(first, end)] = session.rows("SELECT hot_from, hot_until FROM hot.boundary")
    zero = us_to_timestamp(HOUR)
    return (first - zero) // timedelta(hours=1), (end - zero) // timedelta(hours=1)


def load(stages: Stages, session: Session, first: int, end: int, **options: Any) -> None:
    """Load hours, counted from HOUR."""
    blanks = replace(stages.blanks, from_us=HOUR + first * HOUR_US, to_us=HOUR + end * HOUR_US)
    session.run(TEXT["load_hours"].text(blanks), **options)


def stale(session: Session) -> list[int]:
    zero = us_to_timestamp(HOUR)
    return sorted(
        (hour - zero) // timedelta(hours=1) for (hour,) in session.rows("SELECT event_hour FROM hot.stale_hours")
    )


def wrong(session: Session) -> list[Row]:
    """Return the hours that the shipped check finds."""
    [check] = statements_of(TEXT["check_hot_hours"].text())
    return session.rows(check.removesuffix(";"))


def test_readers_find_each_fact_once_after_every_statement(stages: Stages, make: Any) -> None:
    session = make(stages.first)
    reader = session.another(stages.first)
    expected = facts(session, "lake.fact_clicks")
    assert facts(reader) == expected and expected.total() == 16

    def look(number: int, statement: str) -> None:
        assert facts(reader) == expected, statement

    moves = []
    for first, end in ((0, 1), (1, 2), (1, 3), (-2, 0), (-(RETENTION_DAYS + 5) * 24, -2)):
        load(stages, session, first, end, after=look)
        moves.append(boundary(reader))
    assert moves == [(0, 1), (0, 2), (0, 3), (-2, 3), (-(RETENTION_DAYS + 5) * 24, 3)]
    session.run(TEXT["retention"].text(stages.blanks), after=look)
    assert boundary(reader) == (3 - RETENTION_DAYS * 24, 3)
    assert facts(session, "hot.fact_clicks") == Counter(
        {row: count for row, count in expected.items() if row[0] != "old" and not row[0].startswith("e3-")}
    )


def test_hours_apart_from_the_hot_range_are_answered_by_the_lake(stages: Stages, make: Any) -> None:
    session = make(stages.first)
    expected = facts(session, "lake.fact_clicks")
    load(stages, session, 0, 1)
    load(stages, session, 2, 3)
    assert boundary(session) == (0, 1)
    assert facts(session) == expected
    load(stages, session, 1, 3)
    assert boundary(session) == (0, 3)
    assert facts(session) == expected


def test_the_hot_range_ends_where_not_all_is_published(stages: Stages, make: Any) -> None:
    session = make(stages.first)
    load(stages, session, 0, 24)
    assert boundary(session) == (0, 3)
    assert facts(session) == facts(session, "lake.fact_clicks")
    assert any(row[0].startswith("e3-") for row in facts(session, "hot.fact_clicks"))


def test_hours_that_nobody_knows_move_nothing(stages: Stages, make: Any) -> None:
    session = make(stages.first)
    before = boundary(session)
    load(stages, session, 100, 124)
    assert boundary(session) == before


def test_a_load_that_dies_after_any_statement_changes_nothing_and_is_run_again(stages: Stages, make: Any) -> None:
    session = make(stages.first)
    load(stages, session, 0, 1)
    hot, moved = facts(session, "hot.fact_clicks"), boundary(session)

    class Died(Exception):
        pass

    def dying_after(last: int) -> Callable[[int, str], None]:
        def look(number: int, statement: str) -> None:
            if number == last:
                raise Died

        return look

    statements = statements_of(TEXT["load_hours"].text(stages.blanks))
    for number in range(statements.index("BEGIN;"), len(statements) - 1):
        with pytest.raises(Died):
            load(stages, session, 0, 3, after=dying_after(number))
        session.connection.execute("ROLLBACK")
        assert (facts(session, "hot.fact_clicks"), boundary(session)) == (hot, moved)
    for _ in range(2):
        load(stages, session, 0, 3)
        assert facts(session) == facts(session, "lake.fact_clicks")
        assert facts(session, "hot.fact_clicks").total() == 12


def test_repaired_hours_are_stale_until_they_are_loaded_again(stages: Stages, make: Any) -> None:
    session = make(stages.first)
    load(stages, session, -24, 3)
    session.see(stages.repaired)
    # The late event's hour, and one of which nothing was published before; not what is beyond the boundary.
    assert stale(session) == [-1, 1]
    missing = facts(session, "lake.fact_clicks") - facts(session)
    assert {row[0] for row in missing} == {"late", "gap"}
    session.run(TEXT["refresh_repaired_hours"].text(stages.blanks))
    assert stale(session) == []
    assert facts(session) == facts(session, "lake.fact_clicks")
    session.see(stages.rolled_back)
    assert stale(session) == [1]
    for _ in range(2):
        session.run(TEXT["refresh_repaired_hours"].text(stages.blanks))
        assert stale(session) == []
        assert facts(session) == facts(session, "lake.fact_clicks")
    assert wrong(session) == []


def test_an_hour_that_is_repaired_in_mid_load_is_seen_to_be_stale(stages: Stages, make: Any) -> None:
    session = make(stages.first)

    def publish(number: int, statement: str) -> None:
        if statement.startswith("DELETE FROM hot.fact_clicks"):
            session.see({FACT_CLICKS.name: stages.repaired[FACT_CLICKS.name]})

    load(stages, session, -24, 3, after=publish)
    session.see(stages.repaired)
    assert stale(session) == [-1, 1]
    assert [(published, hot) for *_, published, hot in wrong(session)] == [(4, 5)]
    session.run(TEXT["refresh_repaired_hours"].text(stages.blanks))
    assert stale(session) == []
    assert facts(session) == facts(session, "lake.fact_clicks")


def bring(stages: Stages) -> Callable[[str], pa.Table]:
    """Return what COPY would bring of an address: Parquet by place, maps as JSON; or JSON lines by name."""
    s3 = stages.lake.s3

    def body(address: str) -> bytes:
        bucket, _, key = address.removeprefix("s3://").partition("/")
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    def brought(address: str) -> pa.Table:
        if address.endswith(".hours.jsonl"):
            lines = [json.loads(line) for line in body(address).splitlines()]
            return pa.Table.from_pylist(lines)
        entries = json.loads(body(address))["entries"]
        parts = []
        for entry in entries:
            data = body(entry["url"])
            assert entry["mandatory"] is True and entry["meta"] == {"content_length": len(data)}
            rows = pq.read_table(pa.BufferReader(data))
            # COPY fills columns by their place: names, order and number are those of the DDL.
            assert rows.schema.names == FACT_CLICKS.schema.names
            place = rows.schema.get_field_index("metadata")
            texts = pa.array([json.dumps(dict(pairs)) for pairs in rows["metadata"].to_pylist()], pa.string())
            parts.append(rows.set_column(place, "metadata", texts))
        assert parts, "COPY ends where a manifest has no entries"
        return pa.concat_tables(parts)

    return brought


def test_copy_from_a_manifest_loads_what_the_lake_holds_and_no_file_that_was_replaced(
    stages: Stages, make: Any
) -> None:
    blanks = replace(stages.blanks, from_us=HOUR - DAY_US, to_us=OPEN)
    address = manifest_address(blanks)
    span = ("--from", format_hour(blanks.from_us), "--to", format_hour(blanks.to_us))
    out = ("--out", f"{address}.manifest", "--hours-out", f"{address}.hours.jsonl")
    report = summary_of("redshift-manifest", *span, *out)
    expected = [
        row for row in stages.lake.rows(FACT_CLICKS.name) if row["click_id"] not in ("old", "e3-0", "e3-1", "e3-2")
    ]
    assert (report["files"], report["rows"]) == (4, len(expected))
    assert report["out"] == f"{address}.manifest"

    folder = stages.lake.s3.list_objects_v2(Bucket=stages.blanks.curated_bucket, Prefix=f"{FACT_CLICKS.name}/year=")
    entries = json.loads(
        stages.lake.s3.get_object(
            Bucket=stages.blanks.curated_bucket,
            Key=f"{address}.manifest".removeprefix(f"s3://{stages.blanks.curated_bucket}/"),
        )["Body"].read()
    )["entries"]
    named = {entry["url"].removeprefix(f"s3://{stages.blanks.curated_bucket}/") for entry in entries}
    lying = {item["Key"] for item in folder["Contents"] if "hour=11/" in item["Key"]}
    assert len(lying) == 2 and len(lying & named) == 1
    assert sum(item["Size"] for item in folder["Contents"] if item["Key"] in named) == report["bytes"]

    session = make(stages.rolled_back)
    reader = session.another(stages.rolled_back)
    whole = facts(session, "lake.fact_clicks")

    def look(number: int, statement: str) -> None:
        assert facts(reader) == whole, statement

    for _ in range(2):
        session.run(TEXT["load_from_manifest"].text(blanks), after=look, bring=bring(stages))
        assert boundary(session) == (-24, 3)
        assert stale(session) == []
        assert facts(session, "hot.fact_clicks").total() == len(expected)


def test_a_manifest_of_an_earlier_moment_names_the_files_of_then(stages: Stages, tmp_path: Path) -> None:
    iceberg = stages.lake.lake.open(FACT_CLICKS).iceberg
    moments = [entry.timestamp_ms for entry in iceberg.metadata.snapshot_log]
    hour = ("--hour", format_hour(HOUR + HOUR_US), "--out", str(tmp_path / "a.manifest"))
    counts = [
        summary_of("redshift-manifest", *hour, "--as-of", format_instant_us(moment_ms * 1000))["rows"]
        for moment_ms in moments
    ]
    assert counts == [4, 5, 4]
    now = json.loads((tmp_path / "a.manifest").read_text())
    first = summary_of("redshift-manifest", *hour)
    assert first["rows"] == 4 and json.loads((tmp_path / "a.manifest").read_text()) == now


def test_hours_without_a_file_are_told_and_give_a_manifest_that_copy_refuses(stages: Stages, tmp_path: Path) -> None:
    path = tmp_path / "none.manifest"
    result = run("redshift-manifest", "--hour", "2020-01-01T00", "--out", str(path))
    assert result.exit_code == 0
    assert "no file of fact_clicks holds any of that" in result.output
    assert json.loads(path.read_text()) == {"entries": []}


def test_users_are_loaded_whole(stages: Stages, make: Any) -> None:
    session = make(stages.first)
    reader = session.another(stages.first)
    for lake in (stages.first, stages.repaired):
        session.see(lake)
        reader.see(lake)
        before = reader.rows("SELECT COUNT(*) FROM mart.dim_users")

        def look(number: int, statement: str, before: list[Row] = before) -> None:
            if not statement.startswith("COMMIT"):
                assert reader.rows("SELECT COUNT(*) FROM mart.dim_users") == before

        session.run(TEXT["load_users"].text(stages.blanks), after=look)
        for table in (DIM_USERS, DIM_USERS_HISTORY):
            columns = ", ".join(f"CAST({name} AS VARCHAR)" for name in table.schema.names)
            assert Counter(session.rows(f"SELECT {columns} FROM mart.{table.name}")) == Counter(
                session.rows(f"SELECT {columns} FROM lake.{table.name}")
            )


def test_figures_that_are_kept_ready_are_those_of_the_hot_facts(stages: Stages, make: Any) -> None:
    session = make(stages.first)
    load(stages, session, 0, 24)
    session.run(TEXT["materialized_views"].text(stages.blanks))
    rows = [row for row in stages.first[FACT_CLICKS.name].to_pylist() if row["click_id"] != "old"]
    clicks: Counter[Row] = Counter()
    revenue: dict[Row, list[int]] = {}
    for row in rows:
        hour = row["event_timestamp"].replace(minute=0, second=0, microsecond=0)
        clicks[hour, row["event_type"], row["device_type"]] += 1
        if row["event_type"] == "purchase":
            metadata = dict(row["metadata"])
            amount = metadata["amount_minor"]
            revenue.setdefault((hour, metadata["currency"]), []).append(int(amount) if amount.isdigit() else 0)
    found = session.rows("SELECT event_hour, event_type, device_type, clicks FROM mart.hot_clicks_hourly")
    assert {row[:3]: row[3] for row in found} == clicks
    paid = session.rows("SELECT event_hour, currency, purchases, amount_minor FROM mart.hot_revenue_hourly")
    assert {row[:2]: row[2:] for row in paid} == {key: (len(each), sum(each)) for key, each in revenue.items()}
    assert sorted(row[3] for row in paid) == [1250, 1250]


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("--table", "fact"), "--table 'fact' is none of"),
        (("--from", "2026-11-24T00"), "--from and --to go together"),
        (("--from", "2026-11-24T02", "--to", "2026-11-24T02"), "--to is not after --from"),
        (("--hour", "noon"), "--hour 'noon' is not an hour"),
        (("--hour", "2026-11-24T02", "--to", "2026-11-24T03"), "give --hour, or --from and --to"),
        (("--as-of", "yesterday"), "--as-of 'yesterday' is not an instant"),
        (("--table", "dim_users", "--hour", "2026-11-24T02"), "dim_users is not parted by hour"),
        (("--hours-out", "x"), "--hours-out is for hours of fact_clicks"),
        (("--table", "hours", "--hour", "2026-11-24T02"), "hours keeps a day in a file"),
    ],
)
def test_what_makes_no_manifest_is_told(stages: Stages, tmp_path: Path, arguments: tuple[str, ...], fault: str) -> None:
    out = tmp_path / "x.manifest"
    result = run("redshift-manifest", "--out", str(out), *arguments)
    assert result.exception is not None
    assert fault in str(result.exception)
    assert not out.exists()
