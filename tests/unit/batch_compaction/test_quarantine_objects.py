"""The raw object of repaired lines: one name for one content, where everybody who reads raw objects expects one."""

from __future__ import annotations

import pytest

from batch_compaction.quarantine_objects import RepairedLines, rules_digest_of
from schemas.lake import firehose_object, hour_of_key, is_firehose_object, parse_hour
from schemas.notices import Notice
from stream_jobs.notices import skip_of

HOUR = parse_hour("2026-11-24T10")
DIGEST = "0123456789abcdef"


def key_of(*lines: bytes, digest: str = DIGEST, hour_us: int = HOUR) -> str:
    with RepairedLines(digest) as repaired:
        assert [repaired.add(line) for line in lines] == list(range(1, len(lines) + 1))
        return repaired.key(hour_us)


def test_a_name_is_of_the_rules_and_of_the_lines() -> None:
    key = key_of(b"one", b"two")
    assert key_of(b"one", b"two") == key
    assert len({key, key_of(b"one"), key_of(b"two", b"one"), key_of(b"one", b"two", digest="f" * 16)}) == 4
    assert rules_digest_of(key) == DIGEST


def test_it_lies_in_the_hour_of_the_arrival_behind_the_objects_of_every_hour() -> None:
    key = key_of(b"one")
    assert hour_of_key(key) == HOUR
    assert key > f"clickstream/{firehose_object('clickstream', HOUR, '0' * 36)}"
    assert key > "clickstream/year=9999/month=12/day=31/hour=23/z"


def test_the_function_for_dropped_files_reads_it() -> None:
    key = key_of(b"one")
    assert not is_firehose_object(key)
    assert skip_of(Notice(bucket="raw", key=key, event_us=HOUR), "raw") is None


def test_another_key_is_of_no_such_object() -> None:
    with pytest.raises(ValueError, match="no object of repaired lines"):
        rules_digest_of("clickstream/z-repaired/mine.json.gz")
