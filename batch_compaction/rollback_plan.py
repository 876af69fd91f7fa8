"""Which version of an hour is to come back; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batch_compaction.hours import NOTHING, Recorded, Version, versions_in_force
from schemas.errors import WorkFailedError
from schemas.lake import format_hour


@dataclass(frozen=True, slots=True)
class Target:
    """What is to come back of an hour.

    Attributes:
        sequence: of the change that made it; None for nothing.
        undone: the runs whose changes go.
    """

    hour_us: int
    sequence: int | None
    version: Version
    undone: tuple[str, ...]


def before_the_last_change(hour_us: int, history: Sequence[Recorded]) -> Target:
    """Return the version before the one in force.

    Raises:
        WorkFailedError: nothing is published, or what was before is not known.
    """
    in_force = versions_in_force(history)
    if not in_force:
        raise WorkFailedError(f"nothing of {format_hour(hour_us)} is published")
    return _target(hour_us, in_force[:-1], history)


def as_of(hour_us: int, history: Sequence[Recorded], sequence: int) -> Target:
    """Return the version that was in force with a snapshot of the facts.

    Raises:
        WorkFailedError: it is not known.
    """
    return _target(hour_us, versions_in_force([item for item in history if item.sequence <= sequence]), history)


def before_run(hour_us: int, history: Sequence[Recorded], run_id: str) -> Target | None:
    """Return the version before a run changed the hour first; None where no change of it is in force.

    Raises:
        WorkFailedError: what was before is not known.
    """
    in_force = versions_in_force(history)
    for place, item in enumerate(in_force):
        if item.run_id == run_id:
            return _target(hour_us, in_force[:place], history)
    return None


def _target(hour_us: int, kept: Sequence[Recorded], history: Sequence[Recorded]) -> Target:
    if not kept and history and history[0].change.facts_before:
        raise WorkFailedError(
            f"what {format_hour(hour_us)} was before {history[0].run_id} changed it is not recorded: "
            "another program wrote it"
        )
    sequences = {item.sequence for item in kept}
    undone = [item.run_id for item in versions_in_force(history) if item.sequence not in sequences]
    last = kept[-1] if kept else None
    return Target(
        hour_us,
        last.sequence if last else None,
        last.change.version if last else NOTHING,
        tuple(dict.fromkeys(undone)),
    )
