"""The loop that takes lines when they are due and puts them into a sink.

It stops between two lines when asked to, so every line that was taken is put.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from producers.lines import Line
from producers.producer import Sink
from producers.schedules import Schedule

_PROGRESS_EVERY_S = 0.2
# The longest wait in one go, so that a stop is noticed.
_LONGEST_SLEEP_S = 0.1


class StopFlag:
    """Says whether somebody asked to stop."""

    is_set = False

    @contextmanager
    def on_interrupt(self) -> Iterator[None]:
        """Let the first Ctrl-C or SIGTERM set the flag; the second one acts as usual."""
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def ask_to_stop(number: int, _frame: FrameType | None) -> None:
            self.is_set = True
            signal.signal(number, before[signal.Signals(number)])

        for number in before:
            signal.signal(number, ask_to_stop)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def deliver(
    lines: Iterator[Line],
    sink: Sink,
    schedule: Schedule,
    stop: StopFlag,
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], object],
    on_progress: Callable[[int], object],
) -> None:
    """Put the lines in order, each when it is due, then flush; after an error too.

    Args:
        lines: what to put; the next one is taken when the one before is put.
        sink: where to.
        schedule: when.
        stop: asked before each line.
        clock: seconds that never go back, the sink's own.
        sleep: waits so many seconds.
        on_progress: called now and then, and at the end, with the number of lines put.
    """
    begin_s = clock()
    told_s = begin_s
    count = 0
    try:
        while not stop.is_set and (line := next(lines, None)) is not None:
            _wait(begin_s + schedule(line), sink, stop, clock, sleep)
            sink.put(line)
            count += 1
            if (now_s := clock()) >= told_s + _PROGRESS_EVERY_S:
                on_progress(count)
                told_s = now_s
    finally:
        sink.flush()
        on_progress(count)


def _wait(
    until_s: float, sink: Sink, stop: StopFlag, clock: Callable[[], float], sleep: Callable[[float], object]
) -> None:
    while (now_s := clock()) < until_s and not stop.is_set:
        if now_s >= sink.due_s:
            sink.flush()
        else:
            sleep(min(until_s, sink.due_s, now_s + _LONGEST_SLEEP_S) - now_s)
