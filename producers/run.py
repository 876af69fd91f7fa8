"""One run of a producer command: connect, deliver with a progress bar, tell the result, and give the exit code.

The shell around the pure parts; here alone are the clock, the signals and the network put together.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import boto3
import msgspec
import typer
from botocore.config import Config
from botocore.exceptions import NoCredentialsError, NoRegionError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from producers.batching import Batcher
from producers.delivery import StopFlag, deliver
from producers.lines import Line
from producers.producer import Producer, Sink, Tally
from producers.put import Backoff, Putter, open_shards
from producers.routing import Router
from producers.schedules import Schedule
from producers.spool import Spool
from schemas.errors import ConfigError, WorkFailedError
from schemas.settings import state_dir_of

_INTERRUPTED = 130
# Retries are counted and bounded by `put`, so the client makes none of its own.
_CLIENT = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20)


def spool_of(environment: Mapping[str, str]) -> Spool:
    """Return the spool of this run; its file is named by time and process."""
    return Spool(state_dir_of(environment) / "spool" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}.ndjson")


def open_producer(stream: str, spool: Spool, *, aggregate: bool) -> Producer:
    """Return a producer for a stream, found by the standard AWS variables.

    Raises:
        ConfigError: there is no such stream, or no region or credentials.
        WorkFailedError: Kinesis cannot be reached.
    """
    try:
        client = boto3.client("kinesis", config=_CLIENT)
        router = Router(open_shards(client, stream))
    except (NoRegionError, NoCredentialsError) as error:
        raise ConfigError(f"{error}; start the local stack with `clickstream up` or set the AWS variables") from error
    # Jitter spreads retries; nobody gains by guessing it.
    putter = Putter(client, stream, Backoff(), time.sleep, random.random)
    return Producer(Batcher(router, aggregate=aggregate), putter, spool, time.monotonic)


def run(
    lines: Iterator[Line],
    sink: Sink,
    schedule: Schedule,
    *,
    total: int | None,
    spool: Spool | None,
    as_json: bool,
    stdout_is_data: bool,
    details: Callable[[], dict[str, Any]],
) -> None:
    """Deliver the lines, print the summary, and raise what the exit code asks for.

    Args:
        lines: what to send.
        sink: where to.
        schedule: when.
        total: how many lines to expect, for the bar.
        spool: where the sink saves what it cannot send.
        as_json: print one JSON object instead of tables.
        stdout_is_data: the summary must go elsewhere.
        details: what the command adds to the summary, asked for at the end.

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
            deliver(
                lines,
                sink,
                schedule,
                stop,
                clock=time.monotonic,
                sleep=time.sleep,
                on_progress=lambda count: bar.update(task, completed=count),
            )
        except WorkFailedError as error:
            failure = error
    summary = msgspec.to_builtins({**summary_of(sink.tally, time.monotonic() - begin_s), **details()})
    _tell(summary, as_json=as_json, console=Console(stderr=stdout_is_data))
    if sink.tally.failed and spool is not None:
        raise WorkFailedError(
            f"{sink.tally.failed} events could not be sent: {sink.tally.first_failure}; they are saved in {spool.path}"
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
        "failed": tally.failed,
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
