"""Which lines of a recording go out and in which order: a span of time, and a sort that holds a bounded window.

Pure. A line without a time goes with the line before it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import count

from producers.lines import Line
from producers.replaying.conversion import RowCounts

# About half a gigabyte of lines of usual size.
MAX_HELD = 1_000_000


def within(lines: Iterator[Line], start_us: int | None, end_us: int | None, counts: RowCounts) -> Iterator[Line]:
    """Yield the lines whose events happened in a span of time.

    Args:
        lines: what was recorded.
        start_us: its first instant; None for the beginning of time.
        end_us: the first instant after it; None for no end.
        counts: takes what is left out. A line without a time stays or goes with the one before it; ahead of all times
            it stays where there is no start.
    """
    is_inside = start_us is None
    for line in lines:
        if (event_us := line.event_us) is not None:
            is_inside = (start_us is None or event_us >= start_us) and (end_us is None or event_us < end_us)
        if is_inside:
            yield line
        else:
            counts.outside += 1


def sorted_within(lines: Iterator[Line], window_us: int, counts: RowCounts, max_held: int = MAX_HELD) -> Iterator[Line]:
    """Yield the lines in order of time as far as a window allows; equal times keep their order.

    A line waits until one has come that happened so much later, or until too many wait. One that is older than what has
    gone by then goes at once, so nothing is lost and what is late by more than the window stays so.

    Args:
        lines: what was recorded.
        window_us: how far lines may be out of place.
        counts: takes those that came too late.
        max_held: how many may wait.
    """
    held: list[tuple[int, int, Line]] = []
    numbers = count()
    newest_us = gone_us = place_us = -(1 << 63)
    for line in lines:
        if line.event_us is not None:
            place_us = line.event_us
        if place_us < gone_us:
            counts.overtaken += 1
            yield line
            continue
        heapq.heappush(held, (place_us, next(numbers), line))
        newest_us = max(newest_us, place_us)
        while held and (held[0][0] < newest_us - window_us or len(held) > max_held):
            gone_us, _, ready = heapq.heappop(held)
            yield ready
    while held:
        yield heapq.heappop(held)[2]
