"""The command `replay`."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from producers.sending import (
    STDOUT,
    JsonOption,
    KeyOption,
    OutOption,
    PlainOption,
    RateOption,
    ResumeOption,
    Sending,
    open_sink,
    require_stream_to_resume,
)

# Ten years.
_MOST_MINUTES = 10 * 365 * 24 * 60


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
        str | None,
        typer.Option(metavar="MAPPING", help="A shipped mapping's name or a TOML file; none sends lines as they are."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only events from this hour or instant on; of raw objects, arrivals."),
    ] = None,
    end: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only events before this hour or instant; likewise.")
    ] = None,
    shift_to: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Move all times so that the first event happens then: `now` or an instant."),
    ] = None,
    sort_window: Annotated[
        float | None,
        typer.Option(min=0, max=_MOST_MINUTES, help="Sort by time, what is out of place by at most so many minutes."),
    ] = None,
    loop: Annotated[
        int, typer.Option(min=0, help="Replay so many times, each later and under ids of its own; 0 on and on.")
    ] = 1,
    speed: Annotated[str, typer.Option(metavar="FACTOR", help="As recorded (1x), faster (60x), or max.")] = "max",
    rate: RateOption = 0,
    limit: Annotated[int | None, typer.Option(min=0, help="Stop after so many lines.")] = None,
    resume: ResumeOption = None,
    answer_key: KeyOption = None,
    no_aggregate: PlainOption = False,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put recorded traffic into the stream, in recorded order.

    Example: `clickstream replay 2019-Oct.csv.gz --mapping rees46 --speed 60x --shift-to now`
    """
    import time

    from producers.faults.key_files import check_writable, duty_in_force, key_at, this_command
    from producers.opening import new_producer_id
    from producers.position import BEGAN, PositionFile, fingerprint_at
    from producers.replaying.conversion import RowCounts
    from producers.replaying.mapping import load_mapping
    from producers.replaying.noting import noted
    from producers.replaying.options import first_instant_of, longest_run_s, span_of, window_of
    from producers.replaying.replay import Plan, fingerprint_of, replayed
    from producers.replaying.sources import find_recordings
    from producers.run import run
    from producers.schedules import schedule_of
    from schemas.instants import parse_instant_us
    from schemas.settings import load_settings

    require_stream_to_resume(resume, out)
    now_us = time.time_ns() // 1000
    began = fingerprint_at(resume).get(BEGAN) if resume else None
    began_us = parse_instant_us(began) if began else now_us
    plan = Plan(
        now_us=began_us,
        span=span_of(start, end),
        window_us=window_of(sort_window),
        passes=loop or None,
        first_us=first_instant_of(shift_to, began_us),
        limit=limit,
    )
    schedule = schedule_of(rate, speed)
    declared = load_mapping(mapping) if mapping else None
    recordings = find_recordings(
        sources, declared, plan.span, lambda: load_settings(os.environ, Path.cwd()), os.environ
    )
    duty = None
    if answer_key is not None:
        check_writable(answer_key)
        duty = duty_in_force(began_us, longest_run_s(speed, rate, limit))
    counts = RowCounts()
    lines = replayed(recordings, plan, counts)
    with ExitStack() as stack:
        position = None
        if resume is not None:
            fingerprint = fingerprint_of(recordings, declared.digest if declared else "none", plan)
            position = PositionFile(resume, fingerprint, new_producer_id)
            stack.callback(position.close)
        sink, spool = open_sink(
            out,
            no_aggregate,
            as_json,
            stack,
            stamper=position.stamper() if position else None,
            position=position,
        )
        if answer_key is not None and duty is not None:
            key = stack.enter_context(key_at(answer_key, began_us, duty, this_command()))
            lines = noted(lines, key, began_us)
        sending = Sending(lines, sink, spool, lambda: {"rows": counts}, position)
        run(sending, schedule, total=limit, as_json=as_json, stdout_is_data=out == STDOUT)
