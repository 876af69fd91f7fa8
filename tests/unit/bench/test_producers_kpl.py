"""The benchmark of aggregated records: all that take turns do the same work, on events as they are promised."""

from __future__ import annotations

from bench.kpl_reference import aggregates_of, data_by_protobuf, records_of
from bench.producers_kpl import AGGREGATE_BYTES, aggregate_us, deaggregate_us, events, our_aggregates
from bench.stream_input import EVENT_BYTES
from schemas.kpl import DIGEST_BYTES, MAGIC, payloads, user_records


def test_the_events_are_of_one_size_and_many_users() -> None:
    puts = events()
    assert {len(data) for _, data, _ in puts} == {EVENT_BYTES}
    assert len({key for key, _, _ in puts}) > len(puts) / 20


def test_whoever_packs_and_unpacks_has_the_same_events() -> None:
    puts = events()
    ours, theirs = list(our_aggregates(puts)), list(aggregates_of(puts, AGGREGATE_BYTES))
    data = [data for _, data, _ in puts]
    assert [event for blob in theirs for event in payloads(blob)] == data
    assert [event for blob in ours for event in payloads(blob)] == data
    assert [event for blob in ours for event in data_by_protobuf(blob[len(MAGIC) : -DIGEST_BYTES])] == data
    assert list(records_of(ours)) == [record for blob in ours for record in user_records(blob, "outer")]


def test_every_figure_is_there_beside_the_least_there_is_to_do() -> None:
    packing, unpacking = aggregate_us(turns=1), deaggregate_us(turns=1)
    assert 130 <= packing.pop("events_per_aggregate") <= 140
    for figures, least in ((packing, "aggregate_floor_us"), (unpacking, "deaggregate_floor_us")):
        assert len(figures) >= 4
        assert all(value > 0 for value in figures.values())
        assert least in figures
