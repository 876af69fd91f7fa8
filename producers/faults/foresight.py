"""Whether it is known, before a line arrives, which times a reader takes for absurd.

Pure. Between the limits of `schemas.codec` the answer depends on when a line arrives.
"""

from __future__ import annotations

from producers.faults.fault_plan import MOST_AHEAD_US, FaultPlan
from producers.faults.fault_tables import ABSURD_AHEAD_YEARS, ABSURD_BACK_YEARS, YEAR_US
from schemas.codec import EARLIEST_EVENT_US
from schemas.errors import ConfigError
from schemas.instants import format_instant_us

# However long a run takes.
_RUN_US = YEAR_US


def require_foreseen(plan: FaultPlan, start_us: int, end_us: int, sent_us: int) -> None:
    """Refuse events of whose times, as the plan has them, a key would say something wrong.

    Args:
        plan: moves some of them.
        start_us: when the first event happens.
        end_us: when the last one does.
        sent_us: when the first one is sent.

    Raises:
        ConfigError: with all of them.
    """
    faults = []
    last_us = end_us + (plan.clock_ahead.most_us if plan.clock_ahead else 0)
    if last_us > sent_us + MOST_AHEAD_US:
        faults.append(f"--answer-key: events reach to {format_instant_us(last_us)}, more than 23 hours ahead")
    first_us = start_us - max((moved.most_us for moved in (plan.late, plan.clock_behind) if moved), default=0)
    if first_us < EARLIEST_EVENT_US:
        faults.append("--answer-key: the plan moves events before the year 2000; no reader takes that")
    is_ahead = start_us + ABSURD_AHEAD_YEARS[0] * YEAR_US > sent_us + _RUN_US
    is_back = end_us - ABSURD_BACK_YEARS[0] * YEAR_US < EARLIEST_EVENT_US
    if plan.clock_absurd and not (is_ahead and is_back):
        faults.append("--answer-key: clock_absurd moves events of that time to one that is not absurd")
    if faults:
        raise ConfigError(faults)
