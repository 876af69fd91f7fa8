"""The command `record`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from producers.sending import JsonOption


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Traffic")(record)


def record(
    out: Annotated[
        Path, typer.Option(metavar="PATH", help="A new file, or a folder for files that follow each other.")
    ],
    start: Annotated[
        str, typer.Option("--from", metavar="TIME", help="`latest`, `trim` for the oldest there is, or an instant.")
    ] = "latest",
    duration: Annotated[float | None, typer.Option(min=0, help="Stop after so many seconds.")] = None,
    limit: Annotated[int | None, typer.Option(min=0, help="Stop after so many Kinesis records.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Record what is on the stream into Avro files, which `replay` puts again; Ctrl-C ends it.

    Example: `clickstream record --out monday.avro --duration 3600`
    """
    import math
    import random
    import time
    from datetime import UTC, datetime

    import boto3
    import msgspec
    from botocore.config import Config
    from botocore.exceptions import NoRegionError
    from rich.console import Console

    from producers.delivery import StopFlag
    from producers.opening import no_client_told
    from producers.recording.reader import PATIENCE, StreamReader
    from producers.recording.session import Recorded, Target
    from producers.recording.session import record as record_into
    from producers.recording.shards import Start
    from schemas.errors import ConfigError, WorkFailedError
    from schemas.settings import load_settings

    stream = load_settings(os.environ, Path.cwd()).stream
    begin = Start(start, time.time_ns() // 1000)
    target = Target(out, f"{stream}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    target.check()
    try:
        # Retries are counted and bounded by the reader, so the client makes none of its own.
        client = boto3.client(
            "kinesis", config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20)
        )
    except NoRegionError as error:
        raise ConfigError(no_client_told(error)) from error
    reader = StreamReader(client, stream, begin, PATIENCE, time.monotonic, time.sleep, random.random)
    reader.open()
    recorded, stop, begin_s = Recorded(), StopFlag(), time.monotonic()
    failure: WorkFailedError | None = None
    console = Console(stderr=True)
    with console.status("recording") as status, stop.on_interrupt():

        def show(so_far: Recorded) -> None:
            status.update(f"recording: {so_far.records:,} records, {so_far.events:,} events, {so_far.bytes:,} bytes")

        try:
            record_into(
                reader.batches(),
                target,
                stop,
                limit=limit,
                until_s=math.inf if duration is None else begin_s + duration,
                clock=time.monotonic,
                recorded=recorded,
                on_progress=show,
            )
        except WorkFailedError as error:
            failure = error
    summary = {
        **msgspec.structs.asdict(recorded),
        "shards": reader.shards,
        "retried": reader.retried,
        "behind_ms": reader.behind_ms,
        "seconds": round(time.monotonic() - begin_s, 3),
        "out": str(out),
    }
    if as_json:
        print(msgspec.json.encode(summary).decode(), flush=True)  # noqa: T201 - the promised last line
    else:
        Console().print(
            f"{recorded.records:,} records of {reader.shards} shards with {recorded.events:,} events in {out}"
        )
    if failure is not None:
        raise failure
