"""Every check passes a right hour and fails the one that it is there for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from batch_compaction import checks
from batch_compaction.checks import CHECKS, verdicts_of
from batch_compaction.hour_audit import HourAudit, HoursOfRun
from batch_compaction.id_hashes import differences, repeated_texts, shared_texts, sorted_hashes
from batch_compaction.judging import facts_in
from batch_compaction.limits import QualityLimits
from batch_compaction.verdicts import Severity, Verdict
from schemas.instants import HOUR_US
from schemas.tables import FACT_CLICKS
from tests.unit.batch_compaction.hours import HOUR, audit_of, event, shifted

EVENTS = [event(f"e{number}", minute=number, user_id=f"u{number % 3}") for number in range(20)]
RIGHT = audit_of([EVENTS, [*EVENTS[:4], event("e5", 5, user_id="another")]])


def facts_of(audit: HourAudit) -> pa.Table:
    return audit.facts.to_table()


def with_facts(audit: HourAudit, facts: pa.Table) -> HourAudit:
    return replace(audit, facts=ds.dataset(facts))


def with_column(name: str, values: pa.Array, audit: HourAudit = RIGHT) -> HourAudit:
    facts = facts_of(audit)
    return with_facts(audit, facts.set_column(facts.schema.get_field_index(name), facts.schema.field(name), values))


def verdict(name: str, audit: HourAudit) -> Verdict:
    [found] = [item for item in verdicts_of(audit) if item.check == name]
    return found


def failures(audit: HourAudit) -> set[str]:
    return {item.check for item in verdicts_of(audit) if not item.passed}


def a_lost_fact() -> HourAudit:
    return with_facts(RIGHT, facts_of(RIGHT).slice(1))


def a_doubled_fact() -> HourAudit:
    return with_facts(RIGHT, pa.concat_tables([facts_of(RIGHT), facts_of(RIGHT).slice(0, 1)]))


def an_invented_fact() -> HourAudit:
    ids = facts_of(RIGHT)["click_id"].to_pylist()
    return with_column("click_id", pa.array(["invented", *ids[1:]]))


SPOILT: dict[str, Callable[[], HourAudit]] = {
    "schema_conforms": lambda: with_facts(RIGHT, facts_of(RIGHT).drop_columns(["page_url"])),
    "required_not_null": lambda: with_column("session_id", pa.array([None, *["s"] * 19])),
    "rows_within_hour": lambda: replace(RIGHT, hour_us=HOUR - HOUR_US),
    "ids_unique": a_doubled_fact,
    "ids_conserved": a_lost_fact,
    "users_known": lambda: replace(RIGHT, users=sorted_hashes("user_id", ds.dataset(facts_of(RIGHT).slice(0, 2)))),
    "lines_accounted": a_lost_fact,
    "duplicate_ratio": lambda: audit_of([EVENTS, EVENTS]),
    "quarantine_ratio": lambda: replace(RIGHT, sources=[replace(RIGHT.sources[0], lines=25, quarantined=5)]),
    "volume_usual": lambda: replace(RIGHT, earlier_days=[100, 120, 110]),
    "arrival_fresh": lambda: shifted(RIGHT, 3),
    "clocks_right": lambda: shifted(RIGHT, -2),
    "ids_of_one_hour": lambda: replace(RIGHT, earlier_facts=ds.dataset(facts_of(RIGHT).slice(3, 2))),
}


def test_a_right_hour_passes_every_check() -> None:
    verdicts = verdicts_of(RIGHT)
    assert [item.check for item in verdicts] == [check.name for check in CHECKS]
    assert [str(item) for item in verdicts if not item.passed] == []


@pytest.mark.parametrize("name", [check.name for check in CHECKS])
def test_every_check_fails_the_hour_that_it_is_there_for(name: str) -> None:
    found = verdict(name, SPOILT[name]())
    assert not found.passed
    assert found.got != "an error", found.detail


def test_what_is_wrong_is_named() -> None:
    assert verdict("schema_conforms", SPOILT["schema_conforms"]()).detail == "fact_clicks.page_url"
    assert verdict("required_not_null", SPOILT["required_not_null"]()).detail == "fact_clicks.session_id: 1"
    assert verdict("ids_unique", a_doubled_fact()).detail == "e0"
    assert verdict("ids_conserved", a_lost_fact()).detail == "e0"
    assert verdict("ids_conserved", an_invented_fact()).detail == "e0, invented"
    assert verdict("ids_of_one_hour", SPOILT["ids_of_one_hour"]()).detail == "e3, e4"
    assert verdict("lines_accounted", a_lost_fact()).got == "19 facts + 1 conflicts + 4 duplicates"
    unknown = with_column("user_id", pa.array(["nobody", *["u1"] * 19]))
    assert verdict("users_known", unknown).detail == "nobody"


def test_the_columns_are_those_of_the_file_whatever_it_is_read_as(tmp_path: Path) -> None:
    pq.write_table(facts_of(RIGHT).drop_columns(["page_url"]), tmp_path / "hour.parquet")
    lacking = replace(RIGHT, facts=facts_in(tmp_path / "hour.parquet"))
    assert verdict("schema_conforms", lacking).detail == "fact_clicks.page_url"


def test_an_id_in_two_hours_of_one_run_is_told_with_the_later_one(tmp_path: Path) -> None:
    audits: list[HourAudit] = []
    of_run = HoursOfRun(audits)
    limits = QualityLimits(min_lines=1, lookback_hours=2)
    for later, number in ((0, 1), (1, 2), (2, 9), (4, 1)):
        events = [event(f"e{number}", minute=number), event(f"of hour {later}", minute=30)]
        kept_in = tmp_path / str(later)
        audits.append(
            replace(audit_of([events], limits), hour_us=HOUR + later * HOUR_US, of_run=of_run, kept_in=kept_in)
        )
    audits.append(replace(audit_of([EVENTS], limits), hour_us=HOUR + 3 * HOUR_US, of_run=of_run))
    found = {audit.hour_us: verdict("ids_of_one_hour", audit) for audit in audits}
    assert [(at - HOUR) // HOUR_US for at, item in found.items() if not item.passed] == [4, 3]
    assert [item.detail for item in found.values() if not item.passed] == ["e1", "e2, e9"]
    assert found[HOUR + 3 * HOUR_US].got == "2 ids"


def test_a_line_that_never_came_to_the_merge_is_noticed() -> None:
    lines = RIGHT.lines.to_table()
    lost = replace(RIGHT, lines=ds.dataset(lines.slice(0, len(lines) - 1)))
    assert verdict("lines_accounted", lost).detail == "25 lines of the hour were accepted, 24 came to the merge, " + (
        "24 lines, 25 of them new, 4 of these duplicates"
    )


def test_lines_of_an_object_that_are_in_no_place_are_noticed() -> None:
    spoilt = replace(RIGHT, sources=[replace(RIGHT.sources[0], lines=21), *RIGHT.sources[1:]])
    assert "key-0: 21 lines, 20 + 0 + 0 + 0 accounted for" in verdict("lines_accounted", spoilt).detail


def test_a_line_that_a_dead_run_left_in_both_tables_counts_once() -> None:
    conflict, fact = RIGHT.conflicts.to_table(), facts_of(RIGHT).filter(pc.field("click_id") == "e5")
    again = replace(
        RIGHT,
        facts_before=RIGHT.facts,
        conflicts_before=ds.dataset(pa.concat_tables([conflict, fact])),
        new_lines=0,
        duplicates=0,
        sources=[],
        lines=ds.dataset(RIGHT.lines.to_table().slice(0, 0)),
    )
    assert failures(again) == set()
    assert verdict("lines_accounted", again).expected == "21 rows before + 0 new lines"


def test_a_row_whose_partition_columns_name_another_hour_is_noticed() -> None:
    spoilt = with_column("hour", pa.array([9, *[10] * 19], pa.int32()))
    assert verdict("rows_within_hour", spoilt).detail == "facts.hour from 9 to 10"


def test_ratios_of_few_lines_are_not_judged() -> None:
    few = replace(shifted(audit_of([EVENTS, EVENTS]), 3), limits=QualityLimits())
    assert failures(few) == set()
    assert verdict("duplicate_ratio", few).expected == "not judged"
    assert verdict("duplicate_ratio", few).got == "20 of 40"


def test_the_volume_is_judged_by_the_median_of_enough_days() -> None:
    for days, passes in (([20, 60, 7], True), ([5000, 5000], True), ([61, 61, 1], False), ([6, 6, 600], False)):
        assert verdict("volume_usual", replace(RIGHT, earlier_days=days)).passed is passes, days


def test_a_late_repair_of_a_full_hour_is_fresh() -> None:
    facts = pa.concat_tables([facts_of(RIGHT)] * 20)
    late = replace(shifted(RIGHT, 30), facts_before=ds.dataset(facts))
    assert verdict("arrival_fresh", late).passed


def test_a_check_that_raises_has_failed_and_holds_the_hour() -> None:
    spoilt = with_facts(RIGHT, facts_of(RIGHT).drop_columns(["click_id"]))
    found = verdict("ids_of_one_hour", replace(spoilt, earlier_facts=RIGHT.facts))
    assert (found.passed, found.severity, found.holds, found.got) == (False, Severity.BLOCKING, True, "an error")
    assert "click_id" in found.detail


def test_a_warning_holds_the_hour_where_the_limits_say_so() -> None:
    spoilt = SPOILT["duplicate_ratio"]()
    assert not verdict("duplicate_ratio", spoilt).holds
    strict = replace(spoilt, limits=QualityLimits(min_lines=1, blocking=("duplicate_ratio",)))
    assert verdict("duplicate_ratio", strict).holds


def test_hours_in_parquet_files_get_the_same_verdicts(tmp_path: Path) -> None:
    def as_file(rows: ds.Dataset, name: str) -> ds.Dataset:
        pq.write_table(rows.to_table(), tmp_path / name, row_group_size=7, store_schema=False)
        return ds.dataset(tmp_path / name, schema=FACT_CLICKS.schema)

    earlier = ds.dataset(pa.concat_tables([facts_of(RIGHT).slice(3, 1), facts_of(an_invented_fact()).slice(0, 1)]))
    for audit in (RIGHT, replace(RIGHT, earlier_facts=earlier), a_doubled_fact(), a_lost_fact()):
        on_disk = replace(
            audit,
            facts=as_file(audit.facts, "facts.parquet"),
            conflicts=as_file(audit.conflicts, "conflicts.parquet"),
            earlier_facts=as_file(audit.earlier_facts, "earlier.parquet"),
        )
        assert verdicts_of(on_disk) == verdicts_of(audit)


def test_an_empty_hour_is_judged_like_any_other() -> None:
    empty = replace(
        RIGHT,
        facts=ds.dataset(facts_of(RIGHT).slice(0, 0)),
        conflicts=ds.dataset(facts_of(RIGHT).slice(0, 0)),
        lines=ds.dataset(RIGHT.lines.to_table().slice(0, 0)),
        sources=[],
        new_lines=0,
        duplicates=0,
    )
    assert failures(empty) == set()


def test_hashes_that_meet_are_confirmed_on_the_texts() -> None:
    rows = ds.dataset(pa.table({"id": ["a", "b", "c"]}))
    hashes = sorted_hashes("id", rows)
    assert repeated_texts("id", rows, hashes) == []
    assert shared_texts("id", rows, ds.dataset(pa.table({"id": ["d"]})), hashes) == []
    assert shared_texts("id", rows, ds.dataset(pa.table({"id": ["d", "b"]})), hashes) == ["b"]


def test_the_differences_of_two_sets_are_those_of_plain_sets() -> None:
    random = np.random.default_rng(1)
    left = np.sort(random.integers(0, 2**64 - 1, 5000, np.uint64))
    right = np.sort(np.concatenate([left[::2], left[::2], random.integers(0, 2**64 - 1, 50, np.uint64)]))
    only_left, only_right = differences([left[:100], left[100:]], right)
    assert set(only_left.tolist()) == set(left.tolist()) - set(right.tolist())
    assert set(only_right.tolist()) == set(right.tolist()) - set(left.tolist())


def test_every_check_has_a_name_and_a_meaning_of_its_own() -> None:
    assert len(checks.CHECK_NAMES) == len(CHECKS)
    assert all(check.meaning.endswith(".") for check in CHECKS)
