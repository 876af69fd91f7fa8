from __future__ import annotations

from stream_jobs.job_watch import innermost_cause, plain
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
