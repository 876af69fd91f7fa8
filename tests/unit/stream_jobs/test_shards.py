from __future__ import annotations

from schemas.instants import parse_instant_us, us_to_datetime
from stream_jobs.shards import ENDED, LATEST, TRIM_HORIZON, Shard, iterator_arguments, readable, start_of

NOW_US = parse_instant_us("2026-11-24T10:00:00Z")


def test_children_wait_until_their_parents_have_ended() -> None:
    shards = [Shard("0"), Shard("1"), Shard("2", ("0", "1"))]
    assert readable(shards, {}) == ["0", "1"]
    assert readable(shards, {"0": ENDED, "1": "49"}) == ["1"]
    assert readable(shards, {"0": ENDED, "1": ENDED}) == ["2"]


def test_a_parent_that_the_stream_no_longer_lists_holds_nobody_up() -> None:
    assert readable([Shard("2", ("gone",))], {}) == ["2"]


def test_reading_goes_on_after_the_last_record() -> None:
    assert iterator_arguments("49", TRIM_HORIZON) == {
        "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
        "StartingSequenceNumber": "49",
    }


def test_a_job_begins_at_the_oldest_record_or_at_the_instant_it_began() -> None:
    assert iterator_arguments(None, start_of(TRIM_HORIZON, NOW_US)) == {"ShardIteratorType": "TRIM_HORIZON"}
    assert iterator_arguments(None, start_of(LATEST, NOW_US)) == {
        "ShardIteratorType": "AT_TIMESTAMP",
        "Timestamp": us_to_datetime(NOW_US),
    }
