"""Where Athena's dialect and other engines part: each difference as Trino has it."""

from typing import Any


def test_both_kinds_of_tables_are_read_by_one_name(engine: Any) -> None:
    ((facts,),) = engine.rows("SELECT count(*) FROM fact_clicks")
    days = "year = 2026 AND month = 11 AND day >= 21 AND user_id <> ''"
    ((raw,),) = engine.rows(f"SELECT count(DISTINCT event_id) FROM clickstream_raw.click_events WHERE {days}")
    assert facts == raw == 20_000
