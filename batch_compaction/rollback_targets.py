"""What an operator names, a run or hours and a snapshot, as versions of hours."""

from __future__ import annotations

from collections.abc import Iterable, Set

from batch_compaction.hours_log import HourLog
from batch_compaction.rollback_plan import Target, as_of, before_run, before_the_last_change
from schemas.errors import WorkFailedError


def of_hours(log: HourLog, hours: Iterable[int], finished: Set[int], to: int | None) -> list[Target]:
    """Return what is to come back of some hours.

    Args:
        log: of the hours.
        hours: the hours.
        finished: hours whose rollback was finished just now; without a snapshot they are not taken back further.
        to: a snapshot of `fact_clicks`; None for the version before the one in force.

    Raises:
        WorkFailedError: there is no such snapshot, or nothing to go back to.
    """
    history = log.history(hours)
    if to is None:
        return [before_the_last_change(hour, changes) for hour, changes in history.items() if hour not in finished]
    sequence = log.sequence_of(to)
    if sequence is None:
        raise WorkFailedError(f"fact_clicks has no snapshot {to}: it is gone, or never was")
    return [as_of(hour, changes, sequence) for hour, changes in history.items()]


def of_run(log: HourLog, run_id: str, finished: Set[int]) -> list[Target]:
    """Return what is to come back of every hour that a run changed.

    Raises:
        WorkFailedError: nothing of the run is in force.
    """
    history = log.history(log.hours_of_run(run_id))
    targets = [
        target
        for hour, changes in history.items()
        if (target := before_run(hour, changes, run_id)) is not None and hour not in finished
    ]
    if not targets and not history.keys() & finished:
        raise WorkFailedError(
            f"nothing that run {run_id} published is in force"
            if history
            else f"no hour was changed by a run {run_id}: see the column run_id of hour_changes"
        )
    return targets
