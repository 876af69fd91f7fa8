from __future__ import annotations

import pytest

from schemas.instants import SECOND_US
from stream_jobs.deadline import Deadline, OutOfTimeError


class Clock:
    """An invocation whose time passes only where it pauses, or is told to."""

    def __init__(self, left_s: float) -> None:
        self.left_s = left_s

    def pause(self, seconds: float) -> None:
        self.left_s -= seconds


def deadline_of(clock: Clock) -> Deadline:
    return Deadline(lambda: clock.left_s, clock.pause)


def test_nothing_is_begun_in_the_reserve() -> None:
    clock = Clock(900)
    deadline = deadline_of(clock)
    clock.left_s = 20
    deadline.require_time()
    clock.left_s = 19.9
    with pytest.raises(OutOfTimeError):
        deadline.require_time()


def test_of_a_short_time_a_quarter_is_reserve() -> None:
    clock = Clock(8)
    deadline = deadline_of(clock)
    clock.left_s = 2
    deadline.require_time()
    clock.left_s = 1.9
    with pytest.raises(OutOfTimeError):
        deadline.require_time()


def test_a_pause_that_would_last_into_the_end_is_not_made() -> None:
    clock = Clock(60)
    deadline = deadline_of(clock)
    assert not deadline.wait(50)
    assert clock.left_s == 10
    assert deadline.wait(8)
    assert clock.left_s == 10
    assert deadline.patience_s() == 8


def test_there_is_no_patience_after_the_end() -> None:
    clock = Clock(60)
    deadline = deadline_of(clock)
    clock.left_s = 0
    assert deadline.patience_s() == 0
    assert deadline.wait(0)


def test_a_lease_ends_when_the_invocation_has_ended_on_any_clock() -> None:
    assert deadline_of(Clock(60)).lease_until_us(1_000_000) == 1_000_000 + 62 * SECOND_US
