from dataclasses import replace

import pyarrow as pa

from batch_compaction.check import faults_of
from batch_compaction.merge import merge
from batch_compaction.parse import parse_object
from batch_compaction.raw import Content, RawObject
from schemas.instants import HOUR_US, parse_instant_us
from schemas.tables import FACT_CLICKS

HOUR = parse_instant_us("2026-11-24T10:00:00Z")
LINES = parse_object(
    RawObject("bucket", "key", "etag", 1, HOUR),
    Content(
        b"\n".join(
            b'{"event_id":"%d","user_id":"u","session_id":"s","event_type":"click","event_timestamp":%d}'
            % (number, HOUR // 1000 + number)
            for number in range(5)
        )
    ),
).accepted
NOTHING = FACT_CLICKS.schema.empty_table()
[MERGED] = merge(LINES, NOTHING, NOTHING)


def test_a_right_hour_passes() -> None:
    assert faults_of(MERGED, LINES, NOTHING) == []


def test_a_lost_fact_is_noticed() -> None:
    assert faults_of(replace(MERGED, facts=MERGED.facts.slice(1)), LINES, NOTHING)


def test_a_fact_that_stands_twice_is_noticed() -> None:
    twice = pa.concat_tables([MERGED.facts, MERGED.facts.slice(0, 1)])
    assert "an event id stands twice in the facts" in faults_of(replace(MERGED, facts=twice), LINES, NOTHING)


def test_a_fact_of_another_hour_is_noticed() -> None:
    assert "a fact lies outside of its hour" in faults_of(replace(MERGED, hour_us=HOUR - HOUR_US), LINES, NOTHING)
