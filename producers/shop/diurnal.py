"""When people come: by the hour of the day where they live.

A span is cut into slices, short enough that the rate hardly changes within one and that few events fall into it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from producers.shop.population import COUNTRIES
from producers.shop.visitors import Visitors

# Visitors of each hour of the local day, as a share of the busiest one in percent; linear in between.
VISITORS_BY_HOUR = (
    *(38, 24, 16, 12, 11, 14, 22, 34, 46, 56, 63, 68),
    *(72, 72, 69, 68, 70, 75, 82, 90, 98, 100, 86, 60),
)
_DAY_MINUTES = 24 * 60
_MINUTE_MS = 60_000
_LONGEST_SLICE_MS = 30 * _MINUTE_MS
# A slice is simulated at once, so whoever paces events waits for so many at most.
_SLICE_EVENTS = 2048


class Slice(NamedTuple):
    """A part of the span, in milliseconds, with the work done before and after it as shares of `whole`.

    Attributes:
        rate: how busy it is; 1 on the average of the span.
        presence: how likely people come from each of `COUNTRIES`; 1 where it is the busiest.
    """

    start_ms: int
    end_ms: int
    before: int
    after: int
    whole: int
    rate: float
    presence: tuple[float, ...]

    def count_of(self, events: int) -> int:
        """Return how many of the span's events fall into the slice."""
        return events * self.after // self.whole - events * self.before // self.whole


def slices_of(visitors: Visitors) -> Iterator[Slice]:
    """Yield the slices in order of time; they cover the span."""
    start_ms, span_ms = visitors.start_ms, visitors.end_ms - visitors.start_ms
    count = max(1, -(-span_ms // _LONGEST_SLICE_MS), -(-visitors.events // _SLICE_EVENTS))
    bounds = [start_ms + span_ms * number // count for number in range(count + 1)]
    weigh = _always if visitors.is_even else _by_clock
    weights = [sum(weigh((start + end) // 2)) for start, end in pairwise(bounds)]
    whole, before = sum(weights), 0
    for (start, end), weight in zip(pairwise(bounds), weights, strict=True):
        people = weigh((start + end) // 2)
        busiest = max(people)
        presence = tuple(number / busiest for number in people)
        yield Slice(start, end, before, before + weight, whole, weight * count / whole, presence)
        before += weight


def _always(_at_ms: int) -> list[int]:
    return [1] * len(COUNTRIES)


def _by_clock(at_ms: int) -> list[int]:
    """Return how many people come from each country at an instant, in proportion."""
    minute = at_ms // _MINUTE_MS
    return [_BY_MINUTE[(minute + country.ahead_minutes) % _DAY_MINUTES] for country in COUNTRIES]


def _visitors_of(minute: int) -> int:
    hour, rest = divmod(minute, 60)
    now, then = VISITORS_BY_HOUR[hour], VISITORS_BY_HOUR[(hour + 1) % 24]
    return now * 60 + (then - now) * rest


# Whole numbers, so that shares of them are exact.
_BY_MINUTE = tuple(map(_visitors_of, range(_DAY_MINUTES)))
