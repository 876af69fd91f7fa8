"""Compaction on real Iceberg tables in the emulated Glue catalog."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from botocore.exceptions import ClientError
from pyiceberg.catalog.glue import GlueCatalog

from batch_compaction.lake_tables import open_lake
from batch_compaction.limits import QualityLimits
from batch_compaction.plan import HourPolicy
from batch_compaction.report import RunReport
from batch_compaction.verdicts import Acceptance
from bench.compaction_place import files_without_runs
from schemas.codec import encode
from schemas.errors import WorkFailedError
from schemas.event import ClickEvent
from schemas.instants import HOUR_US, SECOND_US
from schemas.tables import DIM_USERS, FACT_CLICKS
from tests.attestations import attestation_line
from tests.integration.batch_compaction.dying import compaction
from tests.integration.batch_compaction.lakes import ALL_CLOSED, HOUR, TestLake, event
from tests.user_query import users_of

EVENTS = [event(f"e{number}", minute=number % 60, user_id=f"u{number % 7}") for number in range(100)]
STEPS = [
    "find raw objects",
    "read ",
    "merge ",
    "check ",
    "publish quarantine",
    "publish attestations",
    "publish conflicts",
    "publish user_hours",
    "publish dim_users",
    "publish dim_users_history",
    "publish fact_clicks",
    "publish hour_changes",
    "publish hours",
    "publish dq_results",
    "publish raw_objects",
]
ARCHITECTURE = Path(__file__).parents[3] / "docs" / "architecture.md"
HOUR_TABLES = [
    "user_hours",
    "dim_users",
    "dim_users_history",
    "fact_clicks",
    "hour_changes",
    "hours",
    "dq_results",
    "raw_objects",
]


def test_every_line_ends_in_one_place_and_the_counts_say_so(lake: TestLake) -> None:
    lake.put("a", [*EVENTS, b"{broken", b"", attestation_line()])
    lake.put("b", [*EVENTS[:10], event("e5", minute=5, user_id="someone else"), b"[]"])
    report = lake.compact()
    assert len(lake.rows("fact_clicks")) == 100
    assert [row["click_id"] for row in lake.rows("conflicts")] == ["e5"]
    assert Counter(row["reason"] for row in lake.rows("quarantine")) == {"not_json": 1, "not_an_object": 1}
    assert report.duplicates == 10
    assert len(lake.rows("attestations")) == report.attestations == 1
    others = sum(report.quarantined.values()) + report.attestations + report.blank
    assert report.lines == 115 == report.accepted + others
    assert report.accepted == 100 + report.duplicates + len(lake.rows("conflicts"))
    assert report.committed == ["quarantine", "attestations", "conflicts", *HOUR_TABLES]


def test_the_architecture_names_the_tables_in_the_order_of_their_commits() -> None:
    [said] = re.findall(r"committed in this order: (.*?)\. Each", ARCHITECTURE.read_text(encoding="utf-8"), re.DOTALL)
    assert [f"publish {name}" for name in re.findall(r"`(\w+)`", said)] == STEPS[4:]


def test_a_run_says_since_when_an_hour_waits_and_how_long_before_it_that_was(lake: TestLake) -> None:
    lake.put("a", [event("1"), event("1"), event("next", hour_us=HOUR + HOUR_US)])
    strict = QualityLimits(min_lines=1, max_duplicate_ratio=0.1, blocking=("duplicate_ratio",))
    now = HourPolicy(HOUR + 3 * HOUR_US + 1500 * SECOND_US)
    held = lake.compact(now, limits=strict)
    assert (held.published_through, held.published_through_age_s) == ("2026-11-24T10:00:00.000000Z", 3 * 3600 + 1500)
    published = lake.compact(now)
    assert (published.published_through, published.published_through_age_s) == ("2026-11-24T13:00:00.000000Z", 1500)


def test_a_second_run_commits_nothing(lake: TestLake) -> None:
    lake.put("a", [*EVENTS, b"{broken"])
    lake.compact()
    before = lake.snapshots()
    assert lake.compact().committed == []
    assert lake.snapshots() == before


def test_late_data_repairs_its_hour_and_no_other(lake: TestLake) -> None:
    lake.put("a", EVENTS)
    lake.put("b", [event("next", hour_us=HOUR + HOUR_US)], HOUR + HOUR_US)
    lake.compact()
    kept = lake.lake.open(FACT_CLICKS).paths([(2026, 11, 24, 11)])
    lake.put("c", [event("late", minute=59, user_id="u1"), EVENTS[0]], HOUR + 5 * HOUR_US)
    report = lake.compact()
    assert [(hour.hour, hour.facts_before, hour.facts, hour.duplicates) for hour in report.hours] == [
        ("2026-11-24T10", 100, 101, 1)
    ]
    assert lake.lake.open(FACT_CLICKS).paths([(2026, 11, 24, 11)]) == kept
    assert len(lake.rows("fact_clicks")) == 102


def test_the_users_are_a_function_of_the_facts_after_late_data_too(lake: TestLake) -> None:
    lake.put(
        "a", [event("1", user_id="u", device_type="mobile", metadata={"country": "DE", "signup_date": "2020-02-30"})]
    )
    lake.put("b", [event("2", user_id="u", hour_us=HOUR + HOUR_US, device_type="desktop", metadata={"country": "FR"})])
    lake.compact()
    late = [
        event(
            "3", minute=1, user_id="u", device_type="desktop", metadata={"country": "IT", "signup_date": "2020-02-29"}
        )
    ]
    lake.put("c", late)
    lake.compact()
    [user] = lake.rows("dim_users")
    assert (user["country"], str(user["signup_date"]), user["events"]) == ("FR", "2020-02-29", 3)
    assert user["device_preferences"] == ["desktop", "mobile"]
    facts = lake.lake.open(FACT_CLICKS).rows()
    assert users_of(facts).to_pylist() == [user]


def test_open_hours_wait_and_are_published_once_they_close(lake: TestLake) -> None:
    lake.put("a", [event("closed", hour_us=HOUR - HOUR_US), event("open")])
    now = HOUR + HOUR_US
    assert lake.compact(HourPolicy(now)).unpublished == 1
    assert lake.compact(HourPolicy(now)).committed == []
    assert [row["click_id"] for row in lake.rows("fact_clicks")] == ["closed"]
    assert [hour["state"] for hour in lake.rows("raw_objects")[0]["hours"]] == ["published", "open"]
    assert lake.compact(HourPolicy(now + HOUR_US)).committed == HOUR_TABLES
    assert {row["click_id"] for row in lake.rows("fact_clicks")} == {"closed", "open"}
    assert lake.compact(ALL_CLOSED).committed == []


def test_only_the_hour_that_is_asked_for_is_published(lake: TestLake) -> None:
    lake.put("a", [event("one"), event("other", hour_us=HOUR - HOUR_US)])
    lake.compact(HourPolicy(ALL_CLOSED.now_us, only=frozenset({HOUR})))
    assert [row["click_id"] for row in lake.rows("fact_clicks")] == ["one"]
    lake.compact()
    assert len(lake.rows("fact_clicks")) == 2


def test_of_a_truncated_gzip_whole_lines_are_kept_and_the_rest_is_quarantined(lake: TestLake) -> None:
    body = gzip.compress(b"".join(encode(each) + b"\n" for each in EVENTS), mtime=0)
    lake.put_body("cut.json.gz", body[: len(body) * 2 // 3])
    lake.put_body("noise.json.gz", b"\x1f\x8b" + bytes(range(256)))
    report = lake.compact()
    assert report.quarantined == {"damaged_object": 2}
    assert 0 < len(lake.rows("fact_clicks")) < 100
    assert lake.compact().committed == []


def test_an_event_of_300_kib_is_quarantined_with_its_bytes(lake: TestLake) -> None:
    large = encode(event("large", page_url="x" * 300 * 1024))
    lake.put("a", [large, EVENTS[0]])
    lake.compact()
    [row] = lake.rows("quarantine")
    assert (row["reason"], row["raw_bytes"]) == ("too_large", large)


def test_equal_input_gives_equal_rows_in_equal_files(lake: TestLake) -> None:
    settings = replace(
        lake.settings, curated_bucket=f"{lake.settings.curated_bucket}-2", database=f"{lake.settings.database}_2"
    )
    other = TestLake(settings, lake.environment)
    lake.s3.create_bucket(Bucket=other.settings.curated_bucket)
    lake.put("b", [*EVENTS[50:], b"{broken", attestation_line()])
    lake.compact()
    lake.put("a", [*EVENTS[:60], attestation_line()])
    lake.compact()
    other.compact()
    assert data_files(lake) == data_files(other)
    assert len(data_files(lake)) == 7  # no conflicts here


def data_files(lake: TestLake) -> dict[str, bytes]:
    """Return key -> file of every table, without what tells of runs."""
    bucket = lake.settings.curated_bucket
    root = f"s3://{bucket}/"

    def body_of(path: str) -> bytes:
        return lake.s3.get_object(Bucket=bucket, Key=path.removeprefix(root))["Body"].read()

    files = files_without_runs(lake.lake.find(), body_of)
    return {path.removeprefix(root): body for path, body in files.items()}


def test_plain_pyiceberg_and_duckdb_on_the_files_read_the_same(lake: TestLake, tmp_path: Path) -> None:
    lake.put("a", EVENTS)
    lake.compact()
    endpoint = lake.environment["AWS_ENDPOINT_URL"]
    catalog = GlueCatalog(
        "plain", client=None, **{"glue.endpoint": endpoint, "s3.endpoint": endpoint, "client.region": "us-east-1"}
    )
    table = catalog.load_table(f"{lake.settings.database}.fact_clicks")
    assert table.scan().to_arrow().num_rows == 100
    assert table.scan(row_filter="hour = 10 and user_id = 'u3'").to_arrow().num_rows == 14
    assert [field.name for field in table.spec().fields] == ["year", "month", "day", "hour"]
    for name, body in data_files(lake).items():
        if name.startswith("fact_clicks/year=2026/month=11/day=24/hour=10/"):
            (tmp_path / "facts.parquet").write_bytes(body)
    [(count, users)] = duckdb.sql(
        f"SELECT count(*), count(DISTINCT user_id) FROM '{tmp_path}/facts.parquet'"
    ).fetchall()
    assert (count, users) == (100, 7)


def hour_for(step: str) -> int:
    """Return an hour of which only the run that is killed at this step finds something new."""
    return HOUR - 2 * STEPS.index(step) * HOUR_US


def name_for(step: str) -> str:
    """Return what objects, ids and users of its hour begin with."""
    return f"step-{STEPS.index(step):02}-"


def events_for(step: str) -> list[ClickEvent]:
    """Return events of its hour."""
    name, hour_us = name_for(step), hour_for(step)
    return [event(f"{name}{number}", number % 60, hour_us, user_id=f"{name}{number % 7}") for number in range(100)]


@pytest.fixture(scope="module")
def published(make_lake: Callable[[], TestLake]) -> TestLake:
    """A lake in which the first events of each step's hour are published."""
    lake = make_lake()
    for step in STEPS:
        lake.put(f"{name_for(step)}a", [*events_for(step)[:60], b"{broken", attestation_line()], hour_for(step))
    lake.compact()
    return lake


@pytest.mark.parametrize("step", STEPS)
def test_a_run_killed_at_any_step_is_simply_run_again(
    published: TestLake, kill: Callable[..., None], step: str
) -> None:
    name, hour_us, events = name_for(step), hour_for(step), events_for(step)
    conflict = event(f"{name}1", 1, hour_us, user_id=f"{name}other")
    before = event(f"{name}before", hour_us=hour_us - HOUR_US, user_id=f"{name}0")
    attestation = attestation_line(first_seq=20, last_seq=29)
    published.put(f"{name}b", [*events[30:], conflict, b"[]", before, attestation], hour_us)
    kill(published, compaction, step)
    published.compact()

    of_step = partial(published.rows, hours=[hour_us, hour_us - HOUR_US])
    assert sorted(row["click_id"] for row in of_step("fact_clicks")) == sorted(e.event_id for e in [*events, before])
    assert [row["user_id"] for row in of_step("conflicts")] == [f"{name}other"]
    assert sorted(row["reason"] for row in of_step("quarantine")) == ["not_an_object", "not_json"]
    assert sorted(row["first_seq"] for row in of_step("attestations")) == [10, 20]
    assert sum(row["events"] for row in published.rows("dim_users") if row["user_id"].startswith(name)) == 101
    assert published.compact().committed == []


def test_two_runs_at_once_lose_nothing_and_double_nothing(lake: TestLake) -> None:
    for number in range(4):
        lake.put(f"o{number}", [*EVENTS[number * 25 : number * 25 + 30], b"{broken"])
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "batch_compaction.entry", "compact", "--all", "--reconcile"],
            env=lake.environment | lake.settings.as_environment(),
            cwd=Path(__file__).parents[3],
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    for process in runs:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()
    assert sorted(row["click_id"] for row in lake.rows("fact_clicks")) == sorted(each.event_id for each in EVENTS)
    assert len(lake.rows("quarantine")) == 4
    assert lake.compact().committed == []


def test_another_commit_in_between_makes_the_run_plan_again(lake: TestLake) -> None:
    lake.put("a", EVENTS[:50])
    steps: list[str] = []

    def interfere(step: str) -> None:
        if step == "publish fact_clicks" and not any(step.startswith("another") for step in steps):
            lake.put("b", EVENTS[50:])
            steps.append("another run begins")
            lake.compact()
        steps.append(step)

    report = lake.compact(on_step=interfere)
    assert "another run committed first: planning again" in steps
    assert report.committed == []
    assert len(lake.rows("fact_clicks")) == 100


@pytest.mark.parametrize(
    ("step", "operation"),
    [
        ("read ", "s3.GetObject"),
        ("publish fact_clicks", "s3.CreateMultipartUpload"),
        ("publish raw_objects", "glue.UpdateTable"),
    ],
)
def test_a_service_error_fails_the_run_and_the_next_one_is_right(
    lake: TestLake, emulator: Any, monkeypatch: pytest.MonkeyPatch, step: str, operation: str
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    lake = TestLake(lake.settings, dict(os.environ))
    lake.put("a", [*EVENTS[:50], b"{broken"])
    lake.compact()
    lake.put("b", [*EVENTS[50:], b"{broken"])

    def fail_from(current: str) -> None:
        if current.startswith(step):
            emulator.inject(**{operation: {"error": "InternalFailure", "times": 100}})

    try:
        with pytest.raises((OSError, ClientError, WorkFailedError)):
            lake.compact(on_step=fail_from)
    finally:
        emulator.clear_faults()
    lake.compact()
    assert len(lake.rows("fact_clicks")) == 100
    assert len(lake.rows("quarantine")) == 2
    assert lake.compact().committed == []


@pytest.mark.parametrize(
    "fields",
    [
        {"metadata": {"signup_date": "infinity"}},
        {"metadata": {"signup_date": "99999-01-01"}},
        {"metadata": {"signup_date": "0044-03-15 (BC)"}},
        {"user_id": "\ud7ff" * 20},
        {"page_url": "x" * 15 + "\ud7ff" + "y"},
        {"session_id": "\u0000"},
        {"metadata": {"": "", "\u0000": "\U0010ffff" * 20}},
    ],
    ids=repr,
)
def test_no_accepted_event_stops_the_others(lake: TestLake, fields: dict[str, Any]) -> None:
    lake.put("a", [event("odd", **fields), event("plain", minute=1)])
    lake.compact()
    assert {row["click_id"] for row in lake.rows("fact_clicks")} == {"odd", "plain"}
    assert {row["signup_date"] for row in lake.rows("dim_users")} == {None}


def test_an_hour_that_fails_a_check_is_held_until_somebody_accepts_it(lake: TestLake) -> None:
    bad = event("bad", hour_us=HOUR - HOUR_US)
    lake.put("a", [event("good"), bad, bad])
    strict = QualityLimits(min_lines=1, max_duplicate_ratio=0.1, blocking=("duplicate_ratio",))
    report = lake.compact(limits=strict)
    assert list(report.held) == ["2026-11-24T09"]
    assert [row["click_id"] for row in lake.rows("fact_clicks")] == ["good"]
    assert sum(row["events"] for row in lake.rows("dim_users")) == 1
    assert lake.compact(limits=strict).held == report.held
    assert [hour["state"] for hour in lake.rows("raw_objects")[0]["hours"]] == ["held", "published"]

    why = Acceptance(frozenset({"duplicate_ratio"}), frozenset({HOUR - HOUR_US}), "the shop sent it twice")
    assert lake.compact(limits=strict, acceptance=why).held == {}
    assert {row["click_id"] for row in lake.rows("fact_clicks")} == {"good", "bad"}
    assert sum(row["events"] for row in lake.rows("dim_users")) == 2
    judged = [row for row in lake.rows("dq_results") if row["verdict"] == "failed"]
    assert {row["check_name"] for row in judged} == {"duplicate_ratio"}
    assert judged[-1]["accepted_why"] == "the shop sent it twice"


def test_an_object_that_is_overwritten_is_told_and_what_was_read_stays(lake: TestLake) -> None:
    key = lake.put("a", EVENTS[:2])
    lake.compact()
    lake.put("a", EVENTS[2:4])
    report = lake.compact()
    assert report.overwritten == [key]
    assert report.committed == []
    assert {row["click_id"] for row in lake.rows("fact_clicks")} == {"e0", "e1"}


def test_runs_over_different_hours_that_overlap_leave_the_users_right(lake: TestLake) -> None:
    lake.put("a", [event("one", user_id="u1"), event("other", user_id="u2", hour_us=HOUR - HOUR_US)])
    second_is_ready, first_is_done = Event(), Event()

    def second() -> RunReport:
        def wait_before_facts(step: str) -> None:
            if step == "publish fact_clicks":
                second_is_ready.set()
                assert first_is_done.wait(60)

        return lake.compact(HourPolicy(ALL_CLOSED.now_us, only=frozenset({HOUR})), wait_before_facts)

    with ThreadPoolExecutor() as threads:
        results = []

        def let_the_second_overtake(step: str) -> None:
            if step == "publish fact_clicks":  # its users are committed, its facts are not
                results.append(threads.submit(second))
                assert second_is_ready.wait(60)

        lake.compact(on_step=let_the_second_overtake)
        first_is_done.set()
        results[0].result(60)
    assert {row["user_id"]: row["events"] for row in lake.rows("dim_users")} == {"u1": 1, "u2": 1}
    assert len(lake.rows("fact_clicks")) == 2
    assert lake.compact().committed == []


def test_the_tables_say_who_committed_what(lake: TestLake) -> None:
    lake.put("a", EVENTS)
    lake.compact()
    snapshot = open_lake(lake.settings, lake.environment).open(FACT_CLICKS).iceberg.current_snapshot()
    assert snapshot is not None and snapshot.summary is not None
    assert snapshot.summary["clickstream.run-id"] == "a-run"
    assert snapshot.summary["clickstream.hours"] == "2026-11-24T10"
    assert isinstance(lake.lake.open(DIM_USERS).rows(), pa.Table)
