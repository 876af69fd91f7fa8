"""A day of real tables in the emulated catalog, recounted: what was tampered with is found and named."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from typer.testing import CliRunner

import clickstream
from batch_compaction.plan import HourPolicy
from batch_compaction.recount import Anomaly
from batch_compaction.validate import Validation, publish, validate
from batch_compaction.validation_report import ValidationReport
from schemas.codec import encode
from schemas.errors import ConfigError, WorkFailedError
from schemas.instants import DAY_US, HOUR_US, parse_instant_us
from schemas.tables import CONFLICTS, FACT_CLICKS, QUARANTINE, RAW_OBJECTS, Table
from tests.integration.batch_compaction.lakes import HOUR, TestLake, event
from tests.integration.batch_compaction.rollbacks import DiedError, back

DAY = parse_instant_us("2026-11-24T00:00:00Z")
NOW = DAY + 3 * DAY_US
EVENTS = [event(f"e{number}", minute=number % 60, user_id=f"u{number % 3}") for number in range(30)]


@pytest.fixture
def day(lake: TestLake) -> TestLake:
    """A day with duplicates, a conflict, late events, other days, an array, a torn gzip and lines that are no event."""
    lake.put("a", [*EVENTS, b"{broken", b"", b'{"user_id":"u"}'])
    lake.put("b", [*EVENTS[:5], event("e5", minute=5, user_id="another"), event("next", hour_us=HOUR + HOUR_US)])
    lake.put("late", [event("late", minute=3), event("tomorrow", hour_us=HOUR + DAY_US)], HOUR + DAY_US)
    lake.put("other-day", [event("other", hour_us=HOUR + DAY_US)], HOUR + DAY_US)
    lake.put_body("array.json", b"[" + b", ".join(map(encode, EVENTS[28:])) + b"]")
    body = gzip.compress(b"".join(encode(each) + b"\n" for each in EVENTS), mtime=0)
    lake.put_body("torn.json.gz", body[: len(body) * 2 // 3])
    lake.compact(HourPolicy(NOW))
    return lake


def run_of(lake: TestLake, scratch: Path, thorough: bool = False) -> Validation:
    folder = scratch / str(len(list(scratch.iterdir())))
    folder.mkdir()
    return Validation(lake.s3, lake.settings.raw_bucket, lake.lake, DAY, NOW, folder, thorough, lambda _: None)


def recounted(lake: TestLake, scratch: Path, thorough: bool = False) -> tuple[ValidationReport, list[Anomaly]]:
    return validate(run_of(lake, scratch, thorough))


def tamper(lake: TestLake, table: Table, change: Callable[[pa.Table], pa.Table], hour: int = 10) -> None:
    opened = lake.lake.open(table)
    partition = (2026, 11, 24, hour)[: len(table.partition)]
    assert opened.replace({partition: change(opened.dataset([partition]).to_table())}, {})


def test_a_day_that_is_right_has_no_anomaly_and_its_counts(day: TestLake, tmp_path: Path) -> None:
    report, anomalies = recounted(day, tmp_path)
    assert [str(item) for item in anomalies] == []
    assert report.objects == 5
    ten, eleven = report.hours
    assert (ten.hour, ten.facts, ten.expected_facts, ten.conflicts, ten.expected_conflicts) == (
        "2026-11-24T10",
        31,
        31,
        1,
        1,
    )
    assert (eleven.hour, eleven.lines, eleven.facts) == ("2026-11-24T11", 1, 1)
    assert ten.duplicates == ten.lines - 32 > 5
    assert ten.quarantined == {"damaged_object": 1, "missing_field": 1, "not_json": 1}
    assert recounted(day, tmp_path, thorough=True)[0].objects == 6


def without_e7(rows: pa.Table) -> pa.Table:
    return rows.filter(pc.field("click_id") != "e7")


def with_e7_twice(rows: pa.Table) -> pa.Table:
    return pa.concat_tables([rows, rows.filter(pc.field("click_id") == "e7")])


def with_another_user_of_e7(rows: pa.Table) -> pa.Table:
    users = pc.if_else(pc.equal(rows["click_id"], "e7"), "someone", rows["user_id"])
    return rows.set_column(1, rows.schema.field("user_id"), users)


@pytest.mark.parametrize(
    ("change", "kind", "got"),
    [
        (without_e7, "fact_missing", "none"),
        (with_e7_twice, "fact_doubled", "2 rows"),
        (with_another_user_of_e7, "fact_changed", "others in user_id"),
    ],
)
def test_a_fact_that_was_tampered_with_is_named(
    day: TestLake, tmp_path: Path, change: Callable[[pa.Table], pa.Table], kind: str, got: str
) -> None:
    tamper(day, FACT_CLICKS, change)
    report, [found] = recounted(day, tmp_path)
    assert (found.kind, found.hour_us, found.click_id, found.got) == (kind, HOUR, "e7", got)
    assert report.anomalies == {kind: 1}
    assert f"{kind} 2026-11-24T10 e7" in report.examples[0]


def test_rows_that_are_gone_from_the_other_tables_are_named(day: TestLake, tmp_path: Path) -> None:
    tamper(day, CONFLICTS, lambda rows: rows.slice(0, 0))
    tamper(day, QUARANTINE, lambda rows: rows.filter(pc.field("reason") != "not_json"))
    _, anomalies = recounted(day, tmp_path)
    assert [(item.kind, item.click_id, item.expected) for item in anomalies] == [
        ("conflict_missing", "e5", "a row"),
        ("quarantine_missing", None, "not_json"),
    ]


def test_quarantined_bytes_that_were_changed_are_named(day: TestLake, tmp_path: Path) -> None:
    def change(rows: pa.Table) -> pa.Table:
        bodies = [b"{other" if body == b"{broken" else body for body in rows["raw_bytes"].to_pylist()]
        at = rows.schema.get_field_index("raw_bytes")
        return rows.set_column(at, rows.schema.field(at), pa.array(bodies, pa.binary()))

    tamper(day, QUARANTINE, change)
    _, [found] = recounted(day, tmp_path)
    assert (found.kind, found.source_line, found.got) == ("quarantine_changed", 31, "another content")


def test_an_object_that_was_never_read_is_named(day: TestLake, tmp_path: Path) -> None:
    key = day.put("never-read", [event("lost"), b"{broken"])
    of_another_day = day.put("elsewhere", [event("elsewhere", hour_us=HOUR + DAY_US)], HOUR + DAY_US)
    report, [found] = recounted(day, tmp_path)
    assert (found.kind, found.source_object) == ("object_never_read", key)
    assert found.expected == "1 events of the day, 1 lines that are no event"
    assert report.waiting == 0
    assert of_another_day not in "".join(report.examples)


def test_a_late_event_in_an_object_that_has_just_arrived_waits(day: TestLake, tmp_path: Path) -> None:
    day.put("just-arrived", [event("later")], NOW)
    report, anomalies = recounted(day, tmp_path)
    assert (anomalies, report.waiting) == ([], 1)


def test_a_file_that_holds_no_event_is_named_and_no_anomaly(day: TestLake, tmp_path: Path) -> None:
    key = day.put_body("picture.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    report, anomalies = recounted(day, tmp_path)
    assert (report.without_events, anomalies) == ([key], [])


def test_an_object_that_is_said_to_be_read_but_whose_lines_are_not_counted_is_named(
    day: TestLake, tmp_path: Path
) -> None:
    def change(rows: pa.Table) -> pa.Table:
        listed = rows.to_pylist()
        listed[0] |= {"accepted": listed[0]["accepted"] - 1}
        return pa.Table.from_pylist(listed, schema=rows.schema)

    tamper(day, RAW_OBJECTS, change)
    _, [found] = recounted(day, tmp_path)
    assert found.kind == "object_miscounted"


def test_lines_of_hours_that_are_not_published_are_told_and_not_missed(lake: TestLake, tmp_path: Path) -> None:
    lake.put("a", EVENTS)
    lake.compact(HourPolicy(HOUR))
    report, [found] = recounted(lake, tmp_path)
    assert (found.kind, found.hour_us, found.total) == ("lines_unpublished", HOUR, 30)
    assert report.hours[0].unpublished == 30


def test_held_lines_of_an_hour_that_was_rolled_back_are_told_with_why_and_are_no_anomaly(
    day: TestLake, tmp_path: Path
) -> None:
    later = HOUR + HOUR_US
    whole = day.lake.open(FACT_CLICKS).rows([(2026, 11, 24, 10)])
    back(day, HOUR, run_id="rollback-1")
    day.put("after", [event("after")])
    day.compact(HourPolicy(NOW))
    report, anomalies = recounted(day, tmp_path)
    assert anomalies == []
    [told] = report.rolled_back
    [state] = [row for row in day.rows("hours") if row["state"] == "rolled_back"]
    assert (told.hour, told.run_id, told.why) == ("2026-11-24T10", "rollback-1", "a test")
    assert told.rolled_back_at == f"{state['last_changed_at'].isoformat()}Z"
    assert told.held_lines == state["waiting_lines"] == report.hours[0].unpublished > 30

    # Whatever else is wrong in the same hour, or waits in another one, is told as ever.
    tamper(day, FACT_CLICKS, lambda _: whole.slice(0, 1))
    day.put("waits", [event("waits", hour_us=later)])
    day.compact(HourPolicy(later))
    report, anomalies = recounted(day, tmp_path)
    assert [(item.kind, item.hour_us) for item in anomalies] == [
        ("lines_unpublished", later),
        ("fact_unexpected", HOUR),
    ]
    assert len(report.rolled_back) == 1


def test_lines_of_a_rollback_that_died_are_an_anomaly_until_it_is_finished(day: TestLake, tmp_path: Path) -> None:
    def die(step: str) -> None:
        if step == "publish hour_changes":
            raise DiedError

    with pytest.raises(DiedError):
        back(day, HOUR, on_step=die)
    report, [found] = recounted(day, tmp_path)
    assert (found.kind, found.hour_us, report.rolled_back) == ("lines_unpublished", HOUR, [])
    day.compact(HourPolicy(NOW))
    report, anomalies = recounted(day, tmp_path)
    assert (anomalies, len(report.rolled_back)) == ([], 1)


def test_what_another_program_wrote_is_undone_by_bringing_back_the_version_in_force(
    day: TestLake, tmp_path: Path
) -> None:
    tamper(day, FACT_CLICKS, without_e7)
    in_force = [row["snapshot_id"] for row in day.rows("hour_changes") if row["event_hour"].hour == 10][-1]
    back(day, HOUR, to=in_force)
    assert recounted(day, tmp_path)[1] == []
    day.compact(HourPolicy(NOW, only=frozenset({HOUR})), redo=True)
    report, anomalies = recounted(day, tmp_path)
    assert (report.rolled_back, anomalies) == ([], [])


def test_objects_that_are_gone_or_overwritten_are_named_and_their_rows_stay_right(
    day: TestLake, tmp_path: Path
) -> None:
    [gone] = [row["key"] for row in day.rows("raw_objects", "key") if row["key"].endswith("/b.json.gz")]
    day.s3.delete_object(Bucket=day.settings.raw_bucket, Key=gone)
    day.put_body("array.json", b"{}")
    _, anomalies = recounted(day, tmp_path)
    assert {(item.kind, (item.source_object or "").rpartition("/")[2]) for item in anomalies} == {
        ("object_gone", "b.json.gz"),
        ("object_changed", "array.json"),
    }


def test_nothing_was_ever_compacted(lake: TestLake, tmp_path: Path) -> None:
    assert recounted(lake, tmp_path)[0].hours == []
    key = lake.put("a", EVENTS)
    assert [item.source_object for item in recounted(lake, tmp_path)[1]] == [key]


def test_a_day_that_is_not_over_is_refused(lake: TestLake, tmp_path: Path) -> None:
    run = Validation(lake.s3, lake.settings.raw_bucket, lake.lake, DAY, DAY + DAY_US, tmp_path, False, lambda _: None)
    with pytest.raises(ConfigError, match="not closed yet"):
        validate(run)


def test_the_anomalies_of_a_day_are_those_of_its_latest_validation(day: TestLake, tmp_path: Path) -> None:
    before = day.lake.open(FACT_CLICKS).dataset([(2026, 11, 24, 10)]).to_table()
    for change, kinds in ((without_e7, ["fact_missing"]), (lambda _: before, [])):
        tamper(day, FACT_CLICKS, change)
        run = run_of(day, tmp_path)
        report, anomalies = validate(run)
        key = publish(run, report, anomalies)
        assert [row["kind"] for row in day.rows("anomalies")] == kinds
        audit = json.loads(day.s3.get_object(Bucket=day.settings.curated_bucket, Key=key)["Body"].read())
        assert audit["anomalies"] == dict.fromkeys(kinds, 1)
        assert key == "validations/year=2026/month=11/day=24/2026-11-27T000000.000000Z.json"


def test_the_command_tells_what_is_wrong_and_fails(day: TestLake, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in day.settings.as_environment().items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr("time.time_ns", lambda: NOW * 1000)
    call = ["validate", "--day", "2026-11-24", "--json", "--metrics"]
    right = CliRunner().invoke(clickstream.app, call)
    assert right.exit_code == 0, right.output
    report, metrics = map(json.loads, right.stdout.splitlines())
    assert (report["day"], report["anomalies"]) == ("2026-11-24", {})
    assert (metrics["Facts"], metrics["Anomalies"], metrics["Database"]) == (32, 0, day.settings.database)
    back(day, HOUR, run_id="rollback-1")
    held = CliRunner().invoke(clickstream.app, call[:3])
    assert held.exit_code == 0, held.output
    assert "2026-11-24T10 is rolled back since" in held.stdout
    assert "by rollback-1, 51 lines held: a test" in " ".join(held.stdout.split())
    day.compact(HourPolicy(NOW, only=frozenset({HOUR})), redo=True)

    tamper(day, FACT_CLICKS, without_e7)
    wrong = CliRunner().invoke(clickstream.app, call[:3])
    assert isinstance(wrong.exception, WorkFailedError)
    assert "1 fact_missing" in str(wrong.exception)
    assert "fact_missing 2026-11-24T10 e7" in wrong.stdout.replace("\n", " ")
