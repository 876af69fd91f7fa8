"""The schedule's process: runs the commands of the front door when they are due, one at a time.

Each is a process of its own, so that none leaves anything behind for the next; what it says goes to this process's log,
as lines of JSON. A command that fails is told and run again when it is due again. SIGTERM ends the command under way,
which any later run makes good.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event

from infra.local.processes import journal
from infra.local.schedule import DAILY_S, HOURLY_S, MAINTAIN, Command, Job, jobs_of
from infra.local.schedule_state import ScheduledRun, ScheduleProgress, write_schedule_progress
from infra.local.state import SCHEDULED_RUN, process_id
from schemas.instants import format_instant_us
from schemas.settings import LOG_VARIABLE

# What ends the daily work where the front door has it.
_FRONT_DOOR = (sys.executable, "-m", "clickstream")
_POLL_S = 0.2
# Below what a process of the stack has to end in.
_END_S = 5.0

log = logging.getLogger("schedule")


class ScheduleWorker:
    """Runs what is due.

    Args:
        jobs: in the order in which they are run where several are due.
        folder: of this process; it lies in the state folder.
        stop: ends `run`, and the command under way, when it is set.
    """

    def __init__(self, jobs: tuple[Job, ...], folder: Path, stop: Event) -> None:
        self._jobs, self._folder, self._stop = jobs, folder, stop
        self._due = {job.name: job.due_after(_now_us()) for job in jobs}
        self._last: dict[str, ScheduledRun] = {}

    def run(self) -> None:
        """Run until stopped."""
        self._tell(None)
        while not self._stop.is_set():
            due = [job for job in self._jobs if self._due[job.name] <= _now_us()]
            for job in due:
                for command in job.commands:
                    if not self._stop.is_set():
                        self._run(command)
                self._due[job.name] = job.due_after(_now_us())
                self._tell(None)
            if not due:
                self._stop.wait(_POLL_S)

    def _run(self, command: Command) -> None:
        name = " ".join(command)
        self._tell(name)
        log.info("begin %s", name)
        began_s = time.monotonic()
        process = subprocess.Popen(
            [*_FRONT_DOOR, *command, *_options(command)],
            env={**os.environ, LOG_VARIABLE: "json"},
            stdin=subprocess.DEVNULL,
        )
        if (running := process_id(process.pid)) is not None:
            # Whoever removes the stack finds it by that, if this process was killed.
            journal(self._folder.parent, SCHEDULED_RUN, running)
        exit_code = self._wait(process)
        taken_s = time.monotonic() - began_s
        log.log(logging.ERROR if exit_code else logging.INFO, "end %s exit_code=%d", name, exit_code)
        before = self._last.get(name)
        self._last[name] = ScheduledRun(
            ended=format_instant_us(_now_us()),
            exit_code=exit_code,
            seconds=round(taken_s, 1),
            runs=(before.runs if before else 0) + 1,
            failures=(before.failures if before else 0) + (exit_code != 0),
        )

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        """Return the exit code of a command, which is asked to end once this process is."""
        while process.poll() is None and not self._stop.is_set():
            self._stop.wait(_POLL_S)
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
        return process.wait()

    def _tell(self, running: str | None) -> None:
        due = {name: format_instant_us(due_us) for name, due_us in self._due.items()}
        write_schedule_progress(self._folder, ScheduleProgress(running=running, due=due, last=self._last))


def _options(command: Command) -> tuple[str, ...]:
    return ("--json",) if command[0] in ("compact", "enrich", "validate") else ()


def _is_there(command: Command) -> bool:
    """Say whether the front door has a command."""
    asked = subprocess.run([*_FRONT_DOOR, command[0], "--help"], capture_output=True, check=False)
    return asked.returncode == 0


def _now_us() -> int:
    return time.time_ns() // 1000


def main(arguments: list[str]) -> int:
    """Run what is due until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="for the progress; it lies in the state folder")
    parser.add_argument("--hourly-s", type=float, default=HOURLY_S, help="seconds between two compactions")
    parser.add_argument("--daily-s", type=float, default=DAILY_S, help="seconds between two rounds of the daily work")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    last = (MAINTAIN,) if _is_there(MAINTAIN) else ()
    ScheduleWorker(jobs_of(options.hourly_s, options.daily_s, last), options.folder, stop).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
