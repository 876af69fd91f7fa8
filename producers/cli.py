"""The producers' commands: `simulate` and `replay`."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from producers.producer import Sink
    from producers.spool import Spool

_STDOUT = Path("-")
# Ten years: every event of it is one that the codec takes.
_MOST_HOURS = 10 * 365 * 24
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line of stdout.")]
_Rate = Annotated[float, typer.Option(min=0, help="Events a second; 0 is as fast as possible.")]
_Plain = Annotated[bool, typer.Option("--no-aggregate", help="Put each event as a record of its own.")]
_Out = Annotated[Path | None, typer.Option(help="Write newline-delimited JSON here instead of putting; - is stdout.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this package."""
    app.command(rich_help_panel="Traffic")(simulate)
    app.command(rich_help_panel="Traffic")(replay)


def simulate(
    events: Annotated[int, typer.Option(min=0, help="How many events, duplicates not counted.")] = 100_000,
    users: Annotated[int, typer.Option(min=1, help="How many users the shop has.")] = 5_000,
    rate: _Rate = 0,
    seed: Annotated[int, typer.Option(help="The same seed and options give the same visits.")] = 1,
    hours: Annotated[
        float, typer.Option(min=0.001, max=_MOST_HOURS, help="How far back from now the events reach.")
    ] = 6,
    duplicates: Annotated[float, typer.Option(help="Share of events that are sent a second time.")] = 0,
    late: Annotated[float, typer.Option(help="Share of events that happened 1 to 3 hours earlier.")] = 0,
    corrupt: Annotated[float, typer.Option(help="Share of events whose bytes are damaged.")] = 0,
    no_aggregate: _Plain = False,
    out: _Out = None,
    as_json: _Json = False,
) -> None:
    """Put simulated visits to a shop into the stream and say what must come out.

    Example: `clickstream simulate --events 20000 --rate 2000 --duplicates 0.02 --late 0.01 --corrupt 0.005`
    """
    import time
    from random import Random

    from producers.faults import Answer, FaultRates, inject
    from producers.run import run
    from producers.schedules import schedule_of
    from producers.shop import Visitors
    from producers.shop import simulate as visits
    from schemas.instants import HOUR_US

    visitors = Visitors(events, users, end_us=time.time_ns() // 1000, span_us=int(hours * HOUR_US))
    rates = FaultRates(duplicates, late, corrupt)
    answer = Answer()
    # Faults have their own generator, so the visits of a seed are the same with and without them.
    lines = inject(visits(Random(seed), visitors), rates, Random(f"{seed} faults"), answer)  # noqa: S311
    with ExitStack() as stack:
        sink, spool = _open_sink(out, no_aggregate, as_json, stack)
        run(
            lines,
            sink,
            schedule_of(rate),
            total=round(events * (1 + duplicates)),
            spool=spool,
            as_json=as_json,
            stdout_is_data=out == _STDOUT,
            details=lambda: {"answer": answer},
        )


def replay(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Recordings, gzip or not, in this order.")],
    mapping: Annotated[
        str | None, typer.Option(help="A shipped mapping's name or a TOML file; none sends lines as they are.")
    ] = None,
    speed: Annotated[str, typer.Option(help="As recorded (1x), faster (60x), or max.")] = "max",
    rate: _Rate = 0,
    limit: Annotated[int | None, typer.Option(min=0, help="Stop after so many rows.")] = None,
    no_aggregate: _Plain = False,
    out: _Out = None,
    as_json: _Json = False,
) -> None:
    """Put recorded traffic into the stream, in recorded order.

    Example: `clickstream replay 2019-Oct.csv.gz --mapping rees46 --speed 60x`
    """
    import time
    from itertools import chain, islice

    from producers.mapping import load_mapping
    from producers.recordings import check_recordings, read_lines, rows_of
    from producers.replay import RowCounts, lines_as_recorded, lines_by_mapping
    from producers.run import run
    from producers.schedules import schedule_of

    declared = load_mapping(mapping) if mapping else None
    schedule = schedule_of(rate, speed)
    check_recordings(files, declared)
    counts = RowCounts()
    if declared is None:
        recorded = chain.from_iterable(read_lines(path) for path in files)
        lines = lines_as_recorded(islice(recorded, limit), time.time_ns() // 1000, counts)
    else:
        rows = chain.from_iterable(rows_of(read_lines(path), declared) for path in files)
        lines = lines_by_mapping(islice(rows, limit), declared, counts)
    with ExitStack() as stack:
        sink, spool = _open_sink(out, no_aggregate, as_json, stack)
        run(
            lines,
            sink,
            schedule,
            total=limit,
            spool=spool,
            as_json=as_json,
            stdout_is_data=out == _STDOUT,
            details=lambda: {"rows": counts},
        )


def _open_sink(out: Path | None, no_aggregate: bool, as_json: bool, stack: ExitStack) -> tuple[Sink, Spool | None]:
    import sys

    from producers.producer import FileSink
    from producers.run import open_producer, spool_of
    from schemas.errors import ConfigError
    from schemas.settings import load_settings

    if out is None:
        stream = load_settings(os.environ, Path.cwd()).stream
        spool = spool_of(os.environ)
        return open_producer(stream, spool, aggregate=not no_aggregate), spool
    if out == _STDOUT:
        if as_json:
            raise ConfigError("--json and --out - both want stdout; write to a file")
        return FileSink(sys.stdout.buffer), None
    try:
        return FileSink(stack.enter_context(out.open("wb"))), None
    except OSError as error:
        raise ConfigError(f"cannot write {out}: {error}") from error
