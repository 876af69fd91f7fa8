"""A file is left out only where no row of it can be of use."""

from datetime import UTC, datetime

import pytest

from analytics.query.pruning import is_wanted, scans_of
from analytics.query.translation import translate
from schemas.tables import FACT_CLICKS

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
PARTITIONS = [(2026, 11, day, hour) for day in (23, 24, 25) for hour in range(24)]


def wanted(sql: str) -> list[list[tuple[int, ...]]]:
    """Return the hours that each scan of fact_clicks needs."""
    query = translate(sql, "clickstream").resolved
    assert query is not None
    scans = [scan for scan in scans_of(query, "clickstream") if scan.table == "fact_clicks"]
    return [[hour for hour in PARTITIONS if is_wanted(scan, FACT_CLICKS, hour, NOW)] for scan in scans]


DAY_24 = [hour for hour in PARTITIONS if hour[2] == 24]


@pytest.mark.parametrize(
    ("condition", "hours"),
    [
        ("year = 2026 AND month = 11 AND day = 24", DAY_24),
        ("year * 10000 + month * 100 + day = 20261124", DAY_24),
        ("(year, month, day) IN ((2026, 11, 24), (2026, 12, 1))", DAY_24),
        ("day BETWEEN 24 AND 24", DAY_24),
        ("CAST(day AS varchar) = '24'", DAY_24),
        ("day NOT IN (23, 25)", DAY_24),
        ("NOT (day = 23 OR day = 25 OR event_type = 'x')", DAY_24),
        ("CAST(event_timestamp AS date) = DATE '2026-11-24'", DAY_24),
        ("date_trunc('day', event_timestamp) = TIMESTAMP '2026-11-24 00:00:00'", DAY_24),
        ("event_timestamp >= current_date - INTERVAL '1' DAY AND event_timestamp < current_date", DAY_24),
        ("event_timestamp BETWEEN TIMESTAMP '2026-11-24 10:59:59' AND TIMESTAMP '2026-11-24 11:00:00'", DAY_24[10:12]),
        ("event_timestamp >= TIMESTAMP '2026-11-24 10:00:00' AND event_timestamp < TIMESTAMP '2026-11-24 11:00:00'",
         DAY_24[10:11]),
        ("day = 24 AND hour(event_timestamp) < 2", DAY_24[:2]),
        ("event_timestamp > now() - INTERVAL '2' HOUR", [hour for hour in PARTITIONS if hour >= (2026, 11, 25, 10)]),
        ("day = 24 OR event_type = 'x'", PARTITIONS),
        ("day = NULL", []),
        ("user_id = 'u1'", PARTITIONS),
        ("day IN (SELECT 24)", PARTITIONS),
        ("hour % 2 = 0 AND day = 24", DAY_24),
        ("day BETWEEN SYMMETRIC 25 AND 24", PARTITIONS),
        ("TRY_CAST('1_0' AS integer) IS NULL AND TRY_CAST('20261124' AS date) IS NULL", PARTITIONS),
        ("event_timestamp > current_timestamp - INTERVAL '²' DAY", PARTITIONS),
    ],
)  # fmt: skip
def test_conditions_say_which_hours_are_read(condition: str, hours: list[tuple[int, ...]]) -> None:
    assert wanted(f"SELECT count(*) FROM fact_clicks WHERE {condition}") == [hours]


@pytest.mark.parametrize(
    ("rest", "hours"),
    [
        ("fact_clicks f JOIN dim_users d ON f.user_id = d.user_id AND f.day = 24", DAY_24),
        ("dim_users d LEFT JOIN fact_clicks f ON f.user_id = d.user_id AND f.day = 24", DAY_24),
        ("dim_users d LEFT JOIN fact_clicks f ON f.user_id = d.user_id WHERE f.day = 24", DAY_24),
        ("dim_users d LEFT JOIN fact_clicks f ON f.user_id = d.user_id WHERE f.day = 24 OR f.day IS NULL", PARTITIONS),
        ("fact_clicks f LEFT JOIN dim_users d ON f.user_id = d.user_id AND f.day = 24", PARTITIONS),
        ("fact_clicks f LEFT JOIN dim_users d ON f.user_id = d.user_id WHERE f.day = 24", DAY_24),
        ("dim_users d FULL JOIN fact_clicks f ON f.user_id = d.user_id AND f.day = 24", PARTITIONS),
        ("dim_users d LEFT JOIN (fact_clicks f JOIN dim_users e ON true) ON true WHERE f.day IS NULL", PARTITIONS),
        ("dim_users d LEFT JOIN fact_clicks f RIGHT JOIN dim_users e ON true ON f.day IS NULL", PARTITIONS),
        ("fact_clicks f ANTI JOIN dim_users d ON f.day = 24", PARTITIONS),
    ],
)
def test_a_join_that_keeps_rows_without_a_match_keeps_their_files(rest: str, hours: list[tuple[int, ...]]) -> None:
    assert wanted(f"SELECT count(*) FROM {rest}") == [hours]


def test_each_place_where_a_table_is_read_has_hours_of_its_own() -> None:
    sql = (
        "WITH before AS (SELECT user_id FROM fact_clicks WHERE day = 23) "
        "SELECT f.user_id FROM fact_clicks f JOIN before b ON b.user_id = f.user_id WHERE f.day = 24"
    )
    assert sorted(wanted(sql)) == [[hour for hour in PARTITIONS if hour[2] == 23], DAY_24]


def test_a_scan_knows_its_columns() -> None:
    query = translate("SELECT user_id FROM fact_clicks WHERE event_type = 'click'", "clickstream").resolved
    assert query is not None
    assert [scan.columns for scan in scans_of(query, "clickstream")] == [{"user_id", "event_type"}]
