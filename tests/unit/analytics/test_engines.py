"""What is sent to engines elsewhere, and what comes back from them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from analytics.query.as_of import at_time
from analytics.query.explanation import billed_bytes, cost_usd
from analytics.query.result_types import arrow_type, read_text, table_of
from schemas.errors import ConfigError
from schemas.pricing.prices import shipped_prices
from schemas.tables import TABLE_NAMES

MOMENT = datetime(2026, 11, 24, 12, 0, 0, 500, tzinfo=UTC)
AS_OF = "FOR TIMESTAMP AS OF TIMESTAMP '2026-11-24 12:00:00.000500 UTC'"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1 FROM fact_clicks", f"SELECT 1 FROM fact_clicks {AS_OF}"),
        ("SELECT f.hour FROM fact_clicks f", f"SELECT f.hour FROM fact_clicks {AS_OF} AS f"),
        (
            "WITH d AS (SELECT user_id FROM clickstream.dim_users) SELECT a[1] FROM d",
            f"WITH d AS (SELECT user_id FROM clickstream.dim_users {AS_OF}) SELECT a[1] FROM d",
        ),
        (
            "SELECT 1 FROM dim_users u JOIN fact_clicks f ON u.user_id = f.user_id",
            f"SELECT 1 FROM dim_users {AS_OF} AS u JOIN fact_clicks {AS_OF} AS f ON u.user_id = f.user_id",
        ),
    ],
)
def test_each_table_is_asked_for_as_it_was(sql: str, expected: str) -> None:
    assert at_time(sql, "clickstream", TABLE_NAMES, MOMENT) == expected


@pytest.mark.parametrize("sql", ["SELECT 1 FROM clickstream_raw.click_events", "SELECT 1 FROM sessions"])
def test_what_has_no_past_is_refused(sql: str) -> None:
    with pytest.raises(ConfigError, match="is none of"):
        at_time(sql, "clickstream", TABLE_NAMES, MOMENT)


def test_two_moments_are_one_too_many() -> None:
    with pytest.raises(ConfigError, match="of its own"):
        at_time(f"SELECT 1 FROM fact_clicks {AS_OF}", "clickstream", TABLE_NAMES, MOMENT)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("bigint", "-7", -7),
        ("double", "1.0E10", 1e10),
        ("decimal(10, 2)", "1.50", Decimal("1.50")),
        ("boolean", "false", False),
        ("date", "2026-11-24", date(2026, 11, 24)),
        ("timestamp", "2026-11-24 10:00:00.123", datetime.fromisoformat("2026-11-24 10:00:00.123")),
        ("timestamp(6)", "2026-11-24 10:00:00.123456", datetime.fromisoformat("2026-11-24 10:00:00.123456")),
        ("varbinary", "61 62", b"ab"),
        ("varchar", "", ""),
        ("array(integer)", "[1, 2]", "[1, 2]"),
        ("timestamp with time zone", "2026-11-24 10:00:00.000 UTC", "2026-11-24 10:00:00.000 UTC"),
        ("bigint", None, None),
    ],
)
def test_a_text_of_a_result_becomes_its_value(kind: str, text: str | None, value: object) -> None:
    assert read_text(text, arrow_type(kind)) == value


def test_a_result_keeps_its_types_without_rows_and_its_names_apart() -> None:
    table = table_of(["n", "n", "d"], ["bigint", "varchar", "decimal(4, 1)"], [])
    assert table.schema.names == ["n", "n:1", "d"]
    assert table.schema.types == [pa.int64(), pa.string(), pa.decimal128(4, 1)]
    maps = table_of(["m"], ["map(varchar, integer)"], [[{"a": 1}], [None]])
    assert maps.to_pylist(maps_as_pydicts="strict") == [{"m": {"a": 1}}, {"m": None}]


def test_athena_bills_whole_megabytes_and_ten_at_least() -> None:
    assert billed_bytes(0) == billed_bytes(5) == 10 * 1024**2
    assert billed_bytes(11 * 1024**2 + 1) == 12 * 1024**2
    assert cost_usd(1024**4, shipped_prices()) == shipped_prices().athena.tb_scanned
