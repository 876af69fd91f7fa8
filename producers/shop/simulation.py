"""The simulation: the visitors divided into cells, the cells into parts, and a part's events merged in order of time.

How many cells there are, and what each of them makes, depends on the visitors and the seed alone. So any number of
parts is together the same events, and each part is made without the others.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from functools import partial
from itertools import accumulate, pairwise
from operator import attrgetter
from random import Random
from typing import NamedTuple, Protocol

from producers.shop.cell import Cell
from producers.shop.crawlers import FEWEST_PAGES, MOST_PAGES, Crawlers
from producers.shop.diurnal import Slice, slices_of
from producers.shop.visitors import Visitors
from schemas.event import ClickEvent

# Index and number of parts.
Part = tuple[int, int]
WHOLE: Part = (0, 1)
_MOST_CELLS = 32
# How long a visitor takes from one event to the next, about; decides how many visits are open at once.
_THINK_MS = 30_000
_MOST_AT_ONCE = 4_000
# What one person's visit has on the average, by the funnel.
_VISIT_EVENTS = 4.8
_by_time = attrgetter("event_timestamp_us")


class _Source(Protocol):
    def events_of(self, part: Slice) -> list[ClickEvent]: ...


class _Share(NamedTuple):
    """Some of the events, and what makes them."""

    events: int
    source: Callable[[], _Source]


def simulate(visitors: Visitors, seed: int, part: Part = WHOLE) -> Iterator[ClickEvent]:
    """Yield the events of a part in order of time."""
    index, parts = part
    sources = [share.source() for share in _divided(visitors, seed, parts)[index]]
    for piece in slices_of(visitors):
        events: list[ClickEvent] = []
        for source in sources:
            events += source.events_of(piece)
        events.sort(key=_by_time)
        yield from events


def counts_of(visitors: Visitors, parts: int) -> list[int]:
    """Return how many events each part has; it is the same for every seed."""
    return [sum(share.events for share in part) for part in _divided(visitors, 0, parts)]


def _divided(visitors: Visitors, seed: int, parts: int) -> list[list[_Share]]:
    """Return the shares of each part, which differ as little as they can."""
    divided: list[list[_Share]] = [[] for _ in range(parts)]
    loads = [0] * parts
    for share in sorted(_shares(visitors, seed), key=lambda share: -share.events):
        lightest = loads.index(min(loads))
        loads[lightest] += share.events
        divided[lightest].append(share)
    return divided


def _shares(visitors: Visitors, seed: int) -> Iterator[_Share]:
    crawled = _crawled(visitors)
    yield _Share(crawled, partial(Crawlers, visitors, crawled, _rng(seed, "crawlers")))
    yield from _cells(visitors, seed, visitors.events - crawled)


def _cells(visitors: Visitors, seed: int, events: int) -> Iterator[_Share]:
    at_once = min(events * _THINK_MS / (visitors.end_ms - visitors.start_ms), _MOST_AT_ONCE)
    count = max(1, min(_MOST_CELLS, int(at_once), visitors.users // 2))
    # Zipf's law as Mandelbrot has it, so that the first few do not make a tenth of all.
    shift = 1 + visitors.users / 100
    cells = [range(cell, visitors.users, count) for cell in range(count)]
    weights = [array("d", (1 / (shift + number) for number in people)) for people in cells]
    ends = list(accumulate(map(sum, weights)))
    bounds = [0, *(int(events * (end / ends[-1])) for end in ends)]
    salt = _rng(seed, "people").getrandbits(64)
    for cell, (start, end) in enumerate(pairwise(bounds)):
        own = end - start
        share_at_once = at_once * own / max(1, events)
        source = partial(Cell, visitors, cells[cell], weights[cell], own, share_at_once, salt, _rng(seed, cell))
        yield _Share(own, source)


def _rng(seed: int, of: object) -> Random:
    return Random(f"{seed}/{of}")  # noqa: S311


def _crawled(visitors: Visitors) -> int:
    """Return how many events are of crawlers, whose visits have many more than those of people."""
    machines = visitors.crawlers * (FEWEST_PAGES + MOST_PAGES) / 2
    people = (1 - visitors.crawlers) * _VISIT_EVENTS
    return int(visitors.events * machines / (machines + people))
