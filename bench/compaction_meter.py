"""What a command takes, with all processes that it starts: CPU time, wall time and peak memory. Linux only.

CPU time is the kernel's own account of every process, taken when it is reaped: this process makes itself the one that
inherits orphans, so that none is missed, whoever started it. Peak memory is the largest sum of resident sizes seen in a
sample, or the kernel's peak of a single process where that is more; what processes share counts for each of them.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_SET_CHILD_SUBREAPER = 36  # Source: linux/prctl.h
_SAMPLE_S = 0.02
# A walk reads a file of every thread, of which a JVM has many.
_SAMPLES_A_WALK = 10
_KIB_PER_MIB = 1024
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Taken:
    """What a command took."""

    cpu_s: float
    wall_s: float
    peak_rss_mib: float


def measure(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Taken:
    """Run a command and wait until it and all that it left behind have ended.

    No other child of this process may run meanwhile.

    Raises:
        RuntimeError: it failed; with the end of what it said on stderr.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "this process cannot inherit orphans")
    with tempfile.TemporaryFile() as said:
        begun_s = time.monotonic()
        leader = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=said)
        watch = _Watch(os.getpid())
        watch.start()
        try:
            cpu_s, wall_s = _reap(leader, begun_s)
        finally:
            watch.stop()
        if leader.returncode != 0:
            said.seek(0)
            tail = said.read()[-4_000:].decode("utf-8", "replace")
            raise RuntimeError(f"{' '.join(command)} ended with {leader.returncode}:\n{tail}")
    return Taken(cpu_s, wall_s, watch.peak_kib / _KIB_PER_MIB)


def _reap(leader: subprocess.Popen[bytes], begun_s: float) -> tuple[float, float]:
    """Return the CPU time of all children, and the wall time until the leader ended."""
    cpu_s, ended_s = 0.0, begun_s
    while True:
        try:
            pid, status, used = os.wait4(-1, 0)
        except ChildProcessError:
            return cpu_s, ended_s - begun_s
        cpu_s += used.ru_utime + used.ru_stime
        if pid == leader.pid:
            ended_s = time.monotonic()
            leader.returncode = os.waitstatus_to_exitcode(status)


class _Watch(threading.Thread):
    """Keeps the peak of the resident size of all descendants of a process."""

    def __init__(self, root: int) -> None:
        super().__init__(name="memory watch", daemon=True)
        self._root = root
        self._stopped = threading.Event()
        self._fault: Exception | None = None
        self.peak_kib = 0

    def run(self) -> None:
        try:
            self._watch()
        except Exception as fault:  # told where the peak is asked for
            self._fault = fault

    def _watch(self) -> None:
        for number in itertools.count():
            if number % _SAMPLES_A_WALK == 0:
                pids = descendants(self._root)
            sizes = [_sizes_kib(pid) for pid in pids]
            together = sum(now for now, _ in sizes)
            self.peak_kib = max([self.peak_kib, together, *(peak for _, peak in sizes)])
            if self._stopped.wait(_SAMPLE_S):
                return

    def stop(self) -> None:
        self._stopped.set()
        self.join()
        if self._fault is not None:
            raise self._fault


def descendants(root: int) -> list[int]:
    """Return the processes below a process."""
    found, waiting = [], [root]
    while waiting:
        below = _children(waiting.pop())
        found += below
        waiting += below
    return found


def _children(pid: int) -> list[int]:
    """Return the children of a process, none of one that has ended."""
    children: list[int] = []
    try:
        for thread in (_PROC / str(pid) / "task").iterdir():
            children += map(int, (thread / "children").read_text(encoding="ascii").split())
    except (FileNotFoundError, ProcessLookupError):
        return children
    return children


def _sizes_kib(pid: int) -> tuple[int, int]:
    """Return resident size and its peak, 0 of a process that has ended."""
    try:
        lines = (_PROC / f"{pid}/status").read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0
    values = dict(line.split(":", 1) for line in lines if line.startswith(("VmRSS:", "VmHWM:")))
    now, peak = (int(values.get(name, "0").split()[0]) for name in ("VmRSS", "VmHWM"))
    return now, peak
