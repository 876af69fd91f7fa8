"""One process of a load: it puts its share of the events when they are due and tells what became of them.

It is told its plan and its start on stdin and tells on stdout, see `messages`; the end of stdin asks it to stop. Run as
`python -m producers.load.load_worker`.
"""

from __future__ import annotations

import itertools
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from io import RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from producers.faults.answer import Answer
from producers.faults.fault_plan import FaultPlan
from producers.faults.injection import inject
from producers.faults.key_files import key_at
from producers.lines import Line
from producers.load.messages import Begin, Ended, Measured, Plan, Ready, Told
from producers.load.meter import Meter
from producers.load.profiles import profile_of
from producers.opening import new_producer_id, new_spool_path, open_producer
from producers.shop.simulation import simulate
from producers.shop.visitors import Visitors
from producers.stamping import Stamper
from schemas.errors import ClickstreamError, ConfigError
from schemas.event import ClickEvent
from schemas.instants import HOUR_US, SECOND_US
from schemas.settings import load_settings

if TYPE_CHECKING:
    from producers.batching import Record
    from producers.faults.key_writer import KeyWriter
    from producers.results import Result
    from producers.sinks import Tally

# A process that waits wakes up at most so often and puts all that has become due: it costs each event this much at the
# most, and is counted.
_TICK_S = 0.001
# The longest wait in one go, so that a stop is noticed.
_LONGEST_SLEEP_S = 0.1
# What visits of a shop have in common with those of a day, purchases above all, takes some minutes to come about. So a
# short load has the visits of so long a span, closer together.
_SHORTEST_SPAN_US = HOUR_US
_STATM = Path("/proc/self/statm")


class Measurement:
    """A meter for the threads of a producer, which call it after each of their calls.

    What is sent before it begins, since an earlier run had left it, is not measured.
    """

    def __init__(self) -> None:
        self._meter: Meter | None = None
        self._begun_cpu_s = 0.0
        self._lock = threading.Lock()
        self._told = (0, 0, 0, 0)

    def begin(self, meter: Meter) -> None:
        """Measure from now on."""
        self._begun_cpu_s = time.process_time()
        self._meter = meter

    def on_call(self, records: Sequence[Record], results: Sequence[Result], began_s: float, ended_s: float) -> None:
        """Take a call that has ended."""
        with self._lock:
            if self._meter is not None:
                self._meter.called(records, results, began_s, ended_s)

    def cut(self, meter: Meter, interval: int, tally: Tally) -> Measured:
        """Return what was measured, and what the producer has counted, since the last time."""
        with self._lock:
            sample = meter.cut(interval, memory_bytes(), time.process_time() - self._begun_cpu_s)
        told = (tally.sent, tally.failed, tally.retried, tally.throttled)
        sample.sent, sample.failed, sample.retried, sample.throttled = (
            now - before for now, before in zip(told, self._told, strict=True)
        )
        self._told = told
        return Measured(sample=sample)


class Visits:
    """The lines of a process, each of an event that happens when it is due.

    Args:
        events: without end; their times are not looked at.
        stamper: numbers them.
        start_us: when the load begins.
        key: notes the lines; None for none.
    """

    def __init__(self, events: Iterator[ClickEvent], stamper: Stamper, start_us: int, key: KeyWriter | None) -> None:
        self.answer = Answer()
        self._at_us = self._start_us = start_us
        self._lines = inject(self._dated(events), FaultPlan(), 0, self.answer, stamper=stamper, key=key)

    def line_at(self, due_s: float) -> Line:
        """Return the line of the event that is due so long after the start."""
        self._at_us = self._start_us + int(due_s * SECOND_US)
        return next(self._lines)

    def _dated(self, events: Iterator[ClickEvent]) -> Iterator[ClickEvent]:
        for event in events:
            yield msgspec.structs.replace(event, event_timestamp_us=self._at_us)


def follow(
    visits: Visits,
    due_s: Iterator[float],
    put: Callable[[Line], object],
    meter: Meter,
    is_stopped: Callable[[], bool],
    start_s: float,
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], object],
) -> None:
    """Put each event as soon as it is due, and never wait for anything else.

    Args:
        visits: what to put.
        due_s: when, in seconds after the start.
        put: takes a line.
        meter: counts what is put.
        is_stopped: asked before each event that is waited for, and now and then.
        start_s: the start.
        clock: the one of the start.
        sleep: waits so many seconds.
    """
    now_s = clock() - start_s
    for count, event_s in enumerate(due_s):
        if event_s > now_s or not count & 0xFF:
            now_s = clock() - start_s
            while event_s > now_s and not is_stopped():
                sleep(min(max(event_s - now_s, _TICK_S), _LONGEST_SLEEP_S))
                now_s = clock() - start_s
            if is_stopped():
                return
        line = visits.line_at(event_s)
        meter.put += 1
        meter.purchases = visits.answer.purchases
        put(line)


def memory_bytes() -> int:
    """Return the resident memory of this process; the most it ever had where the system tells no more."""
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    # macOS counts in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def run(plan: Plan, orders: RawIOBase, tell: Callable[[Told], object], spool_path: Path) -> None:
    """Do what a plan says and tell of it.

    Args:
        plan: what to do.
        orders: gives the start; its end asks to stop.
        tell: sends what is to be told.
        spool_path: the file for what cannot be sent.

    Raises:
        ConfigError: there is no such stream, or no region or credentials.
        WorkFailedError: the stream, or the answer key's file, takes nothing any more.
    """
    profile = profile_of(plan.profile, plan.rate, plan.seconds)
    measurement = Measurement()
    stream = load_settings(os.environ, Path.cwd()).stream
    stamper = Stamper(new_producer_id())
    with (
        ExitStack() as stack,
        open_producer(
            stream,
            aggregate=plan.aggregate,
            spool_path=spool_path,
            stamper=stamper,
            on_call=measurement.on_call,
            tell=_complain,
        ) as producer,
    ):
        tell(Ready(process=plan.process))
        line = orders.readline()
        if not line:
            return
        begin = msgspec.json.decode(line, type=Begin)
        stop, over = threading.Event(), threading.Event()
        threading.Thread(target=_await_end, args=(orders, stop), daemon=True).start()
        meter = Meter(plan.process, lambda places: profile.due_s(places * plan.processes + plan.process), begin.start_s)
        measurement.begin(meter)

        def cut(interval: int) -> None:
            tell(measurement.cut(meter, interval, producer.tally))

        reporter = threading.Thread(target=_report, args=(plan, begin, over, cut), daemon=True)
        reporter.start()
        key = None
        if plan.key and plan.duty is not None:
            key = stack.enter_context(
                key_at(Path(plan.key), begin.start_us, plan.duty, plan.command, stamper.producer_id)
            )
        try:
            # What is held as it fails is counted too, so the producer is closed before the last is told.
            with producer:
                follow(
                    Visits(_events(plan, profile.total, begin), stamper, begin.start_us, key),
                    profile.share(plan.process, plan.processes),
                    producer.put_line,
                    meter,
                    stop.is_set,
                    begin.start_s,
                    clock=time.monotonic,
                    sleep=time.sleep,
                )
        finally:
            over.set()
            reporter.join()
            # The rest belongs to the interval that runs.
            cut(_interval(plan, begin))


def _events(plan: Plan, total: int, begin: Begin) -> Iterator[ClickEvent]:
    """Yield events without end: the schedule says how many a process needs, which parts of the shop need not have."""
    span_us = max(_SHORTEST_SPAN_US, round(plan.seconds * SECOND_US))
    visitors = Visitors(total, plan.users, end_us=begin.start_us + span_us, span_us=span_us, is_even=True)
    for more in itertools.count():
        yield from simulate(visitors, plan.seed + more, part=(plan.process, plan.processes))


def _complain(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - the one that started it shows it


def _interval(plan: Plan, begin: Begin) -> int:
    return max(0, int((time.monotonic() - begin.start_s) / plan.step_s))


def _report(plan: Plan, begin: Begin, over: threading.Event, cut: Callable[[int], object]) -> None:
    """Tell of each interval at its end."""
    interval = 0
    while not over.wait(max(0.0, begin.start_s + (interval + 1) * plan.step_s - time.monotonic())):
        # Of a process that was held up, what the missed ones had is told with the last of them.
        interval = max(interval, _interval(plan, begin) - 1)
        cut(interval)
        interval += 1


def _await_end(orders: RawIOBase, stop: threading.Event) -> None:
    orders.read()
    stop.set()


def main() -> None:
    """Run as a process of a load."""
    # Without a buffer: its lock would be held by the thread that waits for the end, when this process ends.
    orders = open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)  # noqa: SIM115 (for as long as it lives)
    plan = msgspec.json.decode(orders.readline(), type=Plan)
    lock = threading.Lock()

    def tell(message: Told) -> None:
        with lock:
            sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
            sys.stdout.buffer.flush()

    spool_path = new_spool_path(os.environ)
    failure, is_bad_usage = "", False
    try:
        run(plan, orders, tell, spool_path)
    except (ClickstreamError, ClientError, BotoCoreError, OSError) as error:
        failure, is_bad_usage = f"process {plan.process}: {error}", isinstance(error, ConfigError)
    except KeyboardInterrupt:
        failure = f"process {plan.process}: interrupted"
    spool = str(spool_path) if spool_path.exists() else ""
    tell(Ended(process=plan.process, failure=failure, is_bad_usage=is_bad_usage, spool=spool))


if __name__ == "__main__":
    main()
