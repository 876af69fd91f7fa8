"""The command `replay`."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from producers.sending import STDOUT, JsonOption, OutOption, PlainOption, RateOption, open_sink


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Traffic")(replay)


def replay(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Recordings, gzip or not, in this order.")],
    mapping: Annotated[
        str | None, typer.Option(help="A shipped mapping's name or a TOML file; none sends lines as they are.")
    ] = None,
    speed: Annotated[str, typer.Option(help="As recorded (1x), faster (60x), or max.")] = "max",
    rate: RateOption = 0,
    limit: Annotated[int | None, typer.Option(min=0, help="Stop after so many rows.")] = None,
    no_aggregate: PlainOption = False,
    out: OutOption = None,
    as_json: JsonOption = False,
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
        sink, spool = open_sink(out, no_aggregate, as_json, stack)
        run(
            lines,
            sink,
            schedule,
            total=limit,
            spool=spool,
            as_json=as_json,
            stdout_is_data=out == STDOUT,
            details=lambda: {"rows": counts},
        )
