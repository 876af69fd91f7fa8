"""The state folder: which stack is recorded there, and whether its processes are the ones that were started.

Cheap to import and to ask, since every command of the front door asks it first. Starts and stops nothing.
"""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from schemas.errors import ConfigError

HOST = "127.0.0.1"
EMULATOR, FIREHOSE, FUNCTION = "emulator", "firehose", "function"
# What can be started again without the others: each goes on from where it was.
STAND_INS = (FIREHOSE, FUNCTION)
# What runs where it was asked for, and the command that it has under way.
SCHEDULE, SCHEDULED_RUN = "schedule", "schedule-run"
# What runs beside the stack where it was asked for, and is no part of it.
TRINO = "trino"
_CONNECT_TIMEOUT_S = 2.0


class ProcessId(msgspec.Struct, frozen=True):
    """A process that cannot be taken for a later one with the same number.

    Attributes:
        pid: its number.
        started: when it started, in the words of the operating system.
    """

    pid: int
    started: str


class Intervals(msgspec.Struct, frozen=True):
    """How often the scheduled work is done, in seconds."""

    hourly_s: float
    daily_s: float


class Stack(msgspec.Struct, frozen=True, kw_only=True):
    """A running stack, as it is recorded.

    Attributes:
        environment: every variable that sends a process of the pipeline to this stack.
        firehose_seconds: after how long the Firehose stand-in delivers what it holds.
        firehose_mib: at which size it does.
        alerting: the settings of what is alerted that the function for dropped files was started with.
        schedule: of the compaction; None where nobody asked for one.
    """

    endpoint: str
    started_us: int
    processes: dict[str, ProcessId]
    environment: dict[str, str]
    firehose_seconds: float
    firehose_mib: float
    alerting: dict[str, str] = {}
    schedule: Intervals | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the processes that run beside the emulator."""
        return STAND_INS if self.schedule is None else (*STAND_INS, SCHEDULE)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, and a crash leaves one of them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def stack_file(state_dir: Path) -> Path:
    """Return where a running stack is recorded."""
    return state_dir / "stack.json"


def read_stack(state_dir: Path) -> Stack | None:
    """Return the recorded stack, dead or alive, or None; a record that cannot be read is none."""
    try:
        return msgspec.json.decode(stack_file(state_dir).read_bytes(), type=Stack)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def process_id(pid: int) -> ProcessId | None:
    """Return the identity of a running process, or None where there is none or it is only waiting to be reaped."""
    if not Path("/proc/self/stat").exists():
        return _process_id_by_ps(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # Source: proc(5). The name, in parentheses, may hold anything; after it follow field 3, the state, to field 22.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else ProcessId(pid, fields[19])


def _process_id_by_ps(pid: int) -> ProcessId | None:
    asked = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    state, _, started = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip().partition(" ")
    return ProcessId(pid, started.strip()) if started and not state.startswith("Z") else None


def is_alive(process: ProcessId) -> bool:
    """Say whether exactly this process still runs."""
    return process_id(process.pid) == process


def dead_parts(stack: Stack) -> list[str]:
    """Return the names of the processes that are gone, and the emulator's where nobody accepts at its endpoint."""
    dead = [name for name, process in stack.processes.items() if not is_alive(process)]
    if EMULATOR not in dead and not _accepts(stack.endpoint):
        dead.append(EMULATOR)
    return dead


def _accepts(endpoint: str) -> bool:
    address = urlsplit(endpoint)
    try:
        with socket.create_connection((HOST, address.port or 80), _CONNECT_TIMEOUT_S):
            return True
    except OSError:
        return False


def active_environment(state_dir: Path) -> dict[str, str] | None:
    """Return the variables of the running stack, or None where none was started.

    Raises:
        ConfigError: a stack is recorded and is dead or half dead.
    """
    if not stack_file(state_dir).exists():
        return None
    stack = read_stack(state_dir)
    dead = dead_parts(stack) if stack else ["its record"]
    if stack is None or dead:
        raise ConfigError(
            f"the local stack in {state_dir} is broken ({', '.join(dead)} gone): run `clickstream up` to mend it, "
            "or `clickstream down` to remove it"
        )
    return stack.environment
