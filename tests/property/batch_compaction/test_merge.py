"""The result of a merge depends on the lines alone: not on their order, nor on how they came in."""

import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow.dataset import dataset

from batch_compaction.hour_merge import MergedHour, Merging, merge_hour
from batch_compaction.lake_tables import parquet_bytes
from batch_compaction.parse import LINE_SCHEMA, hours_of, parse_block
from batch_compaction.raw import RawObject
from batch_compaction.sorting import Room
from schemas.blocks import Block
from schemas.codec import encode
from schemas.event import ClickEvent
from schemas.instants import HOUR_US, parse_instant_us
from schemas.tables import FACT_CLICKS

HOUR = parse_instant_us("2026-11-24T10:00:00Z")
NOTHING = FACT_CLICKS.schema.empty_table()
ROOM = Room(at_once_bytes=1 << 30, engine_bytes=1 << 28, folder=Path(tempfile.gettempdir()))

# Few ids and few payloads, so that duplicates and conflicts are frequent.
payloads = st.builds(
    ClickEvent,
    event_id=st.sampled_from("abcdefgh"),
    user_id=st.sampled_from("uv"),
    session_id=st.just("s"),
    event_type=st.just("click"),
    event_timestamp_us=st.sampled_from([HOUR, HOUR + 1, HOUR + HOUR_US]),
    device_type=st.sampled_from([None, "mobile"]),
    metadata=st.sampled_from([{}, {"k": "1"}, {"k": "1", "l": "2"}]),
    producer_seq=st.none() | st.integers(0, 3),
)
objects = st.lists(st.lists(payloads, min_size=1, max_size=6), min_size=1, max_size=5)


@dataclass(frozen=True)
class Hour:
    """An hour as it would be published."""

    facts: pa.Table
    conflicts: pa.Table
    merging: Merging

    @property
    def merged(self) -> MergedHour:
        return self.merging.hour


def lines_of(contents: list[list[ClickEvent]]) -> list[pa.Table]:
    return [
        parse_block(
            RawObject("bucket", f"key-{number}", "etag", 1, HOUR), Block(b"\n".join(map(encode, events)), 0)
        ).accepted
        for number, events in enumerate(contents)
    ]


def sorted_facts(hour: Merging, room: Room = ROOM) -> pa.Table:
    return pa.concat_tables([NOTHING, *hour.sorted_facts(room)])


def merged_in_steps(batches: list[list[pa.Table]]) -> dict[int, Hour]:
    hours: dict[int, Hour] = {}
    for batch in batches:
        lines = pa.concat_tables([LINE_SCHEMA.empty_table(), *batch])
        of_line = hours_of(lines)
        for hour_us in sorted(set(of_line.tolist())):
            pieces = [
                lines.filter(pa.array(of_line == hour_us)).slice(at, 1) for at in range((of_line == hour_us).sum())
            ]
            before = hours.get(hour_us)
            facts, conflicts = (before.facts, before.conflicts) if before else (NOTHING, NOTHING)
            merging = merge_hour(hour_us, pieces.copy, dataset(facts), dataset(conflicts))
            hours[hour_us] = Hour(sorted_facts(merging), merging.hour.conflicts, merging)
            assert len(hours[hour_us].facts) == merging.hour.facts_count
            assert len(facts) == merging.hour.facts_before
    return hours


@settings(max_examples=40)
@given(objects, st.data())
def test_the_order_and_the_cuts_of_the_runs_do_not_matter(
    contents: list[list[ClickEvent]], data: st.DataObject
) -> None:
    tables = lines_of(contents)
    shuffled = data.draw(st.permutations(tables))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(tables)))) | {0, len(tables)})
    steps = merged_in_steps([shuffled[start:end] for start, end in pairwise(cuts)])
    at_once = merged_in_steps([tables])
    assert steps.keys() == at_once.keys()
    for hour, merged in at_once.items():
        assert parquet_bytes(steps[hour].facts, FACT_CLICKS.schema) == parquet_bytes(merged.facts, FACT_CLICKS.schema)
        assert steps[hour].conflicts.to_pylist() == merged.conflicts.to_pylist()


@settings(max_examples=40)
@given(objects)
def test_merging_again_changes_nothing_and_counts_nothing_twice(contents: list[list[ClickEvent]]) -> None:
    tables = lines_of(contents)
    once, twice = merged_in_steps([tables]), merged_in_steps([tables, tables])
    for hour, merged in once.items():
        assert twice[hour].facts.to_pylist() == merged.facts.to_pylist()
        assert twice[hour].conflicts.to_pylist() == merged.conflicts.to_pylist()


@settings(max_examples=40)
@given(objects)
def test_a_plain_recount_comes_to_the_same_rows(contents: list[list[ClickEvent]]) -> None:
    seen: dict[tuple[int, str], list[ClickEvent]] = {}
    for events in contents:
        for event in events:
            hour = event.event_timestamp_us - event.event_timestamp_us % HOUR_US
            seen.setdefault((hour, event.event_id), []).append(event)
    merged = merged_in_steps([lines_of(contents)])
    for hour, result in merged.items():
        expected = {event_id: events for (of, event_id), events in seen.items() if of == hour}
        winners = {row["click_id"]: row["user_id"] for row in result.facts.to_pylist()}
        assert winners == {event_id: events[0].user_id for event_id, events in expected.items()}
        distinct = sum(len({payload_of(event) for event in events}) for events in expected.values())
        assert len(result.conflicts) == distinct - len(expected)
        assert result.merged.duplicates == sum(map(len, expected.values())) - distinct


@settings(max_examples=15)
@given(objects)
def test_rows_that_do_not_fit_into_memory_come_out_the_same(contents: list[list[ClickEvent]]) -> None:
    no_room = Room(at_once_bytes=0, engine_bytes=1 << 28, folder=ROOM.folder)
    for hour in merged_in_steps([lines_of(contents)]).values():
        assert parquet_bytes(sorted_facts(hour.merging, no_room), FACT_CLICKS.schema) == parquet_bytes(
            hour.facts, FACT_CLICKS.schema
        )


def payload_of(event: ClickEvent) -> tuple[object, ...]:
    return (event.user_id, event.event_timestamp_us, event.device_type, tuple(event.metadata.items()))
