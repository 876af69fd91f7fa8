"""What the commands that send lines share: their options, what they send, and where the lines go."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, NamedTuple

import typer

if TYPE_CHECKING:
    from producers.lines import Line
    from producers.position import PositionFile
    from producers.sinks import Sink
    from producers.stamping import Stamper

STDOUT = Path("-")
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line of stdout.")]
RateOption = Annotated[float, typer.Option(min=0, help="Events a second; 0 is as fast as possible.")]
PlainOption = Annotated[bool, typer.Option("--no-aggregate", help="Put each event as a record of its own.")]
KeyOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write here what each line must become, for `clickstream verify`."),
]
ResumeOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Note here how far the run is, and go on from there.")
]
OutOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write newline-delimited JSON here instead of putting; - is stdout."),
]


class Sending(NamedTuple):
    """What one process sends, and where to.

    Attributes:
        lines: what to send.
        sink: where to.
        spool: where the sink keeps what it cannot send; None where it can.
        details: what the summary says of the lines that were taken so far: counts by name.
        position: where to begin, and where to note how far the run has come.
        unsendable: how many of the lines that were taken so far were made so that no stream takes them.
    """

    lines: Iterator[Line]
    sink: Sink
    spool: Path | None
    details: Callable[[], dict[str, Any]]
    position: PositionFile | None = None
    unsendable: Callable[[], int] = lambda: 0


def require_stream_to_resume(resume: Path | None, out: Path | None) -> None:
    """Do nothing where a run may go on.

    Raises:
        ConfigError: its lines go to a file.
    """
    from schemas.errors import ConfigError

    if resume is not None and out is not None:
        raise ConfigError("a file is written from its start: --resume goes on with a stream only")


def open_sink(
    out: Path | None,
    no_aggregate: bool,
    as_json: bool,
    stack: ExitStack,
    *,
    stamper: Stamper | None = None,
    position: PositionFile | None = None,
) -> tuple[Sink, Path | None]:
    """Return what a command puts its lines into, and where it keeps those that cannot be sent.

    Args:
        out: a file in place of the stream.
        no_aggregate: each event is a record of its own.
        as_json: the summary wants stdout.
        stack: closes what was opened.
        stamper: what stamps the lines before they are put; with a position it is the position's.
        position: where the run begins; the attestations that it names are put first.

    Raises:
        ConfigError: the file cannot be written, there is no such stream, or settings are missing.
        WorkFailedError: Kinesis cannot be reached.
    """
    import sys

    from producers.sinks import FileSink
    from schemas.settings import load_settings

    if out is None:
        from producers.opening import new_spool_path, open_producer

        stream = load_settings(os.environ, Path.cwd()).stream
        spool = new_spool_path(os.environ)
        producer = open_producer(
            stream,
            aggregate=not no_aggregate,
            spool_path=spool,
            stamper=stamper,
            on_attest=position.note_attestation if position else None,
            tell=lambda text: print(text, file=sys.stderr),  # noqa: T201 - for the person who ran the command
        )
        stack.enter_context(producer)
        if position is not None:
            if position.start.is_finished:
                print(f"the run of {position.path} had come to its end: nothing is sent", file=sys.stderr)  # noqa: T201
            for left in position.start.attestations:
                producer.put_attestation(position.start.producer_id, left.text.encode())
        return producer, spool
    return FileSink(open_out(out, as_json, stack)), None


def open_out(out: Path, as_json: bool, stack: ExitStack) -> BinaryIO:
    """Return the open file that a command writes in place of putting.

    Raises:
        ConfigError: it cannot be written.
        WorkFailedError: as it is closed: it takes no more.
    """
    import sys

    from schemas.errors import ConfigError

    if out == STDOUT:
        if as_json:
            raise ConfigError("--json and --out - both want stdout; write to a file")
        return sys.stdout.buffer
    try:
        file = out.open("wb")
    except OSError as error:
        raise ConfigError(f"cannot write {out}: {error.strerror}") from error
    stack.callback(_close, file)
    return file


def _close(file: BinaryIO) -> None:
    from schemas.errors import WorkFailedError

    try:
        file.close()
    except OSError as error:
        raise WorkFailedError(f"cannot write: {error}") from error
