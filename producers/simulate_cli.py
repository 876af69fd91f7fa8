"""The command `simulate`."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated

import typer

from producers.sending import STDOUT, JsonOption, OutOption, PlainOption, RateOption, open_sink

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
        float, typer.Option(min=0.001, max=_MOST_HOURS, help="How far back from now the events reach.")
    ] = 6,
    duplicates: Annotated[float, typer.Option(help="Share of events that are sent a second time.")] = 0,
    late: Annotated[float, typer.Option(help="Share of events that happened 1 to 3 hours earlier.")] = 0,
    corrupt: Annotated[float, typer.Option(help="Share of events whose bytes are damaged.")] = 0,
    no_aggregate: PlainOption = False,
    out: OutOption = None,
    as_json: JsonOption = False,
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
        sink, spool = open_sink(out, no_aggregate, as_json, stack)
        run(
            lines,
            sink,
            schedule_of(rate),
            total=round(events * (1 + duplicates)),
            spool=spool,
            as_json=as_json,
            stdout_is_data=out == STDOUT,
            details=lambda: {"answer": answer},
        )
