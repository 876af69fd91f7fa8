from __future__ import annotations

from stream_jobs.job_status import counters_of, own_names


def test_our_counters_are_found_under_the_prefixes_of_chained_operators() -> None:
    names = [
        "poll__decode.records",
        "poll__decode.dead_letters_too_large",
        "publish.unsettled",
        "publish.KinesisAnalytics.latency_ms_p99",
    ]
    assert own_names([*names, "numRecordsIn", "publish.numRecordsOut"]) == names


def test_dead_letters_are_counted_by_reason_and_absent_counters_are_zero() -> None:
    counters = counters_of({"records": 3, "dead_letters_too_large": 2, "dead_letters_sent": 1})
    assert counters["dead_letters"] == {"too_large": 2}
    assert (counters["records"], counters["dead_letters_sent"], counters["published"]) == (3, 1, 0)
