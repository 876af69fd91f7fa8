"""Upkeep of real tables: what a tag, a retained snapshot or a living run needs stays, the rest goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from batch_compaction.lake_tables import parquet_bytes
from batch_compaction.maintain import Maintenance, TableUpkeep, maintain
from batch_compaction.maintain_plan import Retention
from batch_compaction.plan import HourPolicy
from schemas.errors import WorkFailedError
from schemas.instants import DAY_US, SECOND_US
from schemas.tables import FACT_CLICKS, HOUR_CHANGES
from tests.integration.batch_compaction.lakes import ALL_CLOSED, HOUR, TestLake, event
from tests.integration.batch_compaction.rollbacks import back, check_whole, ids

PARTITION = (2026, 11, 24, 10)


def upkeep(
    lake: TestLake,
    now_us: int = 0,
    *,
    keep_us: int = 7 * DAY_US,
    grace_us: int = DAY_US,
    is_dry: bool = False,
    on_step: Callable[[str], None] = lambda _: None,
) -> dict[str, TableUpkeep]:
    """Keep a lake up, as if it were three days from now, and return what it says of each table."""
    retention = Retention(now_us or now() + 3 * DAY_US, keep_us, 90 * DAY_US, grace_us)
    report = maintain(Maintenance(lake.s3, lake.lake, retention, "upkeep", is_dry, on_step))
    return {item.table: item for item in report.tables}


def now() -> int:
    return time.time_ns() // 1000


def next_second() -> int:
    """Wait for it and return it: S3 dates an object by the second."""
    start = (now() // SECOND_US + 1) * SECOND_US
    while now() < start:
        time.sleep(0.01)
    return start


def keys(lake: TestLake) -> set[str]:
    pages = lake.s3.get_paginator("list_objects_v2").paginate(Bucket=lake.settings.curated_bucket)
    return {found["Key"] for page in pages for found in page.get("Contents", ())}


def at_snapshot(lake: TestLake, snapshot_id: int) -> set[str]:
    rows: pa.Table = lake.lake.open(FACT_CLICKS).iceberg.scan(snapshot_id=snapshot_id).to_arrow()
    return set(rows["click_id"].to_pylist())


def test_tags_and_retained_snapshots_stay_readable_and_the_rest_goes(lake: TestLake, tmp_path: Path) -> None:
    lake.put("a", [event("one")])
    lake.compact(run_id="first")
    lake.put("b", [event("two")])
    lake.compact(run_id="second")
    untagged = lake.lake.open(FACT_CLICKS).iceberg.current_snapshot()
    assert untagged is not None
    lake.put("c", [event("three")])
    lake.compact(run_id="third")
    before = lake.contents()
    planned = upkeep(lake, is_dry=True)
    assert lake.contents() == before
    assert upkeep(lake) == planned
    facts = lake.lake.open(FACT_CLICKS).iceberg
    tagged = facts.refs()["day-2026-11-24"].snapshot_id
    assert at_snapshot(lake, untagged.snapshot_id) == {"one", "two"}

    lake.put("d", [event("four")])
    lake.compact(run_id="fourth")
    data = {key for key in keys(lake) if key.endswith(".parquet")}
    told = upkeep(lake, next_second(), keep_us=0, grace_us=0)
    assert told["fact_clicks"].snapshots_expired == 2
    # What was expired just now is kept for the grace: a rollback may be on its way to it.
    assert data <= keys(lake)
    told = upkeep(lake, next_second(), keep_us=0, grace_us=0)
    assert told["fact_clicks"].orphans > 2
    assert len([key for key in data - keys(lake) if key.startswith("fact_clicks/")]) == 2
    assert at_snapshot(lake, tagged) == {"one", "two", "three"}
    assert ids(lake) == {"one", "two", "three", "four"}
    assert len(lake.rows("hour_changes")) == 4
    check_whole(lake, tmp_path)
    assert lake.compact().committed == []


def test_a_file_of_a_dead_run_goes_and_nothing_else(lake: TestLake, tmp_path: Path) -> None:
    lake.put("a", [event("one")])
    lake.compact()
    facts = lake.lake.open(FACT_CLICKS)
    orphan = f"fact_clicks/{facts.address(PARTITION, 'dead.parquet').partition('/fact_clicks/')[2]}"
    upkeep(lake)
    before = keys(lake)
    lake.s3.put_object(Bucket=lake.settings.curated_bucket, Key=orphan, Body=b"PAR1")
    lake.s3.put_object(Bucket=lake.settings.curated_bucket, Key="fact_clicks/notes.txt", Body=b"not ours")
    assert sum(item.orphans for item in upkeep(lake, now()).values()) == 0  # younger than the grace
    assert {name: item.orphans for name, item in upkeep(lake, is_dry=True).items() if item.orphans} == {
        "fact_clicks": 1
    }
    assert orphan in keys(lake)
    upkeep(lake)
    assert keys(lake) == before | {"fact_clicks/notes.txt"}
    assert lake.compact().committed == []
    check_whole(lake, tmp_path)


def test_pieces_of_other_writers_become_one_file_and_manifests_few(lake: TestLake, tmp_path: Path) -> None:
    lake.put("a", [event(f"e{number}", number) for number in range(6)])
    lake.compact()
    facts = lake.lake.open(FACT_CLICKS)
    rows, [whole] = lake.rows("fact_clicks"), facts.paths()
    table = facts.rows()
    pieces = []
    for number in range(3):
        pieces.append(facts.address(PARTITION, f"piece-{number}.parquet"))
        with facts.iceberg.io.new_output(pieces[-1]).create() as stream:
            stream.write(parquet_bytes(table.slice(number * 2, 2), facts.file_schema))
    facts.commit({PARTITION: pieces[0]}, {})
    for piece in pieces[1:]:
        lake.lake.open(FACT_CLICKS).iceberg.add_files([piece], check_duplicate_files=False)
    [change] = lake.rows("hour_changes")
    for day in range(1, 24):  # each commit leaves a manifest
        other = pa.Table.from_pylist([change | {"day": day}], HOUR_CHANGES.schema)
        lake.lake.open(HOUR_CHANGES).replace({(2026, 11, day): other}, {})
    told = upkeep(lake)
    assert told["fact_clicks"].merged_partitions == 1
    assert told["hour_changes"].merged_manifests == 24
    snapshot = lake.lake.open(HOUR_CHANGES).iceberg.current_snapshot()
    assert snapshot is not None and len(snapshot.manifests(facts.iceberg.io)) == 1
    assert lake.lake.open(FACT_CLICKS).paths() == [whole]
    assert lake.rows("fact_clicks") == rows
    lake.compact()
    check_whole(lake, tmp_path)


def test_a_run_beside_an_upkeep_loses_nothing(lake: TestLake, tmp_path: Path) -> None:
    lake.put("a", [event("one")])
    lake.compact()
    ran: list[str] = []

    def interfere(step: str) -> None:
        if step == "tag fact_clicks" and not ran:
            ran.append(step)
            lake.put("b", [event("two")])
            lake.compact(HourPolicy(ALL_CLOSED.now_us))

    upkeep(lake, on_step=interfere)
    assert ran
    assert ids(lake) == {"one", "two"}
    check_whole(lake, tmp_path)


def test_a_version_whose_files_are_gone_is_refused_before_anything_changes(lake: TestLake) -> None:
    lake.put("a", [event("one")])
    lake.compact(run_id="first")
    [first] = lake.lake.open(FACT_CLICKS).paths()
    lake.put("b", [event("two")])
    lake.compact(run_id="second")
    lake.s3.delete_object(
        Bucket=lake.settings.curated_bucket, Key=first.partition(f"{lake.settings.curated_bucket}/")[2]
    )
    before: dict[str, Any] = lake.contents()
    with pytest.raises(WorkFailedError, match="is gone"):
        back(lake, HOUR)
    assert lake.contents() == before
