"""The processes of a load, as the one that started them sees them."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

import msgspec

from producers.delivery import StopFlag
from producers.faults.alert_duty import AlertDuty
from producers.load.assessment import Setup
from producers.load.messages import Begin, Ended, Plan, Ready, Told
from producers.load.timeline import interval_s
from schemas.errors import ConfigError, WorkFailedError

_START_DEADLINE_S = 120.0
_END_DEADLINE_S = 10.0
_POLL_S = 0.5
_read = msgspec.json.Decoder(Told).decode


class Worker:
    """A process that sends its part; what it tells goes into a queue.

    Args:
        plan: what it is to do.
        told: the queue; when the process is gone, its `Ended` is there.
    """

    def __init__(self, plan: Plan, told: queue.Queue[Told]) -> None:
        self._index = plan.process
        self._told = told
        # In a session of its own: Ctrl-C reaches the parent alone, which then asks for an orderly end.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "producers.load.load_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._input = cast(IO[bytes], self._process.stdin)
        self._output = cast(IO[bytes], self._process.stdout)
        self.tell(plan)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def tell(self, message: Plan | Begin) -> None:
        """Send a line."""
        with suppress(BrokenPipeError):  # Gone already, which its reader tells.
            self._input.write(msgspec.json.encode(message) + b"\n")
            self._input.flush()

    def ask_to_stop(self) -> None:
        """Have it send what it holds and end."""
        with suppress(BrokenPipeError):
            self._input.close()

    def interrupt(self) -> None:
        """Have it save what it holds and end."""
        self._process.send_signal(signal.SIGINT)

    def end(self) -> None:
        """Wait until it has ended, for some seconds, then kill it."""
        try:
            self._process.wait(_END_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _read(self) -> None:
        has_ended = False
        with self._output:
            for line in self._output:
                told = _read(line)
                has_ended |= isinstance(told, Ended)
                self._told.put(told)
        code = self._process.wait()
        if not has_ended:
            self._told.put(Ended(process=self._index, failure=f"process {self._index} ended with code {code}"))


def plans_of(
    setup: Setup, seconds: float, keys: Sequence[Path] = (), duty: AlertDuty | None = None, command: str = ""
) -> list[Plan]:
    """Return what each process is to do.

    Args:
        setup: the load.
        seconds: how long.
        keys: the files for the parts of the answer key, one for each process; none for no key.
        duty: which events must be alerted.
        command: what is run, for the key.
    """
    return [
        Plan(
            process=index,
            processes=setup.processes,
            profile=setup.profile,
            rate=setup.rate,
            seconds=seconds,
            users=setup.users,
            seed=setup.seed,
            aggregate=setup.aggregate,
            step_s=interval_s(seconds),
            key=str(keys[index]) if keys else "",
            duty=duty,
            command=command,
        )
        for index in range(setup.processes)
    ]


def await_ready(told: queue.Queue[Told], count: int, stop: StopFlag) -> None:
    """Wait until all could begin.

    Raises:
        ConfigError: one found no stream, region or credentials.
        WorkFailedError: one could not begin, not in time, or somebody asked to stop.
    """
    deadline_s = time.monotonic() + _START_DEADLINE_S
    ready = 0
    while ready < count:
        if stop.is_set:
            raise WorkFailedError("stopped before the load began")
        if time.monotonic() > deadline_s:
            raise WorkFailedError(f"the processes were not ready within {_START_DEADLINE_S:.0f} s")
        try:
            message = told.get(timeout=_POLL_S)
        except queue.Empty:
            continue
        if isinstance(message, Ended):
            raise ConfigError(message.failure) if message.is_bad_usage else WorkFailedError(message.failure)
        ready += isinstance(message, Ready)
