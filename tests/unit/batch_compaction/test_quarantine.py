"""Reading the quarantine: what is meant, what became of it, in the order of the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from batch_compaction.quarantine import DISMISSED, REPAIRED, Resolved, Selection, batches, count, lines
from batch_compaction.quarantine_repair import Fate, Judgement, Origin, QuarantinedLine
from batch_compaction.quarantine_report import SAMPLES, Tally, reason_counts, report_of, shown
from schemas.event import Rejection, RejectReason
from schemas.lake import hour_of_partition, parse_hour
from schemas.tables import HOUR_PARTITION, QUARANTINE, QUARANTINE_RESOLUTIONS

HOUR = (2026, 11, 24, 10)
ROWS = [
    (f"clickstream/{'ab'[number % 2]}", number, ("not_json", "missing_field")[number % 3 == 0])
    for number in range(1000)
]


def rows() -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "source_object": name,
                "source_line": line,
                "byte_offset": 0,
                "reason": reason,
                "detail": "",
                "raw_bytes": b"%d" % line,
                "first_seen_run": f"run-{line}",
                **dict(zip(HOUR_PARTITION, HOUR, strict=True)),
            }
            for name, line, reason in ROWS
        ],
        schema=QUARANTINE.schema,
    )


def resolved(marks: dict[int, str]) -> Resolved:
    schema = pa.schema(map(QUARANTINE_RESOLUTIONS.schema.field, ("source_object", "source_line", "resolution")))
    told = [
        {"source_object": ROWS[line][0], "source_line": line, "resolution": resolution}
        for line, resolution in marks.items()
    ]
    return Resolved(pa.Table.from_pylist(told, schema))


@pytest.fixture(params=["memory", "files"])
def dataset(request: pytest.FixtureRequest, tmp_path: Path) -> ds.Dataset:
    if request.param == "memory":
        return ds.dataset(rows())
    for number, part in enumerate((rows()[:700], rows()[700:])):
        pq.write_table(part, tmp_path / f"{number}.parquet", row_group_size=300)
    return ds.dataset([str(tmp_path / f"{number}.parquet") for number in range(2)], format="parquet")


def test_every_line_comes_once_in_order_with_what_became_of_it(dataset: ds.Dataset) -> None:
    found = list(lines(dataset, Selection(), resolved({5: REPAIRED, 998: DISMISSED}), hour_of_partition(HOUR)))
    assert [(line.origin.object, line.origin.line, line.reason) for line, _ in found] == ROWS
    assert {line.origin.line: state for line, state in found if state} == {5: REPAIRED, 998: DISMISSED}
    arrival_us = parse_hour("2026-11-24T10")
    assert found[7][0] == QuarantinedLine(Origin("clickstream/b", 7), "not_json", "", b"7", arrival_us, "run-7")


def test_only_what_is_meant_comes(dataset: ds.Dataset) -> None:
    selection = Selection(reasons=["missing_field"], source_object="clickstream/b")
    found = [line.origin.line for line, _ in lines(dataset, selection, resolved({}), hour_of_partition(HOUR))]
    assert found == [line for name, line, reason in ROWS if reason == "missing_field" and name.endswith("b")]


def test_a_batch_of_which_nothing_is_meant_is_passed_over(dataset: ds.Dataset) -> None:
    """Of what the statistics of a row group do not rule out."""
    chosen = pc.field("source_line").isin([5, 998]), pc.field("source_object") == "clickstream/aa"
    found = [[row["source_line"] for row in rows_of(dataset, expression)] for expression in chosen]
    assert found == [[5, 998], []]


def rows_of(dataset: ds.Dataset, expression: pc.Expression) -> list[dict[str, Any]]:
    return [row for batch in batches(dataset, ["source_line"], expression) for row in batch.to_pylist()]


def test_counts_are_by_reason_and_by_what_became_of_the_lines(dataset: ds.Dataset) -> None:
    counted = count(dataset, Selection(), resolved({3: REPAIRED, 6: REPAIRED, 9: DISMISSED, 1: DISMISSED}))
    missing, broken = reason_counts("2026-11-24T10", counted)
    assert (missing.reason, missing.lines, missing.repaired, missing.dismissed) == ("missing_field", 334, 2, 1)
    assert (broken.reason, broken.lines, broken.repaired, broken.dismissed) == ("not_json", 666, 0, 1)
    assert all(each.lines == each.repaired + each.dismissed + each.unresolved for each in (missing, broken))


def test_a_batch_is_no_larger_than_asked_for_whatever_the_row_groups(tmp_path: Path) -> None:
    pq.write_table(rows(), tmp_path / "one.parquet")
    found = list(batches(ds.dataset(str(tmp_path / "one.parquet")), ["source_line"], None, 64))
    assert max(map(len, found)) == 64
    assert sum(map(len, found)) == 1000


def test_hours_are_those_that_hold_rows_and_are_meant() -> None:
    held = [(2026, 11, 24, 11), HOUR]
    assert Selection().hours_of(held) == [HOUR, (2026, 11, 24, 11)]
    assert Selection(hours=[HOUR, (2026, 1, 1, 1)]).hours_of(held) == [HOUR]


def test_a_tally_counts_all_and_keeps_a_few_of_each_kind() -> None:
    tally = Tally()
    rejection = Rejection(RejectReason.MISSING_FIELD, "user_id")
    for number in range(10):
        line = QuarantinedLine(Origin("a", number), "not_json", "", b"x", 0, "a-run")
        tally.add(line, Judgement(Fate.UNTAKEN) if number % 2 else Judgement(Fate.FAILS, 0, rejection=rejection))
    report = report_of("digest", tally)
    assert (report.passes, report.fails, report.dismissed, report.untaken) == (0, 5, 0, 5)
    assert [(group.fate, group.rule, group.still, group.lines) for group in report.groups] == [
        (Fate.FAILS, 1, "missing_field", 5),
        (Fate.UNTAKEN, None, None, 5),
    ]
    assert [len(group.samples) for group in report.groups] == [SAMPLES, SAMPLES]
    assert report.groups[0].samples[0].after == "missing_field: user_id"


def test_bytes_are_shown_as_text_only_where_they_are() -> None:
    assert shown("a\x1b[31m é\n".encode()) == "a\\x1b[31m é\\n"
    assert shown(b"\xff\x00") == "hex:ff00"
    assert shown(b"x" * 10, 4) == "xxxx…"
