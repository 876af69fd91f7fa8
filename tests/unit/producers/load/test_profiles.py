"""Profiles say when each event is due, and their counts add up."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from producers.load.profiles import PROFILES, Profile, profile_of
from schemas.errors import ConfigError

SIZES = [(1000.0, 10.0), (7.3, 3.1), (333.3, 60.0), (0.5, 12.0)]


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize(("rate", "seconds"), SIZES)
class TestEveryProfile:
    @pytest.fixture
    def profile(self, name: str, rate: float, seconds: float) -> Profile:
        return profile_of(name, rate, seconds)

    def test_every_event_is_due_in_order_and_in_time(self, profile: Profile) -> None:
        due = list(profile.share(0, 1))
        assert len(due) == profile.total
        assert due == sorted(due) and due[0] == 0 and due[-1] <= profile.seconds

    def test_the_counts_of_adjoining_spans_add_up(self, profile: Profile) -> None:
        marks = [profile.seconds * place / 37 for place in range(38)]
        assert sum(profile.due_by(end) - profile.due_by(begin) for begin, end in pairwise(marks)) == profile.total
        assert profile.due_by(-1) == 0 and profile.due_by(profile.seconds + 1) == profile.total

    def test_a_count_is_that_of_the_events_that_are_due_before(self, profile: Profile) -> None:
        due = list(profile.share(0, 1))
        for place in range(1, 38):
            # Off the marks themselves, where the last digit of a float decides.
            at_s = profile.seconds * (place - 0.4999) / 37
            assert profile.due_by(at_s) == sum(event_s < at_s for event_s in due)

    def test_processes_share_the_events_without_rest(self, profile: Profile) -> None:
        parts = [list(profile.share(index, 3)) for index in range(3)]
        assert sorted(due_s for part in parts for due_s in part) == list(profile.share(0, 1))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1

    def test_an_event_is_due_when_its_number_says(self, profile: Profile) -> None:
        numbers = np.arange(profile.total)
        assert list(profile.due_s(numbers[::-1])) == list(profile.share(0, 1))[::-1]

    def test_no_second_has_more_than_the_rate(self, profile: Profile, rate: float) -> None:
        counts = [profile.due_by(at_s + 1) - profile.due_by(at_s) for at_s in range(int(profile.seconds) - 1)]
        assert max(counts, default=0) <= rate + 1


def test_a_steady_load_is_even() -> None:
    assert list(profile_of("steady", 4, 2).share(0, 1)) == [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75]


def test_a_ramp_has_half_of_its_events_in_the_last_part_of_the_time() -> None:
    ramp = profile_of("ramp", 1000, 10)
    assert ramp.total == 5000
    assert ramp.due_by(10 / 2**0.5) == pytest.approx(2500, abs=1)


def test_a_spike_has_the_whole_rate_for_the_middle_fifth_of_the_time() -> None:
    spike = profile_of("spike", 1000, 10)
    assert [spike.due_by(second + 1) - spike.due_by(second) for second in range(10)] == [200] * 4 + [1000] * 2 + [
        200
    ] * 4


@pytest.mark.parametrize(
    ("name", "rate", "seconds", "told"),
    [
        ("wave", 10, 10, "--profile"),
        ("steady", 0, 10, "--rate"),
        ("steady", 10, -1, "--minutes"),
        ("steady", float("nan"), 10, "--rate"),
        ("ramp", 0.1, 1, "no event"),
    ],
)
def test_a_load_that_cannot_be_is_refused(name: str, rate: float, seconds: float, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        profile_of(name, rate, seconds)
