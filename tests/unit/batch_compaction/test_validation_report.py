import ast
import json
from pathlib import Path

import msgspec

import batch_compaction
from batch_compaction.hours import Change, HourRow, Recorded
from batch_compaction.recount import Anomaly, totals_of
from batch_compaction.validation_report import (
    HourRolledBack,
    RecountedHour,
    ValidationReport,
    anomalies_table,
    audit_key,
    metrics_line,
    rolled_back,
    told,
)
from schemas.instants import HOUR_US, parse_instant_us
from schemas.tables import ANOMALIES

DAY = parse_instant_us("2026-11-24T00:00:00Z")
HOUR = RecountedHour("2026-11-24T10", 10, 7, 6, 2, 1, 1, 3, {"not_json": 2, "too_large": 1}, 4)
BACK = HourRolledBack("2026-11-24T10", 3, "rollback", "2026-11-25T01:00:00.000000Z", "test orders")
REPORT = ValidationReport(
    day="2026-11-24",
    validated_at="2026-11-25T01:30:00.000000Z",
    objects=2,
    waiting=0,
    without_events=[],
    hours=[HOUR, HOUR],
    rolled_back=[BACK],
    anomalies={"fact_missing": 2},
    examples=[],
)
MISSING = Anomaly("fact_missing", DAY + 10 * HOUR_US, "key", 3, "e1", "a row", "none", 120)
NEVER_READ = Anomaly("object_never_read", None, "key", None, None, "5 events", "not in raw_objects")


def test_an_anomaly_is_told_with_all_that_names_it() -> None:
    assert told(MISSING) == "fact_missing 2026-11-24T10 e1 key:3: expected a row, got none"
    assert told(NEVER_READ) == "object_never_read key: expected 5 events, got not in raw_objects"


def test_what_is_not_told_one_by_one_is_counted() -> None:
    other_hour = Anomaly("fact_missing", DAY, "key", 4, "e2", "a row", "none", 1)
    assert totals_of([MISSING, MISSING, other_hour, NEVER_READ, NEVER_READ]) == {
        "fact_missing": 121,
        "object_never_read": 2,
    }


def test_anomalies_are_rows_of_the_day_that_was_recounted() -> None:
    rows = anomalies_table([NEVER_READ, MISSING], DAY, DAY + 30 * HOUR_US)
    assert rows.schema == ANOMALIES.schema
    first, second = rows.to_pylist()
    assert (first["kind"], first["total"], str(first["event_hour"])) == ("fact_missing", 120, "2026-11-24 10:00:00")
    assert (second["event_hour"], second["day"], str(second["found_at"])) == (None, 24, "2026-11-25 06:00:00")
    assert len(anomalies_table([], DAY, DAY)) == 0


def test_the_metrics_are_one_line_that_cloudwatch_reads() -> None:
    line = metrics_line(REPORT, "clickstream", DAY)
    assert b"\n" not in line
    values = json.loads(line)
    [directive] = values["_aws"]["CloudWatchMetrics"]
    assert values["_aws"]["Timestamp"] == DAY // 1000
    assert [values[name] for [name] in directive["Dimensions"]] == ["clickstream"]
    figures = {metric["Name"]: values[metric["Name"]] for metric in directive["Metrics"]}
    assert figures == {
        "ExpectedFacts": 14,
        "Facts": 12,
        "Duplicates": 4,
        "Conflicts": 2,
        "Quarantined": 6,
        "Attestations": 8,
        "Unpublished": 6,
        "HoursRolledBack": 1,
        "Anomalies": 2,
    }


def test_of_an_hour_that_is_rolled_back_its_latest_change_says_since_when_and_by_whom() -> None:
    change = Change(
        reasons=["first"],
        new_lines=3,
        facts_before=0,
        facts=3,
        added=3,
        removed=0,
        replaced=0,
        conflicts=0,
        facts_file="f",
        conflicts_file=None,
    )
    hour_us = DAY + 10 * HOUR_US
    back = msgspec.structs.replace(change, reasons=["rollback"], facts=0, facts_file=None, why="test orders")
    history = [
        Recorded(hour_us, 1, 11, "run", DAY + 12 * HOUR_US, change),
        Recorded(hour_us, 2, 12, "rollback", DAY + 25 * HOUR_US, back),
    ]
    rows = [
        HourRow(hour_us, state, 0, 0, 3, 2, None, hour_us, None, None, "later-run", "test orders", hour_us)
        for state in ("rolled_back", "rolling_back", "held", "published")
    ]
    assert rolled_back(rows, reversed(history), {hour_us: 3}) == [BACK]


def test_an_audit_object_lies_in_the_folder_of_its_day() -> None:
    key = "validations/year=2026/month=11/day=24/2026-11-25T013000.000000Z.json"
    assert audit_key(DAY, REPORT.validated_at) == key


def test_the_recount_shares_no_code_with_the_way_that_compacts() -> None:
    folder = Path(batch_compaction.__file__).parent
    recount = {*(path.stem for path in folder.glob("recount*.py")), "validate", "validation_report"}
    allowed = {f"batch_compaction.{name}" for name in recount} | {
        "batch_compaction.emf",  # writes figures
        "batch_compaction.hours",  # who rolled an hour back, and why
        "batch_compaction.lake_tables",  # reads what is judged
        "batch_compaction.plan",  # when a day is closed, and what held lines are called
        "schemas",
        "schemas.avsc",
        "schemas.errors",
        "schemas.instants",
        "schemas.lake",
        "schemas.tables",
    }
    for name in recount:
        tree = ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))
        modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        ours = {module for module in modules if module.partition(".")[0] in ("batch_compaction", "schemas")}
        assert ours <= allowed, f"{name} imports {ours - allowed}"
