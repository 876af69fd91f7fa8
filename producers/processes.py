"""Several producer processes side by side under one that watches: one bar, one summary, one exit code.

Each has a sink of its own and tells how far it is; all begin together once each of them can. Ctrl-C reaches all, and
each sends what it holds. When one fails or dies, the others are stopped and the run has failed.
"""

from __future__ import annotations

import os
import pickle
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, cast

import typer
from rich.console import Console

from producers.delivery import StopFlag
from producers.run import INTERRUPTED, progress_bar, summary_of, tell, unsent_told
from producers.sending import STDOUT, open_out
from producers.sinks import Tally
from producers.worker import GO, PROGRAM, STOPS, Ended, Job, Progress, Ready, Refused, decode_report
from schemas.errors import ConfigError, WorkFailedError

_POLL_S = 0.1


def run_jobs(jobs: Sequence[Job], *, out: Path | None, total: int, as_json: bool) -> None:
    """Do each job in a process of its own, print one summary, and raise what the exit code asks for.

    Args:
        jobs: at least one.
        out: as `open_sink` has it; the file holds the lines of the first job, then those of the second, and so on. It
            stays empty where a process failed: what that one wrote may end within a line.
        total: how many lines to expect of all.
        as_json: print one JSON object instead of tables.

    Raises:
        ConfigError: a sink cannot be opened; nothing was sent.
        WorkFailedError: lines could not be sent, or a process died.
        typer.Exit: with 130 after Ctrl-C.
    """
    with ExitStack() as stack:
        target = None
        if out is not None:
            target = open_out(out, as_json, stack)
            folder = stack.enter_context(TemporaryDirectory(dir=None if out == STDOUT else out.parent))
            jobs = [job._replace(out=Path(folder, str(number))) for number, job in enumerate(jobs)]
        stop = StopFlag()
        with progress_bar() as bar, stop.on_interrupt(), _Crew(jobs) as crew:
            task = bar.add_task("sending", total=total)
            seconds = crew.watch(stop, lambda lines: bar.update(task, completed=lines))
        if target is not None and not any(worker.failure for worker in crew.workers):
            _join([job.out for job in jobs if job.out is not None], target)
    summary, problems = _outcome(crew.workers, seconds)
    tell(summary, as_json=as_json, console=Console(stderr=out == STDOUT))
    if problems:
        raise WorkFailedError("; ".join(problems))
    if stop.is_set:
        raise typer.Exit(INTERRUPTED)


def _outcome(workers: Sequence[_Worker], seconds: float) -> tuple[dict[str, Any], list[str]]:
    """Return the summary of all, and what went wrong."""
    tally = _sum_of([worker.tally for worker in workers])
    ended = [worker.ended for worker in workers if worker.ended is not None]
    summary = summary_of(tally, seconds) | {"processes": len(workers)}
    for end in ended:
        summary = _added(summary, end.details)
    # Several may have met the same.
    problems = list(dict.fromkeys(worker.failure for worker in workers if worker.failure))
    problems += unsent_told(sum(end.failed for end in ended), tally, [end.spool for end in ended if end.spool])
    return summary, problems


class _Worker:
    """A worker process as the parent knows it.

    Attributes:
        ended: what it told last; None while it runs, and where it died.
        failure: why the run has failed; empty where it has not.
    """

    def __init__(self, name: str, job: Job) -> None:
        self.tally = Tally()
        self.lines = 0
        self.is_ready = False
        self.faults: list[str] = []
        self.ended: Ended | None = None
        self.failure = ""
        self._name = name
        self._unread = b""
        self.process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.reports = cast(BinaryIO, self.process.stdout)
        self._orders = cast(BinaryIO, self.process.stdin)
        self._tell(pickle.dumps(job))

    def begin(self) -> None:
        """Let it send."""
        self._tell(GO)

    def stop(self) -> None:
        """Ask it to send what it holds and to end; where it has not begun, to leave; the second time, to save it."""
        with suppress(BrokenPipeError):
            self._orders.close()
        if not (self.ended or self.faults) and self.process.poll() is None:
            self.process.terminate()

    def read(self) -> bool:
        """Take in what it reported and say whether there may be more."""
        read = os.read(self.reports.fileno(), 1 << 16)
        *messages, self._unread = (self._unread + read).split(b"\n")
        for message in map(decode_report, messages):
            match message:
                case Ready():
                    self.is_ready = True
                case Refused(faults):
                    self.faults = faults
                case Progress(lines, tally):
                    self.lines, self.tally = lines, tally
                case Ended() as ended:
                    self.ended, self.lines, self.tally = ended, ended.lines, ended.tally
                    self.failure = ended.failure
        if not read and self.ended is None and not self.faults:
            self.failure = self._death(self.process.wait())
        return bool(read)

    def _death(self, code: int) -> str:
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return (
            f"{self._name} (pid {self.process.pid}) {how} after {self.tally.sent} events were sent; "
            "what it held then may be lost, unless the run goes on by --resume"
        )

    def _tell(self, data: bytes) -> None:
        with suppress(BrokenPipeError):  # It died, which `read` notices.
            self._orders.write(data)
            self._orders.flush()


class _Crew:
    """All workers of a run; a context that leaves none behind."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.workers: list[_Worker] = []
        self._jobs = jobs
        self._begun_s: float | None = None
        self._is_stopping = False

    def __enter__(self) -> _Crew:
        # A stop that comes before a worker has its handlers waits for them: a child inherits what is blocked.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        try:
            for number, job in enumerate(self._jobs, 1):
                self.workers.append(_Worker(f"producer process {number} of {len(self._jobs)}", job))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.stop()
        for worker in self.workers:
            worker.process.wait()
            worker.reports.close()

    def watch(self, stop: StopFlag, on_progress: Callable[[int], object]) -> float:
        """Let all begin once all are ready, follow them to their end, and return the seconds from then on.

        Raises:
            ConfigError: one of them could not begin for a fault of the configuration; none has.
        """
        with selectors.DefaultSelector() as selector:
            for worker in self.workers:
                selector.register(worker.reports, selectors.EVENT_READ, worker)
            while selector.get_map():
                for key, _ in selector.select(_POLL_S):
                    if not key.data.read():
                        selector.unregister(key.fileobj)
                on_progress(sum(worker.lines for worker in self.workers))
                if not self._is_stopping:
                    self._advance(stop)
        if self._begun_s is not None:
            return time.monotonic() - self._begun_s
        if faults := [fault for worker in self.workers for fault in worker.faults]:
            raise ConfigError(list(dict.fromkeys(faults)))
        return 0.0

    def _advance(self, stop: StopFlag) -> None:
        """Stop all when that is asked for or one has failed, and else begin when all are ready."""
        if stop.is_set or any(worker.failure or worker.faults for worker in self.workers):
            self._is_stopping = True
            for worker in self.workers:
                worker.stop()
        elif self._begun_s is None and all(worker.is_ready for worker in self.workers):
            self._begun_s = time.monotonic()
            for worker in self.workers:
                worker.begin()


def _join(parts: Sequence[Path], target: BinaryIO) -> None:
    try:
        for part in parts:
            if part.exists():
                with part.open("rb") as file:
                    shutil.copyfileobj(file, target)
        target.flush()
    except OSError as error:
        raise WorkFailedError(f"cannot write: {error}") from error


def _sum_of(tallies: Sequence[Tally]) -> Tally:
    """Return the counts of all added up, and the first text of each kind."""
    total = Tally()
    for tally in tallies:
        for name in (field.name for field in fields(Tally)):
            before, more = getattr(total, name), getattr(tally, name)
            setattr(total, name, before or more if isinstance(before, str) else before + more)
    return total


def _added(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return counts by name added up, those inside of others too, and lists one behind the other."""
    added = dict(one)
    for name, value in other.items():
        if isinstance(value, Mapping):
            added[name] = _added(added.get(name, {}), value)
        else:
            added[name] = added[name] + value if name in added else value
    return added
