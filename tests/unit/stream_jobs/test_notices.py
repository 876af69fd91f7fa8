from __future__ import annotations

import pytest

from schemas.notices import Notice
from stream_jobs.notices import Skip, skip_of

RAW = "clickstream-raw"


@pytest.mark.parametrize(
    ("bucket", "key", "skip"),
    [
        (RAW, "clickstream/partner/a.json", None),
        (RAW, "clickstream/a.JSON", None),
        (RAW, "clickstream/a.ndjson", None),
        (RAW, "clickstream/a.json.zst", None),
        (RAW, "clickstream/a.jsonl", None),
        (RAW, "clickstream/year=2026/month=11/day=24/hour=10/a.json.gz", None),
        (RAW, "clickstream/a.gz", None),
        (RAW, "clickstream/a.csv", Skip.NO_JSON),
        (RAW, "clickstream/folder/", Skip.NO_JSON),
        (RAW, "other/a.json", Skip.ELSEWHERE),
        ("another", "clickstream/a.json", Skip.ELSEWHERE),
        (RAW, "clickstream-errors/deaggregation-failed/a.json", Skip.FROM_THE_STREAM),
        (
            RAW,
            "clickstream/year=2026/month=11/day=24/hour=10/"
            "clicks-1-2026-11-24-10-00-00-0b7b3f4e-5a61-4a6e-8d0e-2f0d9f3f2a11.json.gz",
            Skip.FROM_THE_STREAM,
        ),
    ],
)
def test_only_json_files_that_others_put_among_the_raw_objects_are_read(
    bucket: str, key: str, skip: Skip | None
) -> None:
    assert skip_of(Notice(bucket=bucket, key=key, event_us=0), RAW) is skip
