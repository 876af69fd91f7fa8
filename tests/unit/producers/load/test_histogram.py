"""A histogram keeps percentiles within its bound, and parts add up to the whole."""

from __future__ import annotations

from random import Random

import pytest

from producers.load.histogram import HIGHEST_US, Histogram

VALUES = [int(10 ** Random(seed).uniform(0, 9)) for seed in range(5000)]


def histogram_of(values: list[int]) -> Histogram:
    histogram = Histogram()
    histogram.add(values)
    return histogram


@pytest.mark.parametrize("percent", [0.01, 1, 25, 50, 90, 99, 99.9, 100])
def test_a_percentile_is_not_below_the_value_and_at_most_a_64th_above(percent: float) -> None:
    exact = sorted(VALUES)[max(0, -(-len(VALUES) * percent // 100) - 1).__int__()]
    found = histogram_of(VALUES).percentile_us(percent)
    assert found is not None and exact <= found <= exact * (1 + 1 / 64)


@pytest.mark.parametrize("value", [0, 1, 63, 64, 127, 128, 129, 255, 256, 1 << 20, (1 << 20) + 1, HIGHEST_US])
def test_one_value_is_found_within_the_bound(value: int) -> None:
    found = histogram_of([value]).percentile_us(50)
    assert found is not None and value <= found <= value * (1 + 1 / 64)


def test_parts_that_were_sent_on_add_up_to_the_whole() -> None:
    whole = Histogram()
    for part in (VALUES[:10], VALUES[10:3000], VALUES[3000:]):
        whole.merge(Histogram(histogram_of(part).counts()))
    assert whole.counts() == histogram_of(VALUES).counts()
    assert len(whole) == len(VALUES)


def test_what_is_out_of_range_counts_at_its_ends() -> None:
    assert histogram_of([-5]).percentile_us(50) == 0
    assert histogram_of([HIGHEST_US * 9]).percentile_us(50) == HIGHEST_US


def test_nothing_has_no_percentile() -> None:
    assert Histogram().percentile_us(99) is None and len(Histogram()) == 0
