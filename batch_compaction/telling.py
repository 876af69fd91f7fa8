"""What a run tells while it works: bars for a person at a terminal, or one line of JSON for each step, for a log.

Tells keys, hours, names of tables and numbers, and nothing of what is in them.
"""

from __future__ import annotations

import re
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Column

from batch_compaction.progress import Progress
from schemas.instants import format_instant_us
from schemas.settings import LOG_VARIABLE

LOGGER = "batch_compaction"
# The first word of a step -> the phase that it begins; a step of another word belongs to the phase that goes on.
_PHASES = {verb: verb for verb in ("find", "read", "merge", "check", "publish")} | {"make": "rebuild_users"}


@dataclass(slots=True)
class Stopwatch:
    """How long each phase of a run takes.

    Attributes:
        seconds: phase -> how long it took, up to the last step.
    """

    clock: Callable[[], float] = time.monotonic
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    _phase: str | None = None
    _since_s: float = 0.0

    def step(self, text: str) -> None:
        """Say that a step begins."""
        phase = _PHASES.get(text.partition(" ")[0], self._phase)
        self.stop()
        self._phase = phase

    def stop(self) -> None:
        """Say that the last step ends."""
        now_s = self.clock()
        if self._phase is not None:
            self.seconds[self._phase] += now_s - self._since_s
        self._since_s, self._phase = now_s, None


@contextmanager
def telling(environment: Mapping[str, str], run_id: str, progress: Progress) -> Iterator[Callable[[str], None]]:
    """Give what is to be called with the text of each step as it begins."""
    if environment.get(LOG_VARIABLE) == "json":
        yield lambda step: log_line(sys.stderr, step, run_id=run_id, **asdict(progress))
        return
    # The text may be long, and is cut at the end of the line: a key of S3 is part of it.
    text_column = TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1))
    columns = (BarColumn(bar_width=20), MofNCompleteColumn(), TimeElapsedColumn(), text_column)
    console = Console(stderr=True)
    with Bars(*columns, console=console, transient=True, expand=True, disable=not console.is_terminal) as bars:
        bar = bars.add_task("compacting", total=None)

        def on_step(step: str) -> None:
            done, total = _how_far(step, progress)
            so_far = f"{progress.lines:,} lines so far, " if step.startswith("read ") else ""
            text = f"compacting: {so_far}{step}"
            bars.update(bar, description=escape(text), completed=done, total=total, refresh=True)

        yield on_step


def _how_far(step: str, progress: Progress) -> tuple[int, int | None]:
    match step.partition(" ")[0]:
        case "read":
            return progress.objects_read, progress.objects
        case "merge":
            return progress.hours_merged, progress.hours
        case _:
            return 0, None


def log_line(stream: TextIO, message: str, level: str = "INFO", **fields: object) -> None:
    """Write a line of the log: time, level, logger, message, and further fields."""
    line = {
        "time": format_instant_us(time.time_ns() // 1000),
        "level": level,
        "logger": LOGGER,
        "message": message,
        **fields,
    }
    stream.write(msgspec.json.encode(line).decode() + "\n")
    stream.flush()


def peak_memory_bytes() -> int:
    """Return the most memory that this process had at a time."""
    status = Path("/proc/self/status")
    if status.exists():
        # Source: proc(5). What getrusage says may be of the process that started this one.
        found = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
        if found:
            return int(found[1]) * 1024
    # Source: getrusage(2): in KiB; in bytes on macOS.
    unit_bytes = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit_bytes
