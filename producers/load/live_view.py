"""What a person sees while a load runs: a table that stays in place, or a line now and then where no terminal is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from producers.load.timeline import Row

_LINE_EVERY_S = 5.0
# Over so many whole intervals the figures are taken.
_RECENT = 5


@dataclass(slots=True)
class Scene:
    """What is known at a moment.

    Attributes:
        title: what runs.
        at_s: since the start.
        seconds: how long the schedule is.
        rows: of the timeline.
        step_s: how long a row is.
        notes: troubles and waits.
    """

    title: str
    at_s: float
    seconds: float
    rows: Sequence[Row]
    step_s: int
    notes: list[str] = field(default_factory=list)

    def figures(self) -> dict[str, str]:
        """Return name -> value, of the last whole intervals where it is not a sum."""
        # The processes tell of an interval soon after its end.
        whole = [row for row in self.rows if row.at_s + 1.5 * self.step_s <= self.at_s]
        recent = whole[-_RECENT:]
        seconds = max(1, len(recent) * self.step_s)
        last = recent[-1] if recent else Row(at_s=0)
        return {
            "scheduled/s": f"{sum(row.scheduled for row in recent) / seconds:,.0f}",
            "sent/s": f"{sum(row.sent for row in recent) / seconds:,.0f}",
            "put p50": _worst(recent, "latency_p50_ms"),
            "put p99": _worst(recent, "latency_p99_ms"),
            "backlog": f"{last.backlog:,}",
            "throttled": f"{sum(row.throttled for row in self.rows):,}",
            "retried": f"{sum(row.retried for row in self.rows):,}",
            "failed": f"{sum(row.failed for row in self.rows):,}",
            "alerts": f"{sum(row.alerts for row in self.rows):,}",
            "alert p50": _latest(self.rows, "alert_p50_ms"),
            "alert p99": _latest(self.rows, "alert_p99_ms"),
            "job behind": _latest(self.rows[-_RECENT:], "behind_ms"),
            "memory": f"{(last.memory_bytes or 0) / (1 << 20):,.0f} MiB",
        }


class View:
    """Shows scenes.

    Args:
        console: where.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._told_s = 0.0

    @contextmanager
    def open(self) -> Iterator[None]:
        """Hold the place on a terminal for as long as this lasts."""
        if not self._console.is_terminal:
            yield
            return
        with Live(console=self._console, auto_refresh=False, transient=True) as self._live:
            yield
        self._live = None

    def show(self, scene: Scene) -> None:
        """Show a scene in place of the one before; without a terminal it is a line every few seconds."""
        if self._live is not None:
            self._live.update(_drawn(scene), refresh=True)
        elif scene.at_s >= self._told_s + _LINE_EVERY_S:
            self._told_s = scene.at_s
            told = ", ".join(f"{name} {value}" for name, value in scene.figures().items())
            self._console.print(Text(f"{scene.at_s:.0f} s of {scene.seconds:.0f}: {told}"), soft_wrap=True)


def _drawn(scene: Scene) -> Group:
    table = Table.grid(padding=(0, 3))
    cells = [Text.assemble((f"{name} ", "dim"), (value, "bold")) for name, value in scene.figures().items()]
    for first in range(0, len(cells), 4):
        table.add_row(*cells[first : first + 4])
    passed = f"{min(scene.at_s, scene.seconds):,.0f} s of {scene.seconds:,.0f}"
    return Group(
        Text.assemble((scene.title, "bold"), "  ", passed),
        ProgressBar(total=scene.seconds, completed=min(scene.at_s, scene.seconds), width=60),
        table,
        *(Text(note, style="yellow") for note in scene.notes),
    )


def _worst(rows: Sequence[Row], name: str) -> str:
    known = [value for row in rows if (value := getattr(row, name)) is not None]
    return f"{max(known):,.0f} ms" if known else "-"


def _latest(rows: Sequence[Row], name: str) -> str:
    known = next((value for row in reversed(rows) if (value := getattr(row, name)) is not None), None)
    return f"{known:,.0f} ms" if known is not None else "-"
