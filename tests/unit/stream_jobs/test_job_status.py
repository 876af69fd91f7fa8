from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

from stream_jobs.job_status import JobStatus, counters_of, own_names


def test_our_counters_are_found_under_the_prefixes_of_chained_operators() -> None:
    names = [
        "poll__decode.records",
        "poll__decode.dead_letters_too_large",
        "publish.unsettled",
        "publish.KinesisAnalytics.latency_ms_p99",
    ]
    assert own_names([*names, "numRecordsIn", "publish.numRecordsOut"]) == names


class Flink(BaseHTTPRequestHandler):
    """Answers as Flink's REST interface does for a job of two vertices."""

    answers: ClassVar[dict[str, Any]] = {
        "/jobs/j": {"vertices": [{"id": "a", "status": "RUNNING"}, {"id": "b", "status": "RUNNING"}]},
        "/jobs/j/metrics?get=numRestarts": [{"id": "numRestarts", "value": "2"}],
        "/jobs/j/vertices/a/subtasks/metrics": [
            {"id": "poll__decode.records", "sum": 7, "max": 7},
            {"id": "poll__decode.KinesisAnalytics.failing_for_ms", "sum": 4_000, "max": 3_000},
            {"id": "poll__decode.KinesisAnalytics.millis_behind_latest", "sum": 9_000, "max": 8_000},
        ],
        "/jobs/j/vertices/b/subtasks/metrics": [
            {"id": "publish.KinesisAnalytics.failing_for_ms", "sum": 0, "max": 0},
            {"id": "publish.KinesisAnalytics.oldest_unsettled_ms", "sum": 60, "max": 50},
            {"id": "publish.KinesisAnalytics.unsettled", "sum": 3, "max": 2},
        ],
    }

    def do_GET(self) -> None:
        path = self.path if self.path in self.answers else self.path.partition("?")[0]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(self.answers[path]).encode())

    def log_message(self, *_: Any) -> None: ...


def test_what_fails_is_read_by_operator_with_the_oldest_that_waits() -> None:
    with HTTPServer(("127.0.0.1", 0), Flink) as flink:
        threading.Thread(target=flink.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        reading = JobStatus(flink.server_port, "j").read()
        flink.shutdown()
    assert reading.failing_for_ms == {"poll": 3_000}
    assert (reading.oldest_unsettled_ms, reading.behind_ms, reading.unsettled) == (50, 8_000, 3)
    assert (reading.running, reading.restarts, reading.counters["records"]) == (True, 2, 7)


def test_dead_letters_are_counted_by_reason_and_absent_counters_are_zero() -> None:
    counters = counters_of({"records": 3, "dead_letters_too_large": 2, "dead_letters_sent": 1})
    assert counters["dead_letters"] == {"too_large": 2}
    assert (counters["records"], counters["dead_letters_sent"], counters["published"]) == (3, 1, 0)
