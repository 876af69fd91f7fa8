"""The compaction benchmark: what it feeds, and what it makes of what it measured."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from bench.compaction import compare, expected_of, figures_of, rows_of
from bench.compaction_input import GZIP, PLAIN, Input, Shape, Written, make
from bench.compaction_lines import DAY_START_US, Lines, Skew
from bench.compaction_meter import Taken
from schemas.codec import decode
from schemas.event import ClickEvent, RejectReason
from schemas.instants import HOUR_US
from schemas.lake import hour_of_key, is_firehose_object

COUNT = 20_000
SHAPE = Shape(5_000, objects=4)


def piece_of(skew: Skew, carried: tuple[bytes, ...] = ()) -> tuple[list[bytes], int, int, list[bytes]]:
    piece = Lines(1, skew).piece(np.random.default_rng(2), COUNT, (0.0, 1.0), carried, "web-00")
    return piece.lines, piece.bad, piece.repeats, piece.onward


def events_of(lines: list[bytes]) -> list[ClickEvent]:
    verdicts = [decode(line, DAY_START_US) for line in lines]
    return [verdict for verdict in verdicts if isinstance(verdict, ClickEvent)]


def share(part: int) -> float:
    return part / COUNT


def test_lines_are_events_but_for_the_bad_ones_and_each_event_has_one_payload() -> None:
    lines, bad, repeats, _ = piece_of(Skew(2_000))
    events = events_of(lines)
    assert len(lines) == COUNT
    assert len(events) == COUNT - bad
    assert len({event.event_id for event in events}) == len(set(lines)) - bad == COUNT - bad - repeats
    assert share(bad) == pytest.approx(0.005, rel=0.3)
    assert share(repeats) == pytest.approx(0.01, rel=0.2)


def test_bad_lines_are_of_every_kind() -> None:
    verdicts = [decode(line, DAY_START_US) for line in piece_of(Skew(2_000))[0]]
    assert {verdict.reason for verdict in verdicts if not isinstance(verdict, ClickEvent)} == {
        RejectReason.NOT_JSON,
        RejectReason.INVALID_UTF8,
        RejectReason.MISSING_FIELD,
        RejectReason.EMPTY_FIELD,
        RejectReason.BAD_TIMESTAMP,
        RejectReason.WRONG_TYPE,
    }


def test_some_events_are_late_some_have_other_zones_and_some_another_writer() -> None:
    lines, *_ = piece_of(Skew(2_000))
    assert share(sum(b"+00:00" in line for line in lines)) == pytest.approx(0.03, rel=0.2)
    assert share(sum(b"+05:30" in line for line in lines)) == pytest.approx(0.03, rel=0.2)
    assert share(sum(rb"gr\u00f6\u00dfe" in line for line in lines)) == pytest.approx(0.02, rel=0.2)
    late = [event for event in events_of(lines) if event.event_timestamp_us < DAY_START_US - HOUR_US]
    assert share(len(late)) == pytest.approx(0.03 * 5 / 6, rel=0.2)


def test_an_hour_and_a_user_can_be_hot() -> None:
    lines, *_ = piece_of(Skew(2_000, hot_user=0.3, hot_hour=0.9))
    events = events_of(lines)
    noon_us = DAY_START_US + 12 * HOUR_US
    assert share(sum(noon_us <= e.event_timestamp_us < noon_us + HOUR_US for e in events)) > 0.85
    assert share(sum(e.user_id == "u0000000" for e in events)) > 0.3


def test_carried_lines_are_repeated() -> None:
    *_, onward = piece_of(Skew(2_000))
    lines, _, repeats, _ = piece_of(Skew(2_000), tuple(onward))
    assert share(len(onward)) == pytest.approx(0.01, rel=0.2)
    assert share(repeats) == pytest.approx(0.02, rel=0.2)
    assert set(onward) <= set(lines)


def content_of(given: Input, form: str) -> dict[str, bytes]:
    folder = given.buckets(form)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_shape_gives_the_same_objects_each_time_and_its_gzip_twins(tmp_path: Path) -> None:
    one, other = (make(tmp_path / name, SHAPE, [PLAIN, GZIP], lambda _: None) for name in ("one", "other"))
    plain = content_of(one, PLAIN)
    assert plain == content_of(other, PLAIN)
    assert content_of(one, GZIP) == content_of(other, GZIP)
    assert {name: gzip.decompress(body) for name, body in content_of(one, GZIP).items()} == {
        f"{name}.gz": body for name, body in plain.items()
    }


def test_what_was_written_is_what_is_there(tmp_path: Path) -> None:
    given = make(tmp_path, SHAPE, [PLAIN], lambda _: None)
    objects = {name.removeprefix("raw/"): body for name, body in content_of(given, PLAIN).items()}
    assert len(objects) == SHAPE.objects
    assert all(map(is_firehose_object, objects))
    lines = [
        (line, hour_of_key(key) or 0) for key, body in objects.items() for line in body.removesuffix(b"\n").split(b"\n")
    ]
    events = [verdict for line, hour in lines if isinstance(verdict := decode(line, hour), ClickEvent)]
    assert given.written.lines == len(lines) == SHAPE.events
    assert given.written.bad == len(lines) - len(events)
    assert given.written.facts == len({event.event_id for event in events})
    assert given.written.plain_bytes == sum(map(len, objects.values()))
    assert expected_of(given.written)["fact_clicks_rows"] == given.written.facts


def test_the_cache_keeps_what_was_made(tmp_path: Path) -> None:
    said: list[str] = []
    first = make(tmp_path, SHAPE, [PLAIN], said.append)
    assert make(tmp_path, SHAPE, [PLAIN], said.append) == first
    assert len(said) == 1
    assert make(tmp_path, Shape(5_000, objects=3), [PLAIN], said.append) != first


def taken(*cpu_s: float) -> list[Taken]:
    return [Taken(seconds, seconds / 2, 100 * seconds) for seconds in cpu_s]


def test_a_ratio_is_the_median_of_the_ratios_of_runs_beside_each_other() -> None:
    runs = {"ours": taken(1, 4, 3), "duckdb": taken(2, 4, 12), "ours_gzip": taken(2, 4, 12), "orjson": taken(1, 1, 1)}
    figures = figures_of(runs, 600)
    assert figures["events_per_s_core"] == 200
    assert figures["peak_rss_mib"] == 300
    assert figures["duckdb_cpu_s"] == 4
    assert (figures["cpu_ratio_duckdb"], figures["gzip_cpu_ratio"], figures["cpu_ratio_orjson"]) == (0.5, 2, 3)
    assert ("ours", 200, "events/s/core", 1 / 3) in rows_of(figures)
    assert ("duckdb", 400, "MiB at the peak", None) in rows_of(figures)


def test_rows_that_are_not_those_of_the_input_or_of_the_first_run_are_an_error() -> None:
    written = Written(lines=10, facts=8, bad=1, plain_bytes=4_000)
    right = {"fact_clicks_rows": 8, "fact_clicks_hash": 5, "quarantine_rows": 1, "out_of_order": 0}
    compare(right, right, written)
    for name in right:
        wrong = right | {name: 7}
        with pytest.raises(RuntimeError, match=f"{name} is 7, not {right[name]}"):
            compare(wrong, right, written)
    lost = right | {"fact_clicks_rows": 7}
    with pytest.raises(RuntimeError, match="fact_clicks_rows is 7, not 8"):
        compare(lost, lost, written)
