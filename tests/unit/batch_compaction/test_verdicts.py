from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from batch_compaction.checks import CHECK_NAMES
from batch_compaction.limits import QualityLimits, load_limits
from batch_compaction.verdicts import (
    Acceptance,
    Severity,
    Verdict,
    acceptance_of,
    accepted,
    merged_results,
    results_table,
)
from schemas.errors import ConfigError
from schemas.instants import HOUR_US
from schemas.tables import DQ_RESULTS
from tests.unit.batch_compaction.hours import HOUR

FAILED = Verdict("ids_unique", Severity.BLOCKING, False, "each id once", "2 ids stand twice", "e1, e2")
PASSED = Verdict("schema_conforms", Severity.BLOCKING, True, "the columns of the tables", "0 wrong columns")
WARNED = Verdict("duplicate_ratio", Severity.WARNING, False, "at most 0.1", "0.5")
NAMES = {"ids_unique", "ids_conserved"}


def test_only_a_failed_blocking_check_holds_its_hour() -> None:
    assert [item.holds for item in (FAILED, PASSED, WARNED)] == [True, False, False]
    assert str(FAILED) == "ids_unique: expected each id once, got 2 ids stand twice (e1, e2)"


def test_an_acceptance_is_for_the_named_checks_of_the_named_hours() -> None:
    acceptance = acceptance_of(["ids_unique"], " the source is known ", {HOUR}, NAMES)
    assert acceptance == Acceptance(frozenset({"ids_unique"}), frozenset({HOUR}), "the source is known")
    here = accepted(HOUR, [FAILED, PASSED, WARNED], acceptance)
    assert [item.accepted_why for item in here] == ["the source is known", None, None]
    assert not any(item.holds for item in here)
    assert accepted(HOUR + HOUR_US, [FAILED], acceptance) == [FAILED]
    assert accepted(HOUR, [FAILED], None) == [FAILED]


def test_a_check_that_passed_needs_no_acceptance() -> None:
    acceptance = Acceptance(frozenset({"schema_conforms"}), frozenset({HOUR}), "why")
    assert accepted(HOUR, [PASSED], acceptance) == [PASSED]


def test_an_acceptance_without_reason_hours_or_a_check_is_refused_with_every_fault() -> None:
    with pytest.raises(ConfigError) as refused:
        acceptance_of(["ids_uniqe"], "  ", None, NAMES)
    assert refused.value.faults == (
        "--accept 'ids_uniqe' is no check; there are ids_conserved, ids_unique",
        "--accept is for named hours: give --hour",
        "--accept needs a reason: give --why",
    )
    with pytest.raises(ConfigError, match="name it with --accept"):
        acceptance_of([], "why", {HOUR}, NAMES)
    assert acceptance_of([], None, None, NAMES) is None


def test_results_are_one_row_a_check_and_hour() -> None:
    why = dataclasses.replace(FAILED, accepted_why="known")
    rows = results_table("run-1", {HOUR + HOUR_US: [PASSED], HOUR: [PASSED, why]}, HOUR + 2 * HOUR_US)
    assert rows.schema == DQ_RESULTS.schema
    listed = rows.to_pylist()
    assert [(str(row["event_hour"]), row["check_name"], row["verdict"]) for row in listed] == [
        ("2026-11-24 10:00:00", "ids_unique", "failed"),
        ("2026-11-24 10:00:00", "schema_conforms", "passed"),
        ("2026-11-24 11:00:00", "schema_conforms", "passed"),
    ]
    assert listed[0]["accepted_why"] == "known"
    assert (listed[0]["year"], listed[0]["month"], listed[0]["day"]) == (2026, 11, 24)


def test_a_run_that_writes_its_results_again_changes_nothing_and_keeps_those_of_others() -> None:
    first = results_table("run-1", {HOUR: [PASSED, FAILED]}, HOUR)
    second = results_table("run-2", {HOUR: [PASSED, FAILED]}, HOUR + 1)
    both = merged_results(first, second)
    assert len(both) == 4
    assert merged_results(both, second).equals(both)
    assert merged_results(both, first).equals(both)
    assert merged_results(first.slice(0, 0), first).equals(first)


def limits_in(folder: Path, text: str) -> QualityLimits:
    (folder / "clickstream.toml").write_text(text)
    return load_limits(folder, CHECK_NAMES)


def test_limits_have_defaults_and_come_from_the_configuration_file(tmp_path: Path) -> None:
    assert load_limits(tmp_path, CHECK_NAMES) == QualityLimits()
    assert limits_in(tmp_path, 'stream = "s"\n') == QualityLimits()
    found = limits_in(tmp_path, '[quality]\nmax_late_ratio = 0.5\nblocking = ["volume_usual"]\nlookback_hours = 0\n')
    assert found == QualityLimits(max_late_ratio=0.5, blocking=("volume_usual",), lookback_hours=0)


@pytest.mark.parametrize(
    "line",
    [
        "max_late_ratio = 2",
        'max_late_ratio = "0.1"',
        "max_ahead_ratio = nan",
        "min_lines = true",
        "min_lines = -1",
        "lookback_hours = 1.5",
        "max_volume_factor = 0.5",
        "max_volume_factor = inf",
        'blocking = ["nothing"]',
        'blocking = "volume_usual"',
    ],
)
def test_a_limit_that_is_none_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigError, match=f"quality.{line.split()[0]} is .*, which is not "):
        limits_in(tmp_path, f"[quality]\n{line}\n")


def test_every_fault_of_the_limits_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        limits_in(tmp_path, "[quality]\nmin_line = 3\nmax_late_ratio = 2\n")
    assert len(refused.value.faults) == 2
    with pytest.raises(ConfigError, match="quality is not a table"):
        limits_in(tmp_path, "quality = 3\n")
