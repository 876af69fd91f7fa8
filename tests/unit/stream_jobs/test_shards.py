from __future__ import annotations

import pytest

from schemas.errors import ConfigError
from schemas.instants import parse_instant_us, us_to_datetime
from stream_jobs.shards import ENDED, LATEST, TRIM_HORIZON, Shard, iterator_arguments, readable, slot_of, start_of

NOW_US = parse_instant_us("2026-11-24T10:00:00Z")


def test_children_wait_until_their_parents_have_ended() -> None:
    shards = [Shard("0"), Shard("1"), Shard("2", ("0", "1"))]
    assert readable(shards, {}, set()) == ["0", "1"]
    assert readable(shards, {"0": ENDED, "1": "49"}, {"0"}) == ["1"]
    assert readable(shards, {"0": ENDED, "1": ENDED}, {"0", "1"}) == ["2"]


def test_a_child_waits_for_a_parent_that_was_read_to_its_end_but_not_sent_on() -> None:
    assert readable([Shard("0"), Shard("1", ("0",))], {"0": ENDED}, set()) == []


def test_a_parent_that_another_reader_has_read_holds_nobody_up() -> None:
    assert readable([Shard("0"), Shard("1", ("0",))], {}, {"0"}) == ["0", "1"]


def test_a_parent_that_the_stream_no_longer_lists_holds_nobody_up() -> None:
    assert readable([Shard("2", ("gone",))], {}, set()) == ["2"]


def test_shards_are_dealt_out_in_turn_and_each_keeps_its_slot() -> None:
    assert [slot_of(f"shardId-{number:012}", 4) for number in (0, 1, 2, 3, 4, 117)] == [0, 1, 2, 3, 0, 1]
    assert slot_of("unnumbered", 4) == 0


def test_reading_goes_on_after_the_last_record() -> None:
    assert iterator_arguments("49", TRIM_HORIZON) == {
        "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
        "StartingSequenceNumber": "49",
    }


def test_a_job_begins_at_the_oldest_record_or_at_an_instant() -> None:
    assert iterator_arguments(None, start_of(TRIM_HORIZON, NOW_US)) == {"ShardIteratorType": "TRIM_HORIZON"}
    for choice, instant_us in {LATEST: NOW_US, "2026-11-24T08:30:00.25+01:00": NOW_US - 8_999_750_000}.items():
        assert iterator_arguments(None, start_of(choice, NOW_US)) == {
            "ShardIteratorType": "AT_TIMESTAMP",
            "Timestamp": us_to_datetime(instant_us),
        }


@pytest.mark.parametrize(
    "choice", ["", "yesterday", "2026-11-24T08:30:00", "2026-11-24", "2026-13-24T08:30:00Z", "at:5"]
)
def test_a_start_that_names_no_instant_is_told(choice: str) -> None:
    with pytest.raises(ConfigError, match="trim-horizon, latest or an instant with its zone"):
        start_of(choice, NOW_US)


def test_a_start_that_is_yet_to_come_is_told() -> None:
    with pytest.raises(ConfigError, match="yet to come"):
        start_of("2026-11-24T10:00:00.000001Z", NOW_US)
