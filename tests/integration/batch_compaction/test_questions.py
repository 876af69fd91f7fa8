"""Five questions of an analyst: pyiceberg, DuckDB on the files and a recount of the raw lines answer alike."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest
from pyiceberg.catalog.glue import GlueCatalog

from producers.shop.simulation import simulate
from producers.shop.visitors import Visitors
from schemas.codec import encode
from schemas.instants import HOUR_US
from schemas.lake import RAW_PREFIX
from schemas.tables import FACT_CLICKS
from tests.integration.batch_compaction.lakes import HOUR, TestLake

Answer = dict[Any, Any]
_TOP = 10
_BROKEN = [b"{broken", b"", b"[1]", b'{"user_id": "u"}', b'{"event_id": "x", "user_id": "", "session_id": "s"}']

QUESTIONS = {
    "events by type and hour": """
        SELECT (event_type, date_trunc('hour', event_timestamp)), count(*) FROM facts GROUP BY 1""",
    "revenue by day and currency": """
        SELECT (event_timestamp::DATE, metadata['currency']), sum(metadata['amount_minor']::BIGINT) FROM facts
        WHERE event_type = 'purchase' GROUP BY 1""",
    "top pages": f"""
        SELECT page_url, count(*) FROM facts WHERE page_url IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {_TOP}""",
    "users by hour": "SELECT date_trunc('hour', event_timestamp), count(DISTINCT user_id) FROM facts GROUP BY 1",
    "conversion of sessions": """
        SELECT 'sessions', count(DISTINCT session_id) FROM facts
        UNION ALL SELECT 'bought', count(DISTINCT session_id) FROM facts WHERE event_type = 'purchase'""",
}


def recounted(rows: Iterable[dict[str, Any]]) -> dict[str, Answer]:
    """Return the answers, row by row; rows have the names of the facts."""
    events: Counter[Any] = Counter()
    revenue: Counter[Any] = Counter()
    pages: Counter[Any] = Counter()
    users, sessions = defaultdict(set), defaultdict(set)
    for row in rows:
        hour = row["event_timestamp"].replace(minute=0, second=0, microsecond=0)
        events[row["event_type"], hour] += 1
        users[hour].add(row["user_id"])
        sessions["sessions"].add(row["session_id"])
        if row["page_url"]:
            pages[row["page_url"]] += 1
        if row["event_type"] == "purchase":
            metadata = dict(row["metadata"])
            revenue[row["event_timestamp"].date(), metadata["currency"]] += int(metadata["amount_minor"])
            sessions["bought"].add(row["session_id"])
    top = sorted(pages.items(), key=lambda item: (-item[1], item[0]))[:_TOP]
    return {
        "events by type and hour": dict(events),
        "revenue by day and currency": dict(revenue),
        "top pages": dict(top),
        "users by hour": {hour: len(some) for hour, some in users.items()},
        "conversion of sessions": {name: len(some) for name, some in sessions.items()},
    }


def rows_of_raw(lake: TestLake) -> Iterable[dict[str, Any]]:
    """Yield the events of the raw objects, of each id and hour the first; with nothing but the standard library."""
    bucket = lake.settings.raw_bucket
    listing = lake.s3.list_objects_v2(Bucket=bucket, Prefix=RAW_PREFIX)["Contents"]
    seen = set()
    for key in sorted(item["Key"] for item in listing):
        body = gzip.decompress(lake.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        for line in body.split(b"\n"):
            try:
                event = json.loads(line)
                at = datetime.fromisoformat(event["event_timestamp"]).astimezone(UTC).replace(tzinfo=None)
                identity = event["event_id"], at.replace(minute=0, second=0, microsecond=0)
            except (ValueError, TypeError, KeyError):
                continue
            if identity not in seen:
                seen.add(identity)
                defaults: dict[str, Any] = {"page_url": None, "metadata": {}}
                yield defaults | event | {"event_timestamp": at}


@pytest.fixture
def busy_lake(lake: TestLake) -> TestLake:
    """Hours of a shop until past midnight, compacted in three runs, with late, broken and repeated lines."""
    rng = Random(11)
    end_us = HOUR + 15 * HOUR_US
    lines = [encode(event) for event in simulate(Visitors(3_000, 200, end_us, 5 * HOUR_US // 2), seed=11)]
    lines += rng.choices(lines, k=150) + _BROKEN
    rng.shuffle(lines)
    for number in range(3):
        lake.put(f"o{2 - number}", lines[number::3], end_us)
        assert not lake.compact().held
    return lake


def test_all_give_the_same_answers(busy_lake: TestLake, tmp_path: Path) -> None:
    expected = recounted(rows_of_raw(busy_lake))
    assert all(expected.values()) and len(expected["users by hour"]) == 3
    assert len({day for day, _ in expected["revenue by day and currency"]}) == 2

    endpoint = busy_lake.environment["AWS_ENDPOINT_URL"]
    options = {"glue.endpoint": endpoint, "s3.endpoint": endpoint, "client.region": "us-east-1"}
    table = GlueCatalog("plain", client=None, **options).load_table(f"{busy_lake.settings.database}.fact_clicks")
    assert recounted(table.scan().to_arrow().to_pylist()) == expected

    bucket = busy_lake.settings.curated_bucket
    for number, path in enumerate(busy_lake.lake.open(FACT_CLICKS).paths()):
        busy_lake.s3.download_file(bucket, path.removeprefix(f"s3://{bucket}/"), f"{tmp_path}/{number}.parquet")
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW facts AS SELECT * FROM read_parquet('{tmp_path}/*.parquet')")
        answers = {name: dict(connection.execute(query).fetchall()) for name, query in QUESTIONS.items()}
    assert answers == expected
