"""When the scheduled work of the pipeline is due, and what it is.

Pure: the clock is an argument. What was due while something else ran is due once, however often it came round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.instants import DAY_US, HOUR_US, SECOND_US

HOURLY_S = HOUR_US / SECOND_US
DAILY_S = DAY_US / SECOND_US
# After an hour is closed, which is 20 minutes after its end; when most compactions are over; and after the first
# compaction of the day.
HOURLY_OFFSET_US = 25 * 60 * SECOND_US
ENRICH_OFFSET_US = 40 * 60 * SECOND_US
DAILY_OFFSET_US = 45 * 60 * SECOND_US

Command = tuple[str, ...]
# What is due, here and on AWS: commands of the front door, and of the image of the compaction.
COMPACT: Command = ("compact",)
ENRICH: Command = ("enrich",)
RECONCILE: Command = ("compact", "--reconcile")
VALIDATE: Command = ("validate", "--day", "yesterday")
MAINTAIN: Command = ("maintain",)


@dataclass(frozen=True, slots=True)
class Job:
    """Commands that are run one after the other, from time to time.

    Attributes:
        name: for the log and the status.
        every_us: how often.
        offset_us: how long after a multiple of that since the epoch.
        commands: of the front door; one that fails does not keep the next from running.
    """

    name: str
    every_us: int
    offset_us: int
    commands: tuple[Command, ...]

    def due_after(self, instant_us: int) -> int:
        """Return the first instant after a given one at which it is due."""
        rounds = (instant_us - self.offset_us) // self.every_us + 1
        return rounds * self.every_us + self.offset_us


def jobs_of(hourly_s: float, daily_s: float, last: Sequence[Command] = ()) -> tuple[Job, ...]:
    """Return what is to be done, in the order in which it is done where both are due.

    Args:
        hourly_s: seconds between two compactions.
        daily_s: seconds between two rounds of the daily work.
        last: commands that end the daily work.
    """
    return (
        Job("hourly", round(hourly_s * SECOND_US), HOURLY_OFFSET_US, (COMPACT, ENRICH)),
        Job("daily", round(daily_s * SECOND_US), DAILY_OFFSET_US, (RECONCILE, VALIDATE, *last)),
    )
