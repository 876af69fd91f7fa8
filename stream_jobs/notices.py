"""Which of the objects that were put the alerts are concerned with. Pure."""

from __future__ import annotations

from enum import StrEnum

from schemas.lake import RAW_PREFIX, is_firehose_object
from schemas.notices import Notice

_ENDINGS = (".json", ".jsonl", ".ndjson", ".gz", ".zst")


class Skip(StrEnum):
    """Why an object is not read. The values stand in logs and counts."""

    FROM_THE_STREAM = "from_the_stream"
    ELSEWHERE = "elsewhere"
    NO_JSON = "no_json"


def skip_of(notice: Notice, raw_bucket: str) -> Skip | None:
    """Return why an object is not read, or None where it is: a JSON file that others put among the raw objects."""
    if is_firehose_object(notice.key):
        return Skip.FROM_THE_STREAM
    if notice.bucket != raw_bucket or not notice.key.startswith(RAW_PREFIX):
        return Skip.ELSEWHERE
    return None if notice.key.lower().endswith(_ENDINGS) else Skip.NO_JSON
