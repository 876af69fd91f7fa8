"""The DuckDB baseline of the compaction benchmark: the same job as plain SQL, without checks, conflicts or commits.

Where it is more lenient than the contract, the input has no such line: it coerces values of a wrong type to text, keeps
the first of a key that stands twice, and makes no id where one is absent. Line numbers come from the order in which
rows are read, which blank lines would shift. The bytes of bad lines, which its JSON reader does not tell, are looked up
by their number.

    python -m bench.compaction_duckdb INPUT OUTPUT
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import duckdb
import pyarrow as pa

from bench.compaction_input import RAW_BUCKET

_COLUMNS = """{
    event_id: 'VARCHAR', user_id: 'VARCHAR', session_id: 'VARCHAR', event_type: 'VARCHAR', event_timestamp: 'VARCHAR',
    device_type: 'VARCHAR', page_url: 'VARCHAR', referrer_url: 'VARCHAR', metadata: 'MAP(VARCHAR, VARCHAR)',
    producer_id: 'VARCHAR', producer_seq: 'BIGINT'}"""

_READ = f"""
CREATE TABLE raw AS
SELECT * FROM read_json(?, format = 'newline_delimited', columns = {_COLUMNS}, ignore_errors = true, filename = true)
"""
# A table keeps the order in which its rows came in; a window without an order would not.
_LINES = """
CREATE TABLE lines AS
SELECT raw.* EXCLUDE (filename, event_timestamp),
    timezone('UTC', try_cast(event_timestamp AS TIMESTAMPTZ)) AS event_timestamp,
    filename AS source_object, raw.rowid - first_row + 1 AS source_line,
    CASE
        WHEN COALESCE(event_id, user_id, session_id, event_type, raw.event_timestamp) IS NULL THEN 'not_json'
        WHEN user_id IS NULL OR session_id IS NULL OR event_type IS NULL THEN 'missing_field'
        WHEN user_id = '' OR session_id = '' OR event_type = '' THEN 'empty_field'
        WHEN try_cast(event_timestamp AS TIMESTAMPTZ) IS NULL THEN 'bad_timestamp'
    END AS reason
FROM raw JOIN (SELECT filename, min(rowid) AS first_row FROM raw GROUP BY filename) USING (filename)
"""
_BAD = "SELECT source_object, source_line, reason FROM lines WHERE reason IS NOT NULL ORDER BY ALL"
_QUARANTINE = """
COPY (SELECT source_object[? :] AS source_object, source_line, reason, raw_bytes FROM bad)
TO '{folder}/quarantine.parquet' (FORMAT parquet)
"""
_FACTS = """
CREATE TABLE facts AS
SELECT event_id AS click_id, user_id, session_id, event_type, event_timestamp,
    nullif(device_type, '') AS device_type, nullif(page_url, '') AS page_url,
    nullif(referrer_url, '') AS referrer_url, coalesce(metadata, MAP {}) AS metadata,
    year(event_timestamp)::INTEGER AS year, month(event_timestamp)::INTEGER AS month,
    day(event_timestamp)::INTEGER AS day, hour(event_timestamp)::INTEGER AS hour,
    producer_id, producer_seq, source_object[? :] AS source_object, source_line
FROM lines WHERE reason IS NULL
QUALIFY row_number() OVER (
    PARTITION BY date_trunc('hour', event_timestamp), event_id ORDER BY source_object, source_line) = 1
"""
_HOURS = "SELECT DISTINCT date_trunc('hour', event_timestamp) AS hour FROM facts ORDER BY hour"
# PARTITION_BY would write all hours at once, but not sorted.
_WRITE_HOUR = """
COPY (
    FROM facts WHERE event_timestamp >= '{hour}' AND event_timestamp < TIMESTAMP '{hour}' + INTERVAL 1 HOUR
    ORDER BY event_timestamp, click_id)
TO '{folder}/{hour:%Y-%m-%dT%H}.parquet' (FORMAT parquet, COMPRESSION snappy)
"""
_USERS = """
COPY (
    WITH users AS (
        SELECT user_id, arg_max(metadata['country'], (event_timestamp, click_id)) AS country,
            arg_max(try_cast(metadata['signup_date'] AS DATE), (event_timestamp, click_id)) AS signup_date,
            max(event_timestamp) AS last_seen, min(event_timestamp) AS first_seen, count(*) AS events
        FROM facts GROUP BY user_id
    ), devices AS (
        SELECT user_id, list(device_type ORDER BY uses DESC, device_type) AS device_preferences
        FROM (SELECT user_id, device_type, count(*) AS uses FROM facts WHERE device_type IS NOT NULL GROUP BY ALL)
        GROUP BY user_id
    )
    SELECT user_id, country, signup_date, coalesce(device_preferences, []) AS device_preferences,
        last_seen, first_seen, events
    FROM users LEFT JOIN devices USING (user_id) ORDER BY user_id)
TO '{folder}/users.parquet' (FORMAT parquet, COMPRESSION snappy)
"""


def main() -> None:
    """Compact the raw bucket in one folder into tables in another."""
    source, target = map(Path, sys.argv[1:])
    folders = {name: target / name for name in ("fact_clicks", "dim_users", "quarantine")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    bucket = source / RAW_BUCKET
    key_start = len(f"{bucket}/") + 1
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(_READ, [f"{bucket}/**/*.json"])
    connection.execute(_LINES)
    bad = with_bytes(connection.execute(_BAD).fetchall())
    connection.register("bad", pa.Table.from_pylist(list(bad)))
    connection.execute(_QUARANTINE.format(folder=folders["quarantine"]), [key_start])
    connection.execute(_FACTS, [key_start])
    for (hour,) in connection.execute(_HOURS).fetchall():
        connection.execute(_WRITE_HOUR.format(hour=hour, folder=folders["fact_clicks"]))
    connection.execute(_USERS.format(folder=folders["dim_users"]))


def with_bytes(bad: Iterable[tuple[str, int, str]]) -> Iterator[dict[str, str | int | bytes]]:
    """Yield a quarantined row for each (file, line, reason); the files stand together."""
    for name, group in groupby(bad, itemgetter(0)):
        lines = Path(name).read_bytes().split(b"\n")
        for _, number, reason in group:
            yield {"source_object": name, "source_line": number, "reason": reason, "raw_bytes": lines[number - 1]}


if __name__ == "__main__":
    main()
