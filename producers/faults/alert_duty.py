"""Which events must be alerted on the main topic, as far as it can be known when their lines are made.

Follows the settings `alert_types` and `max_alert_age`. The rules of other topics are no part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from schemas.event import ClickEvent
from schemas.instants import HOUR_US, SECOND_US
from schemas.proving import age_us
from schemas.settings import max_age_us_of

# Our clock may be ahead of the stream's, and a line may wait for the stream.
_CLOCK_US = 60 * SECOND_US
_WAIT_US = HOUR_US


class Duty(Enum):
    """What is right about the alert of an event."""

    NONE = "none"
    ALLOWED = "one or none"
    REQUIRED = "one"


@dataclass(frozen=True, slots=True)
class AlertDuty:
    """The settings in force, and when the lines may arrive.

    Attributes:
        event_types: that are alerted.
        max_age_us: what happened longer than this before it arrived is not alerted; None for no limit.
        first_arrival_us: no line arrives before.
        last_arrival_us: no line arrives after.
    """

    event_types: frozenset[str]
    max_age_us: int | None
    first_arrival_us: int
    last_arrival_us: int

    def of(self, event: ClickEvent) -> Duty:
        """Return what is right about an accepted event's alert."""
        if event.event_type not in self.event_types:
            return Duty.NONE
        if self.max_age_us is None or age_us(event.event_timestamp_us, self.last_arrival_us) <= self.max_age_us:
            return Duty.REQUIRED
        is_old = age_us(event.event_timestamp_us, self.first_arrival_us) > self.max_age_us
        return Duty.NONE if is_old else Duty.ALLOWED


def alert_duty_of(alert_types: str, max_alert_age: str, start_us: int, run_s: float) -> AlertDuty:
    """Return what the settings ask of a run that begins now.

    Args:
        alert_types: as in the settings.
        max_alert_age: as in the settings.
        start_us: now.
        run_s: how long it takes to send all lines, about.
    """
    return AlertDuty(
        frozenset(name for part in alert_types.split(",") if (name := part.strip())),
        max_age_us_of(max_alert_age),
        start_us - _CLOCK_US,
        start_us + int(2 * run_s * SECOND_US) + _WAIT_US,
    )
