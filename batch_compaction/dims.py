"""The user dimension as a function of the facts, and of nothing else."""

from __future__ import annotations

import duckdb
import pyarrow as pa
from pyarrow.dataset import Dataset

from schemas.tables import DIM_USERS

# The columns that the dimension reads; the scan of older hours fetches no other.
_COLUMNS = "user_id, event_timestamp, click_id, device_type, metadata"
_LATEST = "ORDER BY event_timestamp, click_id"

_USERS = f"""
WITH facts AS (
    SELECT {_COLUMNS} FROM untouched UNION ALL SELECT {_COLUMNS} FROM touched
), attributes AS (
    SELECT user_id, event_timestamp, click_id, nullif(metadata['country'], '') AS country,
        try_cast(metadata['signup_date'] AS DATE) AS signup_date
    FROM facts
), dated AS (
    -- DuckDB also knows infinity and years that a calendar date of Iceberg's clients cannot hold.
    SELECT * REPLACE (CASE WHEN signup_date BETWEEN DATE '0001-01-01' AND DATE '9999-12-31' THEN signup_date END
        AS signup_date) FROM attributes
), users AS (
    SELECT user_id,
        last(country {_LATEST}) FILTER (country IS NOT NULL) AS country,
        last(signup_date {_LATEST}) FILTER (signup_date IS NOT NULL) AS signup_date,
        max(event_timestamp) AS last_seen, min(event_timestamp) AS first_seen, count(*) AS events
    FROM dated GROUP BY user_id
), devices AS (
    SELECT user_id, list(device_type ORDER BY uses DESC, device_type) AS device_preferences
    FROM (SELECT user_id, device_type, count(*) AS uses FROM facts WHERE device_type IS NOT NULL GROUP BY ALL)
    GROUP BY user_id
)
SELECT user_id, country, signup_date, coalesce(device_preferences, []) AS device_preferences,
    last_seen, first_seen, events
FROM users LEFT JOIN devices USING (user_id)
ORDER BY user_id
"""  # noqa: S608


def users_of(untouched: Dataset | pa.Table, touched: pa.Table) -> pa.Table:
    """Return `dim_users` over the facts of hours that stay as they are and of hours about to be published."""
    connection = duckdb.connect()
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("untouched", untouched)
        connection.register("touched", touched)
        return connection.sql(_USERS).to_arrow_table().cast(DIM_USERS.schema)
    finally:
        connection.close()
