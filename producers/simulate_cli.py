"""The command `simulate`."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from producers.sending import (
    STDOUT,
    JsonOption,
    KeyOption,
    OutOption,
    PlainOption,
    RateOption,
    ResumeOption,
    require_stream_to_resume,
)

if TYPE_CHECKING:
    from producers.shop.visitors import Visitors

# Ten years: every event of it is one that the codec takes.
_MOST_HOURS = 10 * 365 * 24


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Traffic")(simulate)


def simulate(
    events: Annotated[int, typer.Option(min=0, help="How many events, duplicates not counted.")] = 100_000,
    users: Annotated[int, typer.Option(min=1, help="How many users the shop has.")] = 5_000,
    rate: RateOption = 0,
    seed: Annotated[int, typer.Option(help="The same seed and options give the same visits.")] = 1,
    hours: Annotated[
        float, typer.Option(min=0.001, max=_MOST_HOURS, help="How far back from the end the events reach.")
    ] = 6,
    end: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When the last events happened, ISO-8601 with a zone; now unless told."),
    ] = None,
    even: Annotated[bool, typer.Option("--even", help="As many visitors by night as by day.")] = False,
    crawlers: Annotated[float, typer.Option(metavar="SHARE", help="Share of visits that machines make.")] = 0.005,
    schema_mix: Annotated[
        str, typer.Option(metavar="MIX", help="Share of clients of other versions: 0.2, or old=0.1,new=0.05.")
    ] = "0",
    duplicates: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of events that are sent a second time.")
    ] = 0,
    late: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of events that happened 1 to 3 hours earlier.")
    ] = 0,
    corrupt: Annotated[float, typer.Option(metavar="SHARE", help="Share of events whose bytes are damaged.")] = 0,
    faults: Annotated[Path | None, typer.Option(metavar="PLAN", help="A plan of faults, see docs/faults.md.")] = None,
    answer_key: KeyOption = None,
    resume: ResumeOption = None,
    processes: Annotated[int, typer.Option(min=1, max=64, help="How many processes make and send the events.")] = 1,
    no_aggregate: PlainOption = False,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put simulated visits to a shop into the stream and say what must come out.

    Example: `clickstream simulate --events 20000 --rate 2000 --duplicates 0.02 --late 0.01 --corrupt 0.005`
    """
    import time
    from functools import partial

    from producers.faults.foresight import require_foreseen
    from producers.faults.key_files import check_writable, duty_in_force, join_keys, part_file, this_command
    from producers.faults.plan_options import plan_of_options
    from producers.processes import run_jobs
    from producers.run import run
    from producers.schedules import schedule_of
    from producers.shop.simulation import WHOLE, counts_of
    from producers.shop.visitors import MILLISECOND_US
    from producers.shop.wire import parse_schema_mix
    from producers.simulating import Simulation, began_before
    from producers.worker import Job
    from schemas.instants import SECOND_US

    require_stream_to_resume(resume, out)
    now_us = time.time_ns() // 1000
    began_us = (began_before(resume, processes) if resume else None) or now_us
    visitors = _visitors(events, users, end, began_us, hours, crawlers, even)
    plan = plan_of_options(faults, duplicates=duplicates, late=late, corrupt=corrupt)
    mix = parse_schema_mix(schema_mix)
    simulation = Simulation(
        visitors, seed, plan, mix, began_us, resume=resume, no_aggregate=no_aggregate, as_json=as_json
    )
    total = simulation.expected_lines
    if answer_key is not None:
        check_writable(answer_key)
        require_foreseen(plan, visitors.start_ms * MILLISECOND_US, visitors.end_us, began_us)
        run_s = (now_us - began_us) / SECOND_US + (total / rate if rate else 0)
        duty = duty_in_force(began_us, run_s)
        simulation = replace(simulation, key=answer_key, duty=duty, command=this_command())
    parts = [(index, processes) for index in range(processes)]
    if processes == 1:
        with ExitStack() as stack:
            sending = simulation.open(WHOLE, out, stack)
            run(sending, schedule_of(rate), total=total, as_json=as_json, stdout_is_data=out == STDOUT)
        return
    # Each at a rate by its share of the events, so that all come to their end together.
    jobs = [
        Job(partial(simulation.open, part), rate * count / max(1, events))
        for part, count in zip(parts, counts_of(visitors, processes), strict=True)
        if count or part[0] == 0
    ]
    try:
        run_jobs(jobs, out=out, total=total, as_json=as_json)
    finally:
        if answer_key is not None:
            join_keys([part_file(answer_key, part) for part in parts], answer_key)


def _visitors(
    events: int, users: int, end: str | None, began_us: int, hours: float, crawlers: float, even: bool
) -> Visitors:
    from producers.shop.visitors import Visitors
    from schemas.codec import EARLIEST_EVENT_US
    from schemas.errors import ConfigError
    from schemas.instants import HOUR_US, parse_instant_us

    try:
        end_us = parse_instant_us(end) if end else began_us
    except ValueError as error:
        raise ConfigError(f"--end is {end!r}: {error}") from None
    visitors = Visitors(events, users, end_us, span_us=int(hours * HOUR_US), crawlers=crawlers, is_even=even)
    if end_us - visitors.span_us < EARLIEST_EVENT_US:
        raise ConfigError(f"--end {end} with --hours {hours:g} reaches back before the year 2000; no reader takes that")
    return visitors
