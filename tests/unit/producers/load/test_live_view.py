"""What is shown while a load runs, on a terminal and where there is none."""

from __future__ import annotations

import io

from rich.console import Console

from producers.load.live_view import Scene, View
from producers.load.timeline import Row

ROWS = [
    Row(
        at_s=float(second),
        scheduled=100,
        sent=80 + second,
        backlog=second,
        latency_p50_ms=10.0 + second,
        latency_p99_ms=1000.0 - second,
        throttled=1,
        alerts=3,
        alert_p99_ms=500.0 if second == 4 else None,
        memory_bytes=64 << 20,
    )
    for second in range(10)
]


def scene(at_s: float) -> Scene:
    return Scene("steady [bold]", at_s, 60, ROWS, 1, ["receipts could not be read: [/]"])


def test_rates_are_of_the_last_whole_intervals_that_all_processes_have_told() -> None:
    figures = scene(9.6).figures()
    # Seconds 4 to 8: the tenth has begun.
    assert (figures["scheduled/s"], figures["sent/s"], figures["backlog"]) == ("100", "86", "8")
    assert (figures["put p50"], figures["put p99"]) == ("18 ms", "996 ms")
    assert (figures["throttled"], figures["alerts"], figures["memory"]) == ("10", "30", "64 MiB")
    assert (figures["alert p99"], figures["alert p50"], figures["job behind"]) == ("500 ms", "-", "-")
    assert scene(0.1).figures()["sent/s"] == "0"


def test_without_a_terminal_a_line_comes_every_few_seconds() -> None:
    out = io.StringIO()
    view = View(Console(file=out, width=80))
    with view.open():
        for tenth in range(0, 120):
            view.show(scene(tenth / 10))
    lines = out.getvalue().splitlines()
    assert [line.partition(":")[0] for line in lines] == ["5 s of 60", "10 s of 60"]
    assert all("put p99" in line for line in lines)


def test_a_terminal_shows_the_figures_and_the_notes_as_they_are() -> None:
    out = io.StringIO()
    view = View(Console(file=out, width=120, force_terminal=True, color_system=None))
    with view.open():
        view.show(scene(9.6))
    shown = out.getvalue()
    assert "steady [bold]" in shown and "receipts could not be read: [/]" in shown and "9.6" not in shown
    assert "996 ms" in shown and "10 s of 60" in shown
