"""A process measures from when its events were due, whatever came between, and puts none of them early."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from producers.batching import Record
from producers.lines import Line
from producers.load.histogram import Histogram
from producers.load.load_worker import Visits, follow
from producers.load.meter import Meter
from producers.load.profiles import profile_of
from producers.load.timeline import Sample
from producers.results import Refused, Result, Taken
from producers.stamping import Stamper
from schemas.codec import decode
from schemas.event import ClickEvent
from schemas.kpl import Aggregator

START_S = 1000.0
START_US = 1_795_000_000_000_000
TAKEN = Taken("shard-0")


def record_of(places: list[int], size_bytes: int = 50) -> Record:
    """A record with the stamped lines of some places, interleaved as two shards would have them."""
    aggregator = Aggregator(1 << 20)
    for place in places:
        data = b'{"page_url":"%b"}' % (b"x" * size_bytes)
        assert aggregator.add(f"user-{place}", Stamper("me", place).stamp(data))
    return Record("user", aggregator.drain(), len(places), "0")


def measured(*calls: tuple[list[Record], list[Result], float, float]) -> Sample:
    profile = profile_of("steady", 10, 100)
    meter = Meter(0, profile.due_s, START_S)
    for call in calls:
        meter.called(*call)
    return meter.cut(3, memory_bytes=77, cpu_s=0.5)


def latencies(counts: dict[int, int]) -> list[tuple[int, int]]:
    """Value and count of each bucket."""
    found = []
    for bucket, count in sorted(counts.items()):
        value = Histogram({bucket: 1}).percentile_us(100)
        assert value is not None
        found.append((value, count))
    return found


def test_latency_runs_from_when_an_event_was_due_and_not_from_the_call() -> None:
    sample = measured(([record_of([0, 5, 20])], [TAKEN], START_S + 2.4, START_S + 2.5))
    # Due at 0, 0.5 and 2 s.
    assert [value for value, _ in latencies(sample.latency)] == pytest.approx(
        [500_000, 2_000_000, 2_500_000], rel=1 / 64
    )
    assert sample.on_time == 1 and sample.records == 1
    assert [value for value, _ in latencies(sample.service)] == pytest.approx([100_000], rel=1 / 64)
    assert (sample.interval, sample.memory_bytes, sample.cpu_s) == (3, 77, 0.5)


def test_the_schedule_decides_when_an_event_was_due() -> None:
    profile = profile_of("ramp", 100, 10)
    meter = Meter(1, lambda places: profile.due_s(places * 4 + 1), START_S)
    meter.called([record_of([7])], [TAKEN], START_S, START_S + 9)
    ((late_us, _),) = latencies(meter.cut(0, 0, 0).latency)
    assert late_us == pytest.approx((9 - list(profile.share(1, 4))[7]) * 1e6, rel=1 / 64)


def test_only_what_was_taken_counts() -> None:
    records = [record_of([0]), record_of([1]), Record("me", b'{"first_seq":0}', 0)]
    throttled = Refused("slow down", is_throttle=True)
    sample = measured(
        (records, [throttled, TAKEN, TAKEN], START_S, START_S + 1),
        (records[:1], [Refused("down", is_whole_call=True)], START_S + 1, START_S + 2),
    )
    assert (sample.calls, sample.failed_calls, sample.records) == (2, 1, 1)
    assert sum(sample.latency.values()) == 1 and sample.bytes == len(records[1].data)


@pytest.mark.parametrize(
    ("places", "size_bytes", "units"),
    [
        # Payload units, on-demand units, units of Firehose by events and by records.
        ([0], 900, (1, 1, 1, 1)),
        ([0, 1, 2], 900, (1, 3, 3, 1)),
        (list(range(40)), 900, (2, 38, 40, 8)),
        ([0], 6000, (1, 6, 2, 2)),
    ],
)
def test_billed_units_are_counted_by_record(places: list[int], size_bytes: int, units: tuple[int, ...]) -> None:
    sample = measured(([record_of(places, size_bytes)], [TAKEN], START_S, START_S + 1))
    found = (sample.payload_units, sample.on_demand_units, sample.firehose_units, sample.firehose_record_units)
    assert found == units


def test_a_cut_begins_anew() -> None:
    meter = Meter(0, profile_of("steady", 10, 10).due_s, START_S)
    meter.put, meter.purchases = 5, 2
    meter.called([record_of([0])], [TAKEN], START_S, START_S + 1)
    assert (meter.cut(0, 0, 0).put, meter.cut(1, 0, 0)) == (5, Sample(process=0, interval=1))
    meter.put = 9
    assert meter.cut(2, 0, 0).put == 4


class Clock:
    """Time that only sleeping and slow puts move."""

    def __init__(self) -> None:
        self.now_s = START_S - 1
        self.sleeps: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now_s += seconds


def events() -> Iterator[ClickEvent]:
    number = 0
    while True:
        kind = "purchase" if number % 10 == 0 else "click"
        yield ClickEvent(event_id=str(number), user_id="u", session_id="s", event_type=kind, event_timestamp_us=0)
        number += 1


def followed(slow_s: dict[int, float], stop_after: float = 1e9, rate: float = 100) -> tuple[list[Any], Clock, Meter]:
    """Follow a second; putting the event of a number takes so long."""
    clock = Clock()
    profile = profile_of("steady", rate, 1)
    meter = Meter(0, profile.due_s, START_S)
    put: list[Any] = []

    def take(line: Line) -> None:
        put.append((decode(line.data, START_US), clock.now_s - START_S))
        clock.now_s += slow_s.get(len(put) - 1, 0.0)

    visits = Visits(events(), Stamper("p"), START_US, None)
    stopped = lambda: clock.now_s - START_S >= stop_after  # noqa: E731
    follow(visits, profile.share(0, 1), take, meter, stopped, START_S, clock=clock, sleep=clock.sleep)
    return put, clock, meter


def test_no_event_is_put_before_it_is_due_and_each_has_its_time() -> None:
    put, _, meter = followed({})
    assert len(put) == meter.put == 100 and meter.purchases == 10
    for number, (event, at_s) in enumerate(put):
        assert number / 100 <= at_s + 1e-9 < number / 100 + 0.002
        assert event.event_timestamp_us == pytest.approx(START_US + number * 10_000, abs=1)


def test_a_put_that_was_slow_moves_no_later_event() -> None:
    put, _, _ = followed({20: 0.5})
    times = [at_s for _, at_s in put]
    # All that became due meanwhile goes at once, and what comes then goes when it is due.
    assert times[21:70] == [pytest.approx(0.7)] * 49
    assert times[80] == pytest.approx(0.8, abs=0.002)
    assert [event.event_timestamp_us for event, _ in put] == sorted(event.event_timestamp_us for event, _ in put)


def test_waiting_costs_no_more_than_a_wake_up_each_millisecond() -> None:
    put, clock, _ = followed({}, rate=50_000)
    assert len(put) == 50_000 and len(clock.sleeps) <= 1100 + 10


@pytest.mark.parametrize("slow_s", [{}, {30: 5.0}])
def test_a_stop_is_noticed_while_it_waits_and_while_it_is_late(slow_s: dict[int, float]) -> None:
    put, _, _ = followed(slow_s, stop_after=0.3, rate=5000)
    assert len(put) <= 0.3 * 5000 + 257
