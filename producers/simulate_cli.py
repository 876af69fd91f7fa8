"""The command `simulate`."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from producers.sending import STDOUT, JsonOption, OutOption, PlainOption, RateOption, open_sink

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
        str | None, typer.Option(metavar="TIME", help="When the last events happened, ISO-8601 with a zone; now.")
    ] = None,
    even: Annotated[bool, typer.Option("--even", help="As many visitors by night as by day.")] = False,
    crawlers: Annotated[float, typer.Option(help="Share of visits that machines make.")] = 0.005,
    schema_mix: Annotated[
        str, typer.Option(metavar="MIX", help="Share of clients of other versions: 0.2, or old=0.1,new=0.05.")
    ] = "0",
    duplicates: Annotated[float, typer.Option(help="Share of events that are sent a second time.")] = 0,
    late: Annotated[float, typer.Option(help="Share of events that happened 1 to 3 hours earlier.")] = 0,
    corrupt: Annotated[float, typer.Option(help="Share of events whose bytes are damaged.")] = 0,
    faults: Annotated[Path | None, typer.Option(help="A plan of faults, see docs/faults.md.")] = None,
    answer_key: Annotated[
        Path | None, typer.Option(help="Write here what each line must become, see docs/faults.md.")
    ] = None,
    no_aggregate: PlainOption = False,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put simulated visits to a shop into the stream and say what must come out.

    Example: `clickstream simulate --events 20000 --rate 2000 --duplicates 0.02 --late 0.01 --corrupt 0.005`
    """
    import time

    from producers.faults.alert_duty import alert_duty_of
    from producers.faults.answer import Answer
    from producers.faults.injection import inject
    from producers.faults.key_files import key_at
    from producers.faults.plan_options import plan_of_options
    from producers.faults.stream_faults import open_stream_faults
    from producers.run import run
    from producers.schedules import schedule_of
    from producers.shop.simulation import simulate as visits
    from producers.shop.wire import parse_schema_mix, version_of, wire_of
    from schemas.settings import load_alerting

    now_us = time.time_ns() // 1000
    visitors = _visitors(events, users, end, hours, crawlers, even)
    mix = parse_schema_mix(schema_mix)
    plan = plan_of_options(faults, duplicates=duplicates, late=late, corrupt=corrupt)
    total = round(events * plan.lines_per_event)
    alerting = load_alerting(os.environ, Path.cwd()) if answer_key else {}
    answer = Answer()
    with ExitStack() as stack:
        stream_faults = stack.enter_context(open_stream_faults(plan, total, to_file=out is not None))
        sink, spool = open_sink(out, no_aggregate, as_json, stack)
        key = None
        if answer_key:
            duty = alert_duty_of(
                alerting["alert_types"], alerting["max_alert_age"], now_us, total / rate if rate else 0
            )
            key = stack.enter_context(key_at(answer_key, now_us, duty))
        # Chance of the faults is its own, so the visits of a seed are the same with and without them.
        lines = inject(
            visits(visitors, seed),
            plan,
            seed,
            answer,
            key=key,
            encode=lambda event: wire_of(event, version_of(event.session_id, mix)),
        )
        run(
            stream_faults.watch(lines) if stream_faults else lines,
            sink,
            schedule_of(rate),
            total=total,
            spool=spool,
            as_json=as_json,
            stdout_is_data=out == STDOUT,
            details=lambda: {"answer": answer, **({"stream_faults": stream_faults.end()} if stream_faults else {})},
            unsendable=lambda: answer.unsendable,
        )


def _visitors(events: int, users: int, end: str | None, hours: float, crawlers: float, even: bool) -> Visitors:
    import time

    from producers.shop.visitors import Visitors
    from schemas.errors import ConfigError
    from schemas.instants import HOUR_US, parse_instant_us

    try:
        end_us = parse_instant_us(end) if end else time.time_ns() // 1000
    except ValueError as error:
        raise ConfigError(f"--end is {end!r}: {error}") from None
    return Visitors(events, users, end_us, span_us=int(hours * HOUR_US), crawlers=crawlers, is_even=even)
