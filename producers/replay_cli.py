"""The command `replay`."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from producers.sending import STDOUT, JsonOption, OutOption, PlainOption, RateOption, open_sink


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Traffic")(replay)


def replay(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Files, folders of archives, s3://BUCKET/PREFIX, `raw:` or `facts:`, in this order.",
        ),
    ],
    mapping: Annotated[
        str | None, typer.Option(help="A shipped mapping's name or a TOML file; none sends lines as they are.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="Only events from this hour or instant on; of raw objects, what arrived then.")
    ] = None,
    end: Annotated[str | None, typer.Option(help="Only events before this hour or instant; likewise.")] = None,
    shift_to: Annotated[
        str | None, typer.Option(help="Move all times so that the first event happens then: `now` or an instant.")
    ] = None,
    sort_window: Annotated[
        float | None, typer.Option(min=0, help="Sort by time, what is out of place by at most so many minutes.")
    ] = None,
    loop: Annotated[
        int, typer.Option(min=0, help="Replay so many times, each later and under ids of its own; 0 on and on.")
    ] = 1,
    speed: Annotated[str, typer.Option(help="As recorded (1x), faster (60x), or max.")] = "max",
    rate: RateOption = 0,
    limit: Annotated[int | None, typer.Option(min=0, help="Stop after so many lines.")] = None,
    no_aggregate: PlainOption = False,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put recorded traffic into the stream, in recorded order.

    Example: `clickstream replay 2019-Oct.csv.gz --mapping rees46 --speed 60x --shift-to now`
    """
    import time
    from itertools import islice

    from producers.replaying.conversion import RowCounts
    from producers.replaying.mapping import load_mapping
    from producers.replaying.options import first_instant_of, span_of, window_of
    from producers.replaying.replay import Plan, replayed
    from producers.replaying.sources import find_recordings
    from producers.run import run
    from producers.schedules import schedule_of
    from schemas.settings import load_settings

    now_us = time.time_ns() // 1000
    plan = Plan(now_us, span_of(start, end), window_of(sort_window), loop or None, first_instant_of(shift_to, now_us))
    schedule = schedule_of(rate, speed)
    declared = load_mapping(mapping) if mapping else None
    recordings = find_recordings(
        sources, declared, plan.span, lambda: load_settings(os.environ, Path.cwd()), os.environ
    )
    counts = RowCounts()
    with ExitStack() as stack:
        sink, spool = open_sink(out, no_aggregate, as_json, stack)
        run(
            islice(replayed(recordings, plan, counts), limit),
            sink,
            schedule,
            total=limit,
            spool=spool,
            as_json=as_json,
            stdout_is_data=out == STDOUT,
            details=lambda: {"rows": counts},
        )
