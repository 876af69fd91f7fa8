"""The view over the receipts, answered by DuckDB over objects as the doors put them."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
import sqlglot

from schemas import hive
from schemas.alert import PurchaseAlert
from schemas.instants import SECOND_US, parse_instant_us
from schemas.receipt import encode_receipt, receipt_object, receipt_of

DATABASE = "clickstream_raw"
NOON_US = parse_instant_us("2026-11-24T12:00:00Z")
DUCKDB_TYPES = {"string": "VARCHAR", "bigint": "BIGINT", "double": "DOUBLE", "boolean": "BOOLEAN"}


def line(event_id: str, message_id: str, published_us: int, **fields: Any) -> bytes:
    alert = PurchaseAlert(
        event_id=event_id,
        event_type="purchase",
        user_id="u",
        session_id="s",
        event_timestamp="2026-11-24T11:00:00.000000Z",
        arrival_timestamp="2026-11-24T11:59:59.000000Z",
        **fields,
    )
    return encode_receipt(receipt_of(alert, message_id, published_us))


def put(bucket: Path, *lines: bytes) -> str:
    key, data = receipt_object(lines)
    (bucket / key).parent.mkdir(parents=True, exist_ok=True)
    (bucket / key).write_bytes(data)
    return key


def alerts(bucket: Path, where: str = "true") -> list[dict[str, Any]]:
    """Return the rows of the view, with the table put over the bucket as the SerDe and the projection do it."""
    columns = {name: DUCKDB_TYPES[kind] for name, kind in hive.RECEIPTS.columns()}
    with duckdb.connect() as connection:
        connection.execute(f"CREATE SCHEMA {DATABASE}")
        connection.execute(
            f"CREATE VIEW {DATABASE}.{hive.RECEIPTS_TABLE} AS SELECT * EXCLUDE (filename) FROM read_json("
            f"'{bucket}/{hive.RECEIPTS.prefix}**/*.json.gz', columns={columns}, format='newline_delimited', "
            "ignore_errors=true, filename=true, hive_partitioning=true, "
            "hive_types={'year': INT, 'month': INT, 'day': INT, 'hour': INT})"
        )
        (view,) = sqlglot.transpile(hive.alerts_view_sql(DATABASE), read="athena", write="duckdb")
        connection.execute(view)
        rows = connection.sql(f"SELECT * FROM {DATABASE}.{hive.ALERTS_VIEW} WHERE {where} ORDER BY message_id")
        return [dict(zip(rows.columns, row, strict=True)) for row in rows.fetchall()]


def test_a_receipt_that_a_crash_repeats_is_one_row(tmp_path: Path) -> None:
    first, second, third = (line(f"e{n}", f"m{n}", NOON_US + n * SECOND_US) for n in range(3))
    put(tmp_path, first, second)
    put(tmp_path, second, third)
    put(tmp_path, first, second, third)
    assert [(row["event_id"], row["message_id"]) for row in alerts(tmp_path)] == [
        ("e0", "m0"),
        ("e1", "m1"),
        ("e2", "m2"),
    ]


def test_an_alert_that_was_sent_twice_is_two_rows_and_the_second_says_so(tmp_path: Path) -> None:
    put(tmp_path, line("e", "m0", NOON_US))
    put(tmp_path, line("e", "m1", NOON_US + SECOND_US, maybe_repeat=True))
    assert [(row["event_id"], row["maybe_repeat"]) for row in alerts(tmp_path)] == [("e", False), ("e", True)]


def test_of_two_receipts_under_one_message_id_the_earlier_counts(tmp_path: Path) -> None:
    put(tmp_path, line("e", "m", NOON_US + SECOND_US, maybe_repeat=True))
    put(tmp_path, line("e", "m", NOON_US))
    (row,) = alerts(tmp_path)
    assert (row["published_timestamp"], row["maybe_repeat"]) == ("2026-11-24T12:00:00.000000Z", False)


def test_a_row_is_the_receipt_with_the_hour_of_its_publish(tmp_path: Path) -> None:
    whole = line("e", "m", NOON_US, amount_minor=1234, currency="EUR", page_url="https://shop.example/ü", rule="big")
    put(tmp_path, whole)
    (row,) = alerts(tmp_path)
    hour = {"year": 2026, "month": 11, "day": 24, "hour": 12}
    assert row == msgspec.json.decode(whole) | hour
    assert row["latency_ms"] == 1000.0
    assert alerts(tmp_path, "hour = 11") == []


@pytest.mark.parametrize("stray", [b"{", b'{"event_id": "no receipt"}', b""])
def test_a_line_that_is_no_receipt_is_no_row(tmp_path: Path, stray: bytes) -> None:
    key = put(tmp_path, line("e", "m", NOON_US))
    (tmp_path / key).with_name("stray.json.gz").write_bytes(gzip.compress(stray + b"\n"))
    assert [row["message_id"] for row in alerts(tmp_path)] == ["m"]


def test_a_receipt_from_before_there_were_rules_is_of_the_purchase_rule(tmp_path: Path) -> None:
    old = msgspec.json.decode(line("e", "m", NOON_US))
    del old["rule"], old["maybe_repeat"]
    put(tmp_path, msgspec.json.encode(old))
    (row,) = alerts(tmp_path)
    assert (row["rule"], row["maybe_repeat"]) == ("purchase", False)
