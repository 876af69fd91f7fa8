"""Background processes: started in a session of their own with a log file, and stopped within a bound.

Each is noted in a journal in the state folder as soon as it runs: what a killed `up` leaves behind is found by that.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from infra.local.state import ProcessId, is_alive, process_id, replace_file
from schemas.errors import WorkFailedError

TERMINATE_S = 10.0
KILL_S = 5.0
_POLL_S = 0.05
_LOG_TAIL_LINES = 8
_JOURNAL = "processes"
_PROJECT = Path(__file__).parents[2]


def start_module(module: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> ProcessId:
    """Start `python -m module`, detached from this process; its output is added to the log.

    Args:
        module: of this project, wherever it is installed.
        arguments: for its command line.
        environment: its `AWS_*` variables; those of this process are not handed on.
        log: created where it is missing.

    Raises:
        WorkFailedError: it ended at once.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    search_path = os.pathsep.join(filter(None, [str(_PROJECT), os.environ.get("PYTHONPATH")]))
    variables = inherited | {"PYTHONPATH": search_path, "PYTHONUNBUFFERED": "1"} | dict(environment)
    return start_program([sys.executable, "-m", module, *arguments], variables, log, name=module)


def start_program(command: list[str], environment: Mapping[str, str], log: Path, name: str) -> ProcessId:
    """Start a program, detached from this process; its output is added to the log.

    Args:
        command: the path of the program and its arguments.
        environment: all of its variables.
        log: created where it is missing.
        name: for people.

    Raises:
        WorkFailedError: it ended at once.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    # Not subprocess.Popen: it would wait for the process, or complain that nobody does.
    pid = os.posix_spawn(
        command[0],
        command,
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    started = process_id(pid)
    if started is None:
        raise WorkFailedError(f"{name} ended at once\n{log_tail(log)}")
    return started


def stop(process: ProcessId) -> None:
    """End a process, politely first; one that is gone, or whose number is another's now, is left alone.

    Raises:
        WorkFailedError: it survives even SIGKILL.
    """
    for number, bound_s in ((signal.SIGTERM, TERMINATE_S), (signal.SIGKILL, KILL_S)):
        if not is_alive(process):
            break
        with suppress(ProcessLookupError):  # it ended since
            os.kill(process.pid, number)
        wait_until(lambda: not is_alive(process), bound_s)
    if is_alive(process):
        raise WorkFailedError(f"process {process.pid} does not end")
    _reap(process.pid)


def journal(state_dir: Path, name: str, process: ProcessId) -> None:
    """Note that a process was started."""
    replace_file(state_dir / _JOURNAL / f"{name}.json", msgspec.json.encode(process))


def journaled(state_dir: Path) -> list[str]:
    """Return the names in the journal."""
    return [file.stem for file in (state_dir / _JOURNAL).glob("*.json")]


def stop_journaled(state_dir: Path, name: str) -> None:
    """Stop the process that was noted under a name, where it still runs."""
    file = state_dir / _JOURNAL / f"{name}.json"
    if file.exists():
        stop(msgspec.json.decode(file.read_bytes(), type=ProcessId))


def forget_journal(state_dir: Path) -> None:
    """Remove the journal."""
    shutil.rmtree(state_dir / _JOURNAL, ignore_errors=True)


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return  # started by another process, which has ended: init reaps it


def wait_until(is_met: Callable[[], bool], timeout_s: float) -> bool:
    """Wait for a condition of another process; say whether it was met in time."""
    deadline_s = time.monotonic() + timeout_s
    while not is_met():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(_POLL_S)
    return True


def log_of(state_dir: Path, name: str) -> Path:
    """Return the log of a process."""
    return state_dir / "logs" / f"{name}.log"


def log_tail(log: Path) -> str:
    """Return the last lines of a log, with its name."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
    return "\n".join([f"last lines of {log}:", *lines[-_LOG_TAIL_LINES:]])
