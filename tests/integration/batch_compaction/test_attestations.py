"""Attestations among the events: kept once a line, beside the facts and the quarantine, whatever becomes of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from batch_compaction import attestation_hours
from batch_compaction.lake_tables import parquet_bytes
from batch_compaction.plan import HourPolicy
from bench.compaction_place import STRICT
from schemas.codec import encode
from schemas.instants import DAY_US, HOUR_US, us_to_timestamp
from schemas.tables import ATTESTATIONS
from tests.attestations import attestation_line
from tests.integration.batch_compaction.dying import compaction
from tests.integration.batch_compaction.lakes import ALL_CLOSED, HOUR, TestLake, event
from tests.integration.batch_compaction.rollbacks import back
from tests.integration.batch_compaction.test_maintain import upkeep
from tests.integration.batch_compaction.test_validate import recounted, tamper

EVENTS = [event(f"e{number}", minute=number, user_id=f"u{number % 3}") for number in range(10)]
FIRST = attestation_line(first_seq=0, last_seq=9)
LAST = attestation_line(is_last=True)
PLACE = ("source_object", "source_line")
# What depends on the objects alone.
KEPT = ("fact_clicks", "conflicts", "dim_users", "attestations", "raw_objects")


def told(lake: TestLake) -> list[tuple[int, bool, str, int]]:
    """Return the rows, each as the first number that it attests, whether it is the last, object and line."""
    rows = lake.rows("attestations", "first_seq", "is_last", *PLACE)
    return [
        (row["first_seq"], row["is_last"], row["source_object"].rpartition("/")[2], row["source_line"]) for row in rows
    ]


def equations(lake: TestLake) -> list[tuple[int, ...]]:
    """Return lines, accepted, quarantined, attestations and blank of every object, which have to add up."""
    names = ("lines", "accepted", "quarantined", "attestations", "blank")
    counts = [tuple(row.values()) for row in lake.rows("raw_objects", *names)]
    assert all(lines == sum(places) for lines, *places in counts)
    return counts


def test_an_attestation_is_kept_once_and_is_neither_a_fact_nor_quarantined(lake: TestLake, tmp_path: Path) -> None:
    lake.put("a", [*EVENTS, FIRST, b"{broken", b"", LAST])
    report = lake.compact()
    assert (report.accepted, report.quarantined, report.attestations, report.blank) == (10, {"not_json": 1}, 2, 1)
    assert equations(lake) == [(14, 10, 1, 2, 1)]
    assert told(lake) == [(0, False, "a.json.gz", 11), (10, True, "a.json.gz", 14)]
    assert {row["send_hour"] for row in lake.rows("attestations", "send_hour")} == {us_to_timestamp(HOUR)}
    assert len(lake.rows("fact_clicks")) == 10
    assert sum(row["events"] for row in lake.rows("dim_users")) == 10
    assert lake.compact().committed == []
    counted, anomalies = recounted(lake, tmp_path)
    assert anomalies == []
    assert [hour.attestations for hour in counted.hours] == [2]


def test_objects_of_others_and_objects_of_nothing_else_are_read_alike(lake: TestLake, tmp_path: Path) -> None:
    lake.put("only", [FIRST])
    lake.put_body("array.json", b"[" + encode(EVENTS[0]) + b", " + LAST + b"]", HOUR + HOUR_US)
    assert lake.compact().attestations == 2
    assert told(lake) == [(0, False, "only.json.gz", 1), (10, True, "array.json", 2)]
    assert equations(lake) == [(1, 0, 0, 1, 0), (2, 1, 0, 1, 0)]
    assert recounted(lake, tmp_path)[1] == []


def test_what_is_delivered_again_is_there_again_and_harms_nothing(lake: TestLake, tmp_path: Path) -> None:
    lake.put("a", [*EVENTS, FIRST])
    lake.compact()
    lake.put("b", [*EVENTS, FIRST])
    lake.put("late", [*EVENTS, FIRST], HOUR + 2 * HOUR_US)
    lake.compact()
    assert [name for _, _, name, _ in told(lake)] == ["a.json.gz", "b.json.gz", "late.json.gz"]
    said = [
        {key: value for key, value in row.items() if key not in (*PLACE, "hour")} for row in lake.rows("attestations")
    ]
    assert said[0] == said[1] == said[2]
    assert len(lake.rows("fact_clicks")) == 10
    assert recounted(lake, tmp_path)[1] == []


def lives(lake: TestLake, kill: Callable[..., None], life: str) -> None:
    """Live a life over the same objects."""
    if life == "killed before":
        kill(lake, compaction, "publish attestations")
    elif life == "killed behind":
        kill(lake, compaction, "publish conflicts")
    elif life == "killed at the end":
        kill(lake, compaction, "publish raw_objects")
    elif life == "waits":
        lake.compact(HourPolicy(HOUR))
        assert len(told(lake)) == 2, "the hour is open, its object was read"
    elif life == "held":
        assert lake.compact(limits=STRICT).held
        assert len(told(lake)) == 2
    elif life == "rolled back":
        lake.compact()
        back(lake, HOUR)
        assert (len(told(lake)), lake.rows("fact_clicks")) == (2, [])
        lake.compact(HourPolicy(ALL_CLOSED.now_us, only=frozenset({HOUR})), redo=True)


@pytest.mark.parametrize(
    "life", ["killed before", "killed behind", "killed at the end", "waits", "held", "rolled back"]
)
def test_whatever_becomes_of_a_run_the_end_is_the_same(lake: TestLake, kill: Callable[..., None], life: str) -> None:
    settings = replace(
        lake.settings, curated_bucket=f"{lake.settings.curated_bucket}-2", database=f"{lake.settings.database}_2"
    )
    once = TestLake(settings, lake.environment)
    lake.s3.create_bucket(Bucket=settings.curated_bucket)
    lake.put("a", [*EVENTS, EVENTS[0], FIRST, b"{broken", LAST])
    once.compact()
    lives(lake, kill, life)
    lake.compact()
    assert {name: lake.rows(name) for name in KEPT} == {name: once.rows(name) for name in KEPT}
    assert lake.compact().committed == []


def test_an_object_that_was_overwritten_while_a_run_died_leaves_what_it_holds_by_then(
    lake: TestLake, kill: Callable[..., None]
) -> None:
    lake.put("a", [*EVENTS, FIRST, LAST])
    lake.put("b", [LAST])
    kill(lake, compaction, "publish conflicts")
    assert len(told(lake)) == 3
    lake.put("a", [*EVENTS, b"{no longer"])
    lake.compact()
    assert told(lake) == [(10, True, "b.json.gz", 1)]
    lake.put("c", [FIRST])
    kill(lake, compaction, "publish raw_objects")
    lake.put("c", [b"{no longer"])
    lake.compact()
    assert told(lake) == [(10, True, "b.json.gz", 1)]


def test_an_hour_that_does_not_fit_into_memory_has_the_same_file(
    lake: TestLake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = [attestation_line(producer_id=f"p{seq % 7}", first_seq=seq, last_seq=seq + 9) for seq in range(100)]
    lake.put("a", lines[:50])
    lake.compact()
    lake.put("b", lines[50:])
    monkeypatch.setattr(attestation_hours, "_ROW_BYTES", 1 << 40)
    lake.compact()
    table = lake.lake.open(ATTESTATIONS)
    [path] = table.paths()
    rows = table.rows()
    assert rows.equals(rows.sort_by([(name, "ascending") for name in ATTESTATIONS.order]))
    key = path.removeprefix(f"s3://{lake.settings.curated_bucket}/")
    body = lake.s3.get_object(Bucket=lake.settings.curated_bucket, Key=key)["Body"].read()
    assert body == parquet_bytes(rows, table.file_schema)


def test_what_another_program_left_in_several_files_is_put_together_by_upkeep(lake: TestLake) -> None:
    lake.put("a", [*EVENTS, FIRST, LAST])
    lake.compact()
    before, paths = lake.rows("attestations"), lake.lake.open(ATTESTATIONS).paths()
    iceberg = lake.lake.open(ATTESTATIONS).iceberg
    rows: pa.Table = iceberg.scan().to_arrow()
    iceberg.delete()
    for row in range(2):
        iceberg.append(rows.slice(row, 1))
    assert upkeep(lake)["attestations"].merged_partitions == 1
    assert (lake.rows("attestations"), lake.lake.open(ATTESTATIONS).paths()) == (before, paths)


def without_first(rows: pa.Table) -> pa.Table:
    return rows.slice(1)


def with_first_twice(rows: pa.Table) -> pa.Table:
    return pa.concat_tables([rows.slice(0, 1), rows])


def with_another_digest(rows: pa.Table) -> pa.Table:
    values: list[dict[str, Any]] = rows.to_pylist()
    values[0] |= {"digest": "f" * 32}
    return pa.Table.from_pylist(values, schema=rows.schema)


@pytest.mark.parametrize(
    ("change", "kind", "got"),
    [
        (without_first, "attestation_missing", "none"),
        (with_first_twice, "attestation_doubled", "2 rows"),
        (with_another_digest, "attestation_changed", "another content"),
    ],
)
def test_an_attestation_that_was_tampered_with_is_named(
    lake: TestLake, tmp_path: Path, change: Callable[[pa.Table], pa.Table], kind: str, got: str
) -> None:
    lake.put("a", [*EVENTS, FIRST, LAST])
    lake.compact()
    tamper(lake, ATTESTATIONS, change)
    _, [found] = recounted(lake, tmp_path)
    assert (found.kind, found.hour_us, found.source_line, found.got) == (kind, HOUR, 11, got)


def test_an_attestation_that_no_run_has_read_is_an_anomaly(lake: TestLake, tmp_path: Path) -> None:
    lake.put("a", EVENTS)
    lake.compact()
    key = lake.put("b", [FIRST])
    _, [found] = recounted(lake, tmp_path)
    assert (found.kind, found.source_object) == ("object_never_read", key)
    lake.put("later", [LAST], HOUR + 30 * DAY_US)
    assert len(recounted(lake, tmp_path)[1]) == 1
