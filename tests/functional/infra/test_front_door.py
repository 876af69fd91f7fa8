"""Commands beside a program: what becomes of them, and of what they started, when they are to end."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.local.front_door import FrontDoor, RunningCommand
from infra.local.processes import wait_until
from infra.local.state import process_id
from schemas.errors import WorkFailedError

# Says the number of a process that it starts, which goes on after it.
PARENT = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, {on_term})
print(subprocess.Popen(["sleep", "60"]).pid, flush=True)
time.sleep(60)
"""


def running(folder: Path, on_term: str) -> RunningCommand:
    output, log = folder / "out", folder / "log"
    with output.open("wb") as stdout, log.open("wb") as stderr:
        command = [sys.executable, "-c", PARENT.format(on_term=on_term)]
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr, start_new_session=True)
    return RunningCommand("any", process, output, log)


@pytest.mark.parametrize(
    ("on_term", "told"),
    [("signal.SIG_IGN", "did not stop in time"), ("lambda *_: sys.exit(3)", "ended with an error")],
    ids=["ignores it", "fails"],
)
def test_of_a_command_that_does_not_stop_well_nothing_goes_on(tmp_path: Path, on_term: str, told: str) -> None:
    command = running(tmp_path, on_term)
    assert wait_until(lambda: command.output.read_bytes().endswith(b"\n"), 20)
    child = process_id(int(command.output.read_text()))
    assert child is not None
    with pytest.raises(WorkFailedError, match=told):
        command.stop(timeout_s=1)
    assert wait_until(lambda: process_id(child.pid) != child, 5)
    command.kill()  # all of it is gone


def test_a_command_that_was_killed_is_stopped(tmp_path: Path) -> None:
    command = running(tmp_path, "signal.SIG_DFL")
    command.kill()
    started_s = time.monotonic()
    command.stop()
    assert time.monotonic() - started_s < 5


def test_a_command_that_ends_badly_does_not_hide_why_its_caller_failed(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError) as raised, FrontDoor(tmp_path).beside("no-such-command") as command:
        command.process.wait()
        raise ZeroDivisionError
    (note,) = raised.value.__notes__
    assert note.startswith("`clickstream no-such-command` ended with an error")
