"""The figures of a run, as metrics and by phase."""

import json

from batch_compaction.report import HourReport, RunReport, metrics_of
from batch_compaction.telling import Stopwatch

HOUR = HourReport("2026-11-24T10", new_lines=9, facts_before=0, facts=7, duplicates=1, conflicts=1)
REPORT = RunReport(
    run_id="a-run",
    objects=3,
    lines=16,
    accepted=10,
    attestations=2,
    blank=1,
    quarantined={"not_json": 2, "too_large": 1},
    unpublished=1,
    hours=[HOUR],
    held={"2026-11-24T09": ["users_known: ..."]},
    overwritten=["o"],
    unread={"a": "gone", "b": "archived"},
    gone=["g"],
    strange=["m"],
    in_flight=4,
    undeleted=5,
    overtaken=6,
    published_through="2026-11-24T09:00:00.000000Z",
    published_through_age_s=8_700,
    committed=["fact_clicks"],
    bytes_read=1_000,
    seconds={"find": 0.5, "publish": 1.25},
    peak_memory_bytes=2_000,
)


def test_a_report_is_one_line_of_the_embedded_metric_format() -> None:
    line = metrics_of(REPORT, "clickstream", instant_us=1_795_946_400_000_000)
    assert b"\n" not in line
    values = json.loads(line)
    [directive] = values["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Clickstream/Compaction"
    assert values["_aws"]["Timestamp"] == 1_795_946_400_000
    assert [values[name] for [name] in directive["Dimensions"]] == ["clickstream"]
    assert {metric["Name"]: (values[metric["Name"]], metric["Unit"]) for metric in directive["Metrics"]} == {
        "Runs": (1, "Count"),
        "Objects": (3, "Count"),
        "Lines": (16, "Count"),
        "Accepted": (10, "Count"),
        "Quarantined": (3, "Count"),
        "Attestations": (2, "Count"),
        "Duplicates": (1, "Count"),
        "Conflicts": (1, "Count"),
        "Unpublished": (1, "Count"),
        "HoursPublished": (1, "Count"),
        "HoursHeld": (1, "Count"),
        "ObjectsUnread": (2, "Count"),
        "ObjectsOverwritten": (1, "Count"),
        "ObjectsGone": (1, "Count"),
        "MessagesStrange": (1, "Count"),
        "MessagesInFlight": (4, "Count"),
        "MessagesUndeleted": (5, "Count"),
        "Overtaken": (6, "Count"),
        "PublishedThroughAge": (8700, "Seconds"),
        "BytesRead": (1000, "Bytes"),
        "PeakMemory": (2000, "Bytes"),
        "Duration": (1.75, "Seconds"),
    }


def test_each_phase_takes_the_time_until_the_next_one_begins() -> None:
    instants = iter([0.0, 1.0, 3.0, 6.0, 10.0, 15.0, 21.0])
    watch = Stopwatch(clock=lambda: next(instants))
    for step in (
        "find raw objects",
        "read a",
        "read b",
        "another run committed first",
        "find raw objects",
        "publish t",
    ):
        watch.step(step)
    watch.stop()
    assert watch.seconds == {"find": 1.0 + 5.0, "read": 2.0 + 3.0 + 4.0, "publish": 6.0}
