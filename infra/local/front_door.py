"""The front door as a program runs it: commands to their end, and commands that run beside.

Used by whoever runs the pipeline as a user would: the demo, the benchmarks, the tests.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schemas.errors import WorkFailedError
from schemas.settings import STATE_DIR_VARIABLE

START_TIMEOUT_S = 180
# Above what the alert job may take for its savepoint.
STOP_TIMEOUT_S = 120
_COMMAND = (sys.executable, "-m", "clickstream")
_REPOSITORY = Path(__file__).parents[2]
_LOG_LINES = 15


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """Commands of one state folder.

    Attributes:
        state_dir: where their stack is recorded.
        is_quiet: keep what a command says on stderr for its error; else it goes to ours.
        variables: further variables for commands that run beside.
        keeps_settings: the commands talk to what the caller's variables name, and not only to the stack of this folder.
    """

    state_dir: Path
    is_quiet: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    keeps_settings: bool = False

    def run(self, *arguments: str, may_end_with: Set[int] = frozenset()) -> str:
        """Run a command to its end and return its stdout.

        Args:
            arguments: the command and its options.
            may_end_with: exit codes beside 0 that are an answer.

        Raises:
            WorkFailedError: its exit code is another.
        """
        done = subprocess.run(
            [*_COMMAND, *arguments],
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if self.is_quiet else None,
            text=True,
            check=False,
        )
        if done.returncode not in {0, *may_end_with}:
            told = f":\n{_end_of(done.stderr)}" if done.stderr else ""
            raise WorkFailedError(f"`clickstream {arguments[0]}` failed with exit code {done.returncode}{told}")
        return done.stdout

    def run_json(self, *arguments: str) -> Any:
        """Run a command with `--json` and return the object on the last line of its stdout."""
        return json.loads(self.run(*arguments, "--json").splitlines()[-1])

    def query(self, sql: str | Path) -> list[dict[str, Any]]:
        """Return the rows of a SELECT, given as text or as a file."""
        question = ("--file", str(sql)) if isinstance(sql, Path) else (sql,)
        rows: list[dict[str, Any]] = json.loads(self.run("query", "--format", "json", *question))
        return rows

    @contextmanager
    def beside(self, name: str, *arguments: str) -> Iterator[RunningCommand]:
        """Run a command beside the caller, and stop it at the end; its stdout and stderr go to files.

        Raises:
            WorkFailedError: it does not stop in time, or ends with an error; only noted where the caller fails itself.
        """
        folder = self.state_dir / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        output, log = folder / f"{name}.out", folder / f"{name}.log"
        with output.open("wb") as stdout, log.open("wb") as stderr:
            # In a session of its own, so that what it starts can be killed with it.
            process = subprocess.Popen(
                [*_COMMAND, name, *arguments],
                env={**self._environment(), **self.variables},
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        running = RunningCommand(name, process, output, log)
        try:
            yield running
        except BaseException as error:
            try:
                running.stop()
            except WorkFailedError as failure:
                error.add_note(str(failure))
            raise
        running.stop()

    def _environment(self) -> dict[str, str]:
        inherited = dict(os.environ)
        if not self.keeps_settings:
            # Whatever the caller's variables say, the commands talk to the stack of this folder, or to none.
            inherited = {name: inherited[name] for name in inherited if not name.startswith(("AWS_", "CLICKSTREAM_"))}
        return inherited | {STATE_DIR_VARIABLE: str(self.state_dir), "PYTHONPATH": str(_REPOSITORY)}


@dataclass(frozen=True, slots=True)
class RunningCommand:
    """A command that runs beside its caller."""

    name: str
    process: subprocess.Popen[bytes]
    output: Path
    log: Path

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition that the command brings about.

        Raises:
            WorkFailedError: it ended, or was not so in time; with the end of its log.
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        while not condition():
            self.require_alive()
            if time.monotonic() > deadline:
                raise WorkFailedError(f"`clickstream {self.name}` was not {what} in time:\n{self._log_end()}")
            time.sleep(0.1)

    def said(self, text: str) -> bool:
        """Say whether a line of the command's stderr begins with a text."""
        return any(line.startswith(text) for line in self.log.read_text(errors="replace").splitlines())

    def require_alive(self) -> None:
        """Do nothing while the command runs.

        Raises:
            WorkFailedError: it ended; with the end of its log.
        """
        if self.process.poll() is not None:
            raise WorkFailedError(f"`clickstream {self.name}` ended:\n{self._log_end()}")

    def objects(self) -> list[dict[str, Any]]:
        """Return the JSON objects that it printed so far, one a line."""
        lines = self.output.read_bytes().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith(b"\n")]

    def kill(self) -> None:
        """End the command and all that it started at once, as a machine that loses its power does."""
        with suppress(ProcessLookupError):  # all of it ended since
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Ask the command to end, and kill it, with all that it started, where it does not; one killed before is done.

        Raises:
            WorkFailedError: it had to be killed, or ended with an error.
        """
        if self.process.poll() == -signal.SIGKILL:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise WorkFailedError(f"`clickstream {self.name}` did not stop in time:\n{self._log_end()}") from None
        if self.process.returncode != 0:
            self.kill()
            raise WorkFailedError(f"`clickstream {self.name}` ended with an error:\n{self._log_end()}")

    def _log_end(self) -> str:
        return _end_of(self.log.read_text(errors="replace"))


def _end_of(text: str) -> str:
    return "\n".join(text.splitlines()[-_LOG_LINES:])
