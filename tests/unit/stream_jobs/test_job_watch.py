from __future__ import annotations

from pathlib import Path
from typing import Any

from stream_jobs.job_status import Reading
from stream_jobs.job_watch import JobWatch, StatusRecord, innermost_cause, plain
from stream_jobs.patience import GaveUpError

TRACE = """An error occurred while calling o298.get.
: java.util.concurrent.ExecutionException: org.apache.flink.runtime.client.JobExecutionException: Job failed.
\tat java.base/java.util.concurrent.CompletableFuture.reportGet(Unknown Source)
Caused by: java.lang.RuntimeException: outer
\t... 14 more
Caused by: pemja.core.PythonException: <class 'stream_jobs.patience.GaveUpError'>: publish to arn: gave up after 1800 s
\tat pemja.core.object.PyIterator.next(Native Method)
"""


def test_a_failure_is_told_by_its_innermost_cause() -> None:
    assert GaveUpError.__name__ in innermost_cause(TRACE)
    assert plain(innermost_cause(TRACE)) == "publish to arn: gave up after 1800 s"
    assert innermost_cause("An error occurred\nelsewhere") == "An error occurred"


class Job:
    """Flink's client of a running job, and what its REST interface says."""

    def __init__(self) -> None:
        self.failing_for_ms: dict[str, int] = {}

    def get_job_status(self) -> Job:
        return self

    def result(self) -> str:
        return "RUNNING"

    def read(self) -> Reading:
        return Reading(
            running=True,
            restarts=0,
            unsettled=0,
            behind_ms=0,
            oldest_unsettled_ms=0,
            failing_for_ms=self.failing_for_ms,
            latency_ms={},
            counters={},
        )


def test_an_outage_is_told_once_a_minute_and_its_end(tmp_path: Path) -> None:
    job, said = Job(), list[str]()
    status: Any = job
    watch = JobWatch(job, status, StatusRecord(tmp_path / "status.json"), tmp_path, said.append, lambda: False)
    for for_ms in (1_000, 6_000, 7_000, 60_000, 66_000):
        job.failing_for_ms = {"publish": for_ms}
        watch.look()
    job.failing_for_ms = {}
    watch.look()
    watch.look()
    assert [text.partition(",")[0] for text in said] == [
        "publish: calls have failed for 6 s",
        "publish: calls have failed for 66 s",
        "publish: calls succeed again",
    ]
