"""What the commands that send lines share: their options, and where the lines go."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from producers.producer import Sink
    from producers.spool import Spool

STDOUT = Path("-")
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line of stdout.")]
RateOption = Annotated[float, typer.Option(min=0, help="Events a second; 0 is as fast as possible.")]
PlainOption = Annotated[bool, typer.Option("--no-aggregate", help="Put each event as a record of its own.")]
OutOption = Annotated[
    Path | None, typer.Option(help="Write newline-delimited JSON here instead of putting; - is stdout.")
]


def open_sink(out: Path | None, no_aggregate: bool, as_json: bool, stack: ExitStack) -> tuple[Sink, Spool | None]:
    """Return what a command puts its lines into, and where it keeps those that cannot be sent.

    Args:
        out: a file in place of the stream.
        no_aggregate: each event is a record of its own.
        as_json: the summary wants stdout.
        stack: closes what was opened.

    Raises:
        ConfigError: the file cannot be written, there is no such stream, or settings are missing.
        WorkFailedError: Kinesis cannot be reached.
    """
    import sys

    from producers.producer import FileSink
    from producers.run import open_producer, spool_of
    from schemas.errors import ConfigError
    from schemas.settings import load_settings

    if out is None:
        stream = load_settings(os.environ, Path.cwd()).stream
        spool = spool_of(os.environ)
        return open_producer(stream, spool, aggregate=not no_aggregate), spool
    if out == STDOUT:
        if as_json:
            raise ConfigError("--json and --out - both want stdout; write to a file")
        return FileSink(sys.stdout.buffer), None
    try:
        return FileSink(stack.enter_context(out.open("wb"))), None
    except OSError as error:
        raise ConfigError(f"cannot write {out}: {error}") from error
