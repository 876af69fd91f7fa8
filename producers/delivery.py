"""The loop that takes lines when they are due and puts them into a sink.

It stops between two lines when asked to, so every line that was taken is put.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from producers.lines import Line
from producers.position import PositionFile
from producers.schedules import Schedule
from producers.sinks import WINDOW_LINES, Sink
from schemas.errors import WorkFailedError

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
    position: PositionFile | None = None,
) -> None:
    """Put the lines in order, each when it is due, then flush; after an error too.

    Args:
        lines: what to put; the next one is taken when the one before is put.
        sink: where to.
        schedule: when.
        stop: asked before each line.
        clock: seconds that never go back.
        sleep: waits so many seconds.
        on_progress: called now and then, and at the end, with the number of lines taken.
        position: where to begin, and where to note what is settled, so that at most `WINDOW_LINES` lines have been put
            behind what it says.

    Raises:
        WorkFailedError: the lines end before the position, cannot be read, or cannot be sent.
    """
    begin_s = told_s = clock()
    skipped = 0
    if position is not None:
        skipped, due_s = _skip(lines, schedule, stop, position.settled)
        begin_s -= due_s
    count = skipped

    def note() -> int:
        """Note what is settled, and return at which count to do so again."""
        if position is None:
            return count + WINDOW_LINES
        position.move_to(skipped + sink.settled)
        if count >= position.settled + WINDOW_LINES:
            sink.flush()
            position.move_to(skipped + sink.settled)
        return min(count + WINDOW_LINES // 4, position.settled + WINDOW_LINES)

    note_at = count + WINDOW_LINES // 4
    try:
        while not stop.is_set and (line := next(lines, None)) is not None:
            until_s = begin_s + schedule(line)
            if (now_s := clock()) < until_s:
                now_s = _wait(until_s, stop, clock, sleep)
            sink.put_line(line)
            count += 1
            if count >= note_at or now_s >= told_s + _PROGRESS_EVERY_S:
                note_at = note()
                on_progress(count)
                told_s = now_s
    finally:
        try:
            sink.flush()
        finally:
            note()
            on_progress(count)


def _skip(lines: Iterator[Line], schedule: Schedule, stop: StopFlag, settled: int) -> tuple[int, float]:
    """Pass over the lines that are settled, and return how many they are and when the last of them was due."""
    due_s = 0.0
    for count in range(settled):
        if stop.is_set:
            return count, due_s
        line = next(lines, None)
        if line is None:
            raise WorkFailedError(f"the lines end after {count}, but {settled} of them were sent before")
        due_s = schedule(line)
    return settled, due_s


def _wait(until_s: float, stop: StopFlag, clock: Callable[[], float], sleep: Callable[[float], object]) -> float:
    while (now_s := clock()) < until_s and not stop.is_set:
        sleep(min(until_s - now_s, _LONGEST_SLEEP_S))
    return now_s
