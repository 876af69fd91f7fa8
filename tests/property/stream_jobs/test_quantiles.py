"""A quantile from buckets is the exact one, to the error that is promised."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_jobs.quantiles import RELATIVE_ERROR, SMALLEST, Quantiles

LATENCIES = st.lists(st.floats(SMALLEST, 1e10), min_size=1, max_size=200)
SHARES = st.floats(0, 1)


def of(values: list[float]) -> Quantiles:
    quantiles = Quantiles()
    for value in values:
        quantiles.add(value)
    return quantiles


def exact(values: list[float], share: float) -> float:
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


@given(LATENCIES, SHARES)
def test_it_is_the_exact_one_to_one_percent(values: list[float], share: float) -> None:
    assert of(values).quantile(share) == pytest.approx(exact(values, share), rel=RELATIVE_ERROR * 1.000001)


@given(LATENCIES)
def test_the_order_of_arrival_does_not_matter(values: list[float]) -> None:
    shares = (0.0, 0.5, 0.95, 0.99, 1.0)
    there, back = of(values), of(values[::-1])
    assert [there.quantile(share) for share in shares] == [back.quantile(share) for share in shares]


@given(LATENCIES)
def test_a_larger_share_is_no_smaller_value(values: list[float]) -> None:
    quantiles = of(values)
    found = [quantiles.quantile(step / 10) or 0.0 for step in range(11)]
    assert found == sorted(found)
    assert min(values) <= found[0] <= found[-1] <= max(values)


@given(st.floats(-1e9, 1e9))
def test_a_single_value_is_every_quantile(value: float) -> None:
    assert of([value]).quantile(0.5) == (value if abs(value) >= SMALLEST else pytest.approx(value, abs=SMALLEST))


@given(st.lists(st.floats(-1e6, SMALLEST, exclude_max=True), min_size=1), st.floats(10, 1e6))
def test_what_came_before_it_was_sent_counts_as_nothing(early: list[float], latency: float) -> None:
    quantiles = of([*early, latency])
    assert (quantiles.quantile(0.0) or 0.0) < SMALLEST
    assert quantiles.quantile(1.0) == pytest.approx(latency, rel=RELATIVE_ERROR)
    assert quantiles.count == len(early) + 1


def test_there_is_none_of_no_values() -> None:
    assert Quantiles().quantile(0.5) is None
    assert Quantiles().count == 0


def test_memory_does_not_grow_with_the_number_of_values() -> None:
    quantiles = Quantiles()
    for number in range(200_000):
        quantiles.add(SMALLEST * 1.00015**number)
    assert len(quantiles._buckets) < 1_600
