"""A process that sends a part of the lines: what it is told on stdin, what it reports on stdout, and its whole life.

It opens a sink of its own, says that it is ready, waits for the word, sends, and tells what became of it.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from producers.delivery import StopFlag
from producers.run import failed_of, send
from producers.schedules import schedule_of
from producers.sending import Sending
from producers.sinks import Tally
from schemas.errors import ConfigError, WorkFailedError

GO = b"g"
# Sent to stop a worker; blocked while it starts, so that none is lost.
STOPS = (signal.SIGINT, signal.SIGTERM)
# Nothing but what is imported: the program of the parent may be anything.
PROGRAM = "from producers.worker import work; work()"


class Job(NamedTuple):
    """The work of one process; it is pickled.

    Attributes:
        open: returns what to send, given the file to write in place of putting, and what closes it all.
        rate: lines a second; 0 for no such limit.
        out: the file.
    """

    open: Callable[[Path | None, ExitStack], Sending]
    rate: float
    out: Path | None = None


class Ready(msgspec.Struct, tag="ready"):
    """The sink is open."""


class Refused(msgspec.Struct, tag="refused"):
    """The configuration is wrong; nothing was sent."""

    faults: list[str]


class Progress(msgspec.Struct, tag="progress"):
    """How far it is."""

    lines: int
    tally: Tally


class Ended(msgspec.Struct, tag="ended"):
    """The last that a process tells.

    Attributes:
        failed: lines that could not be sent, without those that were made so that no stream takes them.
        failure: why it could not go on; empty where it could.
        spool: where it saved what could not be sent; empty where there is no such file.
    """

    lines: int = 0
    tally: Tally = msgspec.field(default_factory=Tally)
    details: dict[str, Any] = {}
    failed: int = 0
    failure: str = ""
    spool: str = ""


Message = Ready | Refused | Progress | Ended
decode_report: Callable[[bytes], Message] = msgspec.json.Decoder(Message).decode


def work() -> None:
    """Do one job, as told by stdin, and report on stdout. The whole life of a worker process."""
    # Ctrl-C reaches it twice, by the terminal and by the parent, and the parent alone decides about a second one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # After a first stop the second one has it save what it holds, as Ctrl-C has a producer that is alone.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    stop = StopFlag()
    # Without a parent nobody hears what is sent, so it ends.
    with suppress(BrokenPipeError, KeyboardInterrupt), stop.on_interrupt(), ExitStack() as stack:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
        reports = stack.enter_context(os.fdopen(os.dup(1), "wb"))
        os.dup2(2, 1)  # Whatever else is printed must not come between the reports.

        def report(message: Message) -> None:
            reports.write(msgspec.json.encode(message) + b"\n")
            reports.flush()

        try:
            report(_work(stop, report))
        except ConfigError as error:
            report(Refused(list(error.faults)))


def _work(stop: StopFlag, report: Callable[[Message], None]) -> Ended:
    job: Job = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by the parent
    ended = Ended()
    try:
        with ExitStack() as stack:
            sending = job.open(job.out, stack)
            report(Ready())
            if sys.stdin.buffer.read(len(GO)) == GO:
                ended = _send(job, sending, stop, report)
    except WorkFailedError as error:
        # It could not begin, or what was opened could not be closed as it must.
        ended.failure = ended.failure or str(error)
    return ended


def _send(job: Job, sending: Sending, stop: StopFlag, report: Callable[[Message], None]) -> Ended:
    told = 0
    failure = ""
    tally = sending.sink.tally

    def on_progress(count: int) -> None:
        nonlocal told
        told = count
        report(Progress(count, tally))

    try:
        send(sending, schedule_of(job.rate), stop, on_progress)
    except WorkFailedError as error:
        failure = str(error)
    saved = str(sending.spool) if sending.spool is not None and tally.failed else ""
    details = msgspec.to_builtins(sending.details())
    return Ended(told, tally, details, failed_of(tally, sending.unsendable()), failure, saved)
