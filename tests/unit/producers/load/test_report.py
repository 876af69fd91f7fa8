"""From samples to the report and its page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import msgspec
import pytest

from producers.load.assessment import Report, Setup, assess
from producers.load.charts import Chart, Series, draw, short
from producers.load.histogram import Histogram
from producers.load.load_summary import summary_of, told_of
from producers.load.page import charts_of, page_of
from producers.load.profiles import profile_of
from producers.load.timeline import Sample, Timeline, interval_s
from schemas.pricing.prices import shipped_prices

START_US = 1_700_000_000_000_000
SETUP = Setup(
    profile="steady",
    rate=100,
    minutes=0.1,
    processes=2,
    users=10,
    seed=1,
    aggregate=True,
    tolerate=0.01,
    kpus=2,
    stream="<stream> & co",
    started="2026-11-26T00:00:00Z",
)


def counts_of(*values_us: int) -> dict[int, int]:
    histogram = Histogram()
    histogram.add(values_us)
    return histogram.counts()


def sample(process: int, interval: int, **figures: Any) -> Sample:
    held = {"put": 50, "sent": 50, "on_time": 50, "records": 1, "bytes": 5000}
    return Sample(process=process, interval=interval, **held | figures)


def timeline(*samples: Sample) -> Timeline:
    made = Timeline(profile_of("steady", 100, 6), 1, START_US)
    for one in samples:
        made.add(one)
    return made


def report_of(made: Timeline, setup: Setup = SETUP, **arguments: Any) -> Report:
    return assess(setup, made, shipped_prices(), **{"seconds": 6, **arguments})


ALL_HELD = [sample(process, interval) for process in range(2) for interval in range(6)]


def test_what_all_processes_did_adds_up_and_is_held() -> None:
    report = report_of(timeline(*ALL_HELD))
    assert report.verdict.is_held and report.verdict.on_time_share == 1 and report.is_complete
    assert report.totals.scheduled == report.totals.sent == 600
    assert report.totals.sent_per_s == 100
    assert report.series["scheduled"] == report.series["sent"] == [100] * 6
    assert report.series["backlog"] == [0] * 6


def test_samples_may_come_in_any_order() -> None:
    forwards, backwards = report_of(timeline(*ALL_HELD)), report_of(timeline(*reversed(ALL_HELD)))
    assert forwards.series == backwards.series and forwards.totals == backwards.totals


def test_what_is_late_is_backlog_and_the_load_is_not_held() -> None:
    late = [one for one in ALL_HELD if one.interval != 2] + [sample(0, 3, put=100, sent=100, on_time=0)]
    report = report_of(timeline(*late))
    assert report.series["backlog"][1:5] == [0, 100, 0, 0]
    assert not report.verdict.is_held
    assert "83.33%" in report.verdict.reasons[0]


def test_a_share_that_is_tolerated_is_held() -> None:
    late = [*ALL_HELD[:-1], sample(1, 5, on_time=44)]
    assert report_of(timeline(*late)).verdict.is_held
    strict = msgspec.structs.replace(SETUP, tolerate=0.0)
    assert not report_of(timeline(*late), strict).verdict.is_held


def test_what_failed_is_told_even_where_the_rate_was_held() -> None:
    report = report_of(timeline(*ALL_HELD[:-1], sample(1, 5, sent=49, failed=1)))
    assert report.verdict.reasons == ["1 events could not be sent; they are saved"]
    assert report.totals.unsettled == 0


def test_a_load_that_was_stopped_is_judged_by_what_was_due_until_then() -> None:
    report = report_of(timeline(*[one for one in ALL_HELD if one.interval < 3]), seconds=3.0)
    assert report.totals.scheduled == 300 and report.verdict.is_held and not report.is_complete


def test_a_process_that_ended_early_is_told() -> None:
    report = report_of(timeline(*ALL_HELD), failure="process 1 ended with -9")
    assert report.verdict.reasons == ["process 1 ended with -9"]


def test_percentiles_are_those_of_all_processes() -> None:
    made = timeline(
        sample(0, 0, latency=counts_of(1000, 2000, 3000)), sample(1, 0, latency=counts_of(100_000, 100_000))
    )
    report = report_of(made)
    assert report.series["latency_p50_ms"][0] == pytest.approx(3.0, rel=1 / 64)
    assert report.latency.count == 5 and report.latency.max_ms == pytest.approx(100, rel=1 / 64)


def test_an_alert_belongs_to_the_interval_of_its_acknowledgement() -> None:
    made = timeline(*ALL_HELD)
    made.add_alert(START_US + 500_000, START_US + 2_100_000, latency_ms=250)
    report = report_of(made)
    assert report.series["alerts"] == [0, 0, 1, 0, 0, 0]
    assert report.alert_latency.p50_ms == pytest.approx(250, rel=1 / 64)
    assert report.alert_since_due.p50_ms == pytest.approx(1600, rel=1 / 64)


@pytest.mark.parametrize(("last_mib", "is_held"), [(110, True), (140, False)])
def test_a_soak_looks_at_memory(last_mib: int, is_held: bool) -> None:
    memory = [sample(0, interval, memory_bytes=(100 if interval < 5 else last_mib) << 20) for interval in range(6)]
    others = [one for one in ALL_HELD if one.process]
    soak = msgspec.structs.replace(SETUP, profile="soak")
    verdict = report_of(timeline(*memory, *others), soak).verdict
    assert verdict.is_held is is_held
    assert report_of(timeline(*memory, *others)).verdict.is_held


def test_a_long_run_has_longer_intervals_and_no_more_rows() -> None:
    assert [interval_s(seconds) for seconds in (1, 7200, 7201, 86_400)] == [1, 1, 2, 12]


@pytest.fixture(params=["full", "empty"])
def report(request: pytest.FixtureRequest) -> Report:
    if request.param == "empty":
        return report_of(timeline(), seconds=0.0)
    made = timeline(*ALL_HELD, sample(0, 2, put=0, sent=0, latency=counts_of(9), service=counts_of(9), throttled=3))
    made.add_alert(START_US, START_US + 1, 0.5)
    made.see_behind(3.0, 12)
    return report_of(made, failure="<b>odd</b> & ends")


def parsed(page: str) -> ElementTree.Element:
    return ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>"))  # noqa: S314 (ours)


def test_the_page_is_well_formed_and_needs_nothing_from_elsewhere(report: Report) -> None:
    page = page_of(report)
    root = parsed(page)
    assert not re.search(r"https?:|url\(|@import|<script|<link|\bsrc=|\bhref=", page)
    assert "prefers-color-scheme: dark" in page and 'name="viewport"' in page
    assert "<stream>" not in page and "&lt;stream&gt; &amp; co" in page and "<b>odd</b>" not in page
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))


def test_every_chart_has_a_title_and_a_description_that_it_names(report: Report) -> None:
    drawings = [element for element in parsed(page_of(report)).iter("svg") if element.get("role") == "img"]
    for drawing in drawings:
        told = {child.get("id"): child.text for child in drawing if child.tag in ("title", "desc")}
        assert list(told) == str(drawing.get("aria-labelledby")).split() and all(told.values())
    if report.totals.sent:
        assert len(drawings) == len(charts_of(report))


def test_the_json_of_a_report_reads_back(report: Report) -> None:
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report


def test_the_summary_has_all_but_the_series(report: Report) -> None:
    summary = summary_of(report, [])
    assert set(summary) == {*report.__struct_fields__, "files"} - {"series"}
    told = list(told_of(report))
    assert f"{report.totals.sent} of {report.totals.scheduled} events due acknowledged" in told[0]
    assert told[-1] == ("held" if report.verdict.is_held else "not held: <b>odd</b> & ends")


def lines_of(drawn: str) -> list[str]:
    return re.findall(r'class="line s\d" d="([^"]+)"', drawn)


def test_a_line_has_a_gap_where_there_is_no_value() -> None:
    (line,) = lines_of(draw(Chart("t", "u", [Series("s", [1, 2, None, 3, None, 4, 5])], 1), "c"))
    assert line.count("M") == 3 and line.count("h.1") == 1


def test_points_that_share_a_place_keep_their_peak_or_mean() -> None:
    values = [0.0] * 10_000
    values[777] = 1000.0
    for keeps_peaks, highest in ((True, True), (False, False)):
        (line,) = lines_of(draw(Chart("t", "u", [Series("s", values)], 1, keeps_peaks=keeps_peaks), "c"))
        tops = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", line)]
        assert len(tops) < 400 and (min(tops) == 12.0) is highest


@pytest.mark.parametrize("values", [[0.0], [1.0], [0.001, 0.0], [999_999.0, 3.0], [1e-9], [10.0, 1000.0], [None]])
@pytest.mark.parametrize("is_log", [False, True])
def test_every_value_is_inside_of_the_axes(values: list[float | None], is_log: bool) -> None:
    drawn = draw(Chart("t", "u", [Series("s", values)], 1, is_log=is_log), "c")
    for line in lines_of(drawn):
        assert all(12 <= float(y) <= 174 for y in re.findall(r"[ML][\d.]+ ([\d.]+)", line))
    assert 2 <= drawn.count('class="grid"') <= 7


def test_numbers_are_short() -> None:
    assert [short(value) for value in (0, 0.25, 12, 1500, 20_000, 2e6, 3e9)] == [
        "0",
        "0.25",
        "12",
        "1.5k",
        "20k",
        "2M",
        "3G",
    ]
