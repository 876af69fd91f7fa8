"""The user dimension by one query over all facts: slow and plain, what the compaction has to come to."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from schemas.tables import DIM_USERS

_LATEST = "ORDER BY event_timestamp, click_id"

_USERS = f"""
WITH attributes AS (
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
    SELECT user_id, list(device_type ORDER BY uses DESC, device_type) AS device_preferences,
        list(uses ORDER BY uses DESC, device_type) AS device_events
    FROM (SELECT user_id, device_type, count(*) AS uses FROM facts WHERE device_type IS NOT NULL GROUP BY ALL)
    GROUP BY user_id
)
SELECT user_id, country, signup_date, coalesce(device_preferences, []) AS device_preferences,
    coalesce(device_events, []) AS device_events, last_seen, first_seen, events
FROM users LEFT JOIN devices USING (user_id)
ORDER BY user_id
"""


def users_of(facts: pa.Table) -> pa.Table:
    """Return `dim_users` of facts."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("facts", facts)
        return connection.sql(_USERS).to_arrow_table().cast(DIM_USERS.schema)
