"""A recording again and again, each pass later than the one before and under event ids of its own.

Pure. The first pass goes out as recorded unless it is moved in time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

from producers.lines import Line
from producers.replaying.rewriting import rewritten, whole_ms

_GAP_US = 1000


def passes_of(begin: Callable[[], Iterator[Line]], passes: int | None, first_us: int | None) -> Iterator[Line]:
    """Yield the lines of a recording, pass after pass.

    All times of a pass are moved by one shift. From the second pass on, counted as 1, that is the recording's length,
    from its earliest event to its latest, for each pass before, and the ids end with `~` and the number of the pass.

    Args:
        begin: gives the lines from the first on; the same ones each time.
        passes: how many; None until nobody asks for more. A recording without a line has one.
        first_us: when the first event is to happen; None for as recorded. The first is the first one that goes out.
    """
    if passes == 1 and first_us is None:
        yield from begin()
        return
    shift_us: int | None = None if first_us is not None else 0
    length_us = 0
    for number in count() if passes is None else range(passes):
        earliest_us = latest_us = None
        suffix = f"~{number}" if number else ""
        is_empty = True
        for line in begin():
            is_empty = False
            if (event_us := line.event_us) is not None:
                if shift_us is None and first_us is not None:
                    shift_us = whole_ms(first_us - event_us)
                if not number:
                    earliest_us = event_us if earliest_us is None or event_us < earliest_us else earliest_us
                    latest_us = event_us if latest_us is None or event_us > latest_us else latest_us
            moved_us = (shift_us or 0) + number * length_us
            yield rewritten(line, moved_us, suffix) if moved_us or suffix else line
        if is_empty:
            return
        if earliest_us is not None and latest_us is not None:
            length_us = whole_ms(latest_us - earliest_us) + _GAP_US
