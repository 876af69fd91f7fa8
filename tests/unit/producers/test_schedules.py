"""When lines are due, and the loop that waits for them, by a clock of the test's own."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from producers.delivery import StopFlag, deliver
from producers.lines import Line
from producers.schedules import EvenSchedule, RecordedSchedule, at_once, schedule_of
from producers.sinks import Tally
from schemas.errors import ConfigError, WorkFailedError
from schemas.instants import SECOND_US


class FakeTime:
    now_s = 1000.0

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now_s += seconds


class RecordingSink:
    """Notes when it got and sent lines; each put takes some time."""

    def __init__(self, time: FakeTime, put_takes_s: float = 0.0) -> None:
        self.tally = Tally()
        self.settled = 0
        self.put_at: list[float] = []
        self.flushed_at: list[float] = []
        self._time = time
        self._put_takes_s = put_takes_s

    def put_line(self, line: Line) -> None:
        self._time.now_s += self._put_takes_s
        self.put_at.append(round(self._time.now_s - 1000, 6))

    def flush(self) -> None:
        self.flushed_at.append(round(self._time.now_s - 1000, 6))
        self.settled = len(self.put_at)

    def close(self) -> None:
        self.flush()


def lines_at(*seconds: float | None) -> Iterator[Line]:
    return iter([Line("ana", b"x", None if at is None else round(at * SECOND_US)) for at in seconds])


def delivered(lines: Iterator[Line], sink: RecordingSink, time: FakeTime, rate: float, speed: str = "max") -> int:
    told = [0]
    deliver(
        lines,
        sink,
        schedule_of(rate, speed),
        StopFlag(),
        clock=time.clock,
        sleep=time.sleep,
        on_progress=told.append,
    )
    return told[-1]


def test_a_rate_spreads_lines_evenly() -> None:
    time = FakeTime()
    sink = RecordingSink(time)
    assert delivered(lines_at(*[0] * 5), sink, time, rate=4) == 5
    assert sink.put_at == [0, 0.25, 0.5, 0.75, 1.0]


def test_a_slow_put_is_caught_up_so_the_rate_does_not_drift() -> None:
    time = FakeTime()
    sink = RecordingSink(time, put_takes_s=0.2)
    delivered(lines_at(*[0] * 11), sink, time, rate=4)
    assert sink.put_at[-1] == 2.7
    assert sink.put_at[4] == 1.2


def test_recorded_gaps_are_kept_at_the_speed_asked_for() -> None:
    schedule = RecordedSchedule(60)
    assert [schedule(line) for line in lines_at(100, 160, 160, 220)] == [0, 1, 1, 2]


def test_a_line_without_a_time_or_from_the_past_goes_with_the_line_before() -> None:
    schedule = RecordedSchedule(1)
    assert [schedule(line) for line in lines_at(None, 10, 13, 11, None, 14)] == [0, 0, 3, 3, 3, 4]


def test_a_wrong_clock_neither_stops_the_replay_nor_ends_its_pacing() -> None:
    day = 86_400.0
    ahead = RecordedSchedule(1)
    assert [ahead(line) for line in lines_at(0, 10, 400 * day, 20, 30)] == [0, 10, 10 + day, 10 + day, 20 + day]
    behind = RecordedSchedule(1)
    assert [behind(line) for line in lines_at(100 * day, 0, 5)] == [0, 0, 5]


def test_options_choose_the_schedule() -> None:
    assert schedule_of(0, "max") is at_once
    assert isinstance(schedule_of(5, "max"), EvenSchedule)
    assert isinstance(schedule_of(0, "1.5x"), RecordedSchedule)


@pytest.mark.parametrize(("rate", "speed"), [(0.0, "fast"), (0.0, "0x"), (0.0, "-1x"), (5.0, "1x")])
def test_options_that_make_no_schedule_are_refused(rate: float, speed: str) -> None:
    with pytest.raises(ConfigError):
        schedule_of(rate, speed)


def test_after_a_stop_no_line_is_taken_and_what_is_held_is_sent() -> None:
    time, stop, taken = FakeTime(), StopFlag(), 0
    sink = RecordingSink(time)

    def lines() -> Iterator[Line]:
        nonlocal taken
        for taken in range(1, 10):
            stop.is_set = taken == 3
            yield Line("ana", b"x")

    deliver(lines(), sink, at_once, stop, clock=time.clock, sleep=time.sleep, on_progress=lambda _: None)
    assert taken == len(sink.put_at) == 3
    assert len(sink.flushed_at) == 1


def test_lines_before_a_damage_are_sent_and_the_damage_is_told() -> None:
    time = FakeTime()
    sink = RecordingSink(time)

    def lines() -> Iterator[Line]:
        yield Line("ana", b"x")
        raise WorkFailedError("damaged")

    with pytest.raises(WorkFailedError, match="damaged"):
        delivered(lines(), sink, time, rate=0)
    assert len(sink.put_at) == len(sink.flushed_at) == 1


@pytest.fixture
def as_in_a_foreground() -> Iterator[None]:
    """Interrupts are heard: a shell starts what runs in its background deaf to them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_first_interrupt_asks_to_stop_and_the_second_interrupts(as_in_a_foreground: None) -> None:
    stop = StopFlag()
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), stop.on_interrupt():
        signal.raise_signal(signal.SIGINT)
        assert stop.is_set
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
