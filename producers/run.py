"""One run of a producer command: deliver with a progress bar, tell the result, and give the exit code.

The shell around the pure parts; here the clock and the signals are put to them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from producers.delivery import StopFlag, deliver
from producers.schedules import Schedule
from producers.sending import Sending
from producers.sinks import Tally
from schemas.errors import WorkFailedError

INTERRUPTED = 130


def send(sending: Sending, schedule: Schedule, stop: StopFlag, on_progress: Callable[[int], object]) -> None:
    """Deliver the lines, close the sink, and note that the run has come to its end.

    Args:
        sending: what to send, and where to.
        schedule: when.
        stop: asked before each line.
        on_progress: called now and then, and at the end, with the number of lines taken.

    Raises:
        WorkFailedError: lines could not be read or sent.
    """
    position = sending.position
    try:
        deliver(
            sending.lines,
            sending.sink,
            schedule,
            stop,
            clock=time.monotonic,
            sleep=time.sleep,
            on_progress=on_progress,
            position=position,
        )
    finally:
        sending.sink.close()
    if position is not None and not stop.is_set:
        position.finish()


def run(sending: Sending, schedule: Schedule, *, total: int | None, as_json: bool, stdout_is_data: bool) -> None:
    """Send, print the summary, and raise what the exit code asks for.

    Args:
        sending: what to send, and where to.
        schedule: when.
        total: how many lines to expect, for the bar.
        as_json: print one JSON object instead of tables.
        stdout_is_data: the summary must go elsewhere.

    Raises:
        WorkFailedError: lines could not be read or sent.
        typer.Exit: with 130 after Ctrl-C.
    """
    stop = StopFlag()
    begin_s = time.monotonic()
    failure: WorkFailedError | None = None
    with progress_bar() as bar, stop.on_interrupt():
        task = bar.add_task("sending", total=total)
        try:
            send(sending, schedule, stop, lambda count: bar.update(task, completed=count))
        except WorkFailedError as error:
            failure = error
    tally = sending.sink.tally
    summary = msgspec.to_builtins({**summary_of(tally, time.monotonic() - begin_s), **sending.details()})
    tell(summary, as_json=as_json, console=Console(stderr=stdout_is_data))
    problems = [str(failure)] if failure else []
    spools = [str(sending.spool)] if sending.spool else []
    problems += unsent_told(failed_of(tally, sending.unsendable()), tally, spools)
    if problems:
        raise WorkFailedError("; ".join(problems)) from failure
    if stop.is_set:
        raise typer.Exit(INTERRUPTED)


def failed_of(tally: Tally, unsendable: int) -> int:
    """Return how many lines failed beside those that were made so that no stream takes them."""
    return tally.failed - min(tally.unsendable, unsendable)


def unsent_told(failed: int, tally: Tally, spools: Sequence[str]) -> list[str]:
    """Return what to tell of so many events that could not be sent, if any, and are kept in some files."""
    if not failed or not spools:
        return []
    kept = f"{tally.lost} of them could not be saved, the others are in" if tally.lost else "they are saved in"
    return [
        f"{failed} events could not be sent: {tally.first_failure}; {kept} {', '.join(spools)}; "
        "the next run takes them up"
    ]


def summary_of(tally: Tally, seconds: float) -> dict[str, Any]:
    """Return the summary's figures by name."""
    return {
        "sent": tally.sent,
        "retried": tally.retried,
        "throttled": tally.throttled,
        "remapped": tally.remapped,
        "failed": tally.failed,
        "lost": tally.lost,
        "resent": tally.resent,
        "attestations": tally.attestations,
        "bytes": tally.bytes,
        "records": tally.records,
        "seconds": round(seconds, 3),
        "events_per_s": round(tally.sent / seconds) if seconds > 0 else 0,
    }


def progress_bar() -> Progress:
    """Return the bar of a run, on stderr."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("events"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def tell(summary: Mapping[str, Any], *, as_json: bool, console: Console) -> None:
    """Print a summary."""
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
