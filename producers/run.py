"""One run of a producer command: deliver with a progress bar, tell the result, and give the exit code.

The shell around the pure parts; here the clock and the signals are put to them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from producers.delivery import StopFlag, deliver
from producers.lines import Line
from producers.position import PositionFile
from producers.schedules import Schedule
from producers.sinks import Sink, Tally
from schemas.errors import WorkFailedError

_INTERRUPTED = 130


def run(
    lines: Iterator[Line],
    sink: Sink,
    schedule: Schedule,
    *,
    total: int | None,
    spool: Path | None,
    as_json: bool,
    stdout_is_data: bool,
    details: Callable[[], dict[str, Any]],
    position: PositionFile | None = None,
    unsendable: Callable[[], int] = lambda: 0,
) -> None:
    """Deliver the lines, close the sink, print the summary, and raise what the exit code asks for.

    Args:
        lines: what to send.
        sink: where to.
        schedule: when.
        total: how many lines to expect, for the bar.
        spool: where the sink saves what it cannot send.
        as_json: print one JSON object instead of tables.
        stdout_is_data: the summary must go elsewhere.
        details: what the command adds to the summary, asked for at the end.
        position: where to begin, and where to note how far the run has come.
        unsendable: how many lines were made so that they cannot be sent; asked for at the end.

    Raises:
        WorkFailedError: lines could not be read or sent.
        typer.Exit: with 130 after Ctrl-C.
    """
    stop = StopFlag()
    begin_s = time.monotonic()
    failure: WorkFailedError | None = None
    with _progress_bar() as bar, stop.on_interrupt():
        task = bar.add_task("sending", total=total)
        try:
            try:
                deliver(
                    lines,
                    sink,
                    schedule,
                    stop,
                    clock=time.monotonic,
                    sleep=time.sleep,
                    on_progress=lambda count: bar.update(task, completed=count),
                    position=position,
                )
            finally:
                sink.close()
            if position is not None and not stop.is_set:
                position.finish()
        except WorkFailedError as error:
            failure = error
    summary = msgspec.to_builtins({**summary_of(sink.tally, time.monotonic() - begin_s), **details()})
    _tell(summary, as_json=as_json, console=Console(stderr=stdout_is_data))
    if sink.tally.failed > unsendable() and spool is not None:
        raise WorkFailedError(
            f"{sink.tally.failed} events could not be sent: {sink.tally.first_failure}; they are saved in {spool}"
        ) from failure
    if failure is not None:
        raise failure
    if stop.is_set:
        raise typer.Exit(_INTERRUPTED)


def summary_of(tally: Tally, seconds: float) -> dict[str, Any]:
    """Return the summary's figures by name."""
    return {
        "sent": tally.sent,
        "retried": tally.retried,
        "throttled": tally.throttled,
        "remapped": tally.remapped,
        "failed": tally.failed,
        "resent": tally.resent,
        "attestations": tally.attestations,
        "bytes": tally.bytes,
        "records": tally.records,
        "seconds": round(seconds, 3),
        "events_per_s": round(tally.sent / seconds) if seconds > 0 else 0,
    }


def _progress_bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("events"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _tell(summary: Mapping[str, Any], *, as_json: bool, console: Console) -> None:
    if as_json:
        print(msgspec.json.encode(summary).decode(), flush=True)  # noqa: T201 - the promised last line
        return
    table = Table(show_header=False, title="summary")
    for name, value in _flat(summary):
        table.add_row(name, f"{value:,}" if isinstance(value, int | float) else str(value))
    console.print(table)


def _flat(values: Mapping[str, Any], indent: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield indent + name, ""
            yield from _flat(value, indent + "  ")
        else:
            yield indent + name, value
