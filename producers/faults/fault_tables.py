"""The tables of a plan of faults, each with the keys that it may have."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import msgspec

from schemas.instants import DAY_US, HOUR_US, SECOND_US

_UNITS_US = {"s": SECOND_US, "m": 60 * SECOND_US, "h": HOUR_US, "d": DAY_US}

YEAR_US = 365 * DAY_US
# By how many years an absurd clock is wrong, wherever within ten years the event happened: ahead of any arrival, or
# back to before the year 2000.
ABSURD_AHEAD_YEARS, ABSURD_BACK_YEARS = (20, 40), (40, 50)

Share = Annotated[float, msgspec.Meta(gt=0, le=1, description="a share above 0 and at most 1")]
Progress = Annotated[float, msgspec.Meta(ge=0, le=1, description="a share from 0 to 1")]
Duration = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9]{1,4}[smhd]\Z", description="a text of a number with s, m, h or d, such as '10m'")
]
# Time is divided by it.
Stretch = Annotated[
    str,
    msgspec.Meta(pattern=r"^(?!0+[smhd])[0-9]{1,4}[smhd]\Z", description="a text such as '10m', longer than 0"),
]
Distance = Annotated[int, msgspec.Meta(ge=1, le=100_000, description="a whole number from 1 to 100000")]
Calls = Annotated[int, msgspec.Meta(ge=1, le=10_000, description="a whole number from 1 to 10000")]

OptionalField = Literal["event_id", "device_type", "page_url", "referrer_url", "metadata"]
RequiredField = Literal["user_id", "session_id", "event_type", "event_timestamp"]
DamageReason = Literal[
    "invalid_utf8",
    "not_json",
    "not_an_object",
    "missing_field",
    "empty_field",
    "wrong_type",
    "bad_timestamp",
    "absurd_timestamp",
]


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the plan."""


class Some(Table, frozen=True):
    """A fault that needs no more than how often.

    Attributes:
        share: of the events; for a clock, of the users.
    """

    share: Share


class Copies(Some, frozen=True):
    """A second line for an event.

    Attributes:
        within: it follows so many events later at most.
    """

    within: Distance = 2000


class Displaced(Some, frozen=True):
    """An event that is sent later than those after it.

    Attributes:
        within: by so many events at most.
    """

    within: Distance = 500


class RetryStorm(Some, frozen=True):
    """All events of a stretch of time are sent again, together.

    Attributes:
        share: of the stretches.
        window: how long a stretch is.
        times: how often its events are sent again.
    """

    window: Stretch = "1m"
    times: Annotated[int, msgspec.Meta(ge=1, le=100)] = 3


class Moved(Some, frozen=True):
    """A time that is wrong by a duration between two."""

    least: Duration = "5m"
    most: Duration = "3h"

    @property
    def least_us(self) -> int:
        """The shortest, in microseconds."""
        return duration_us(self.least)

    @property
    def most_us(self) -> int:
        """The longest, in microseconds."""
        return duration_us(self.most)


class Corrupt(Some, frozen=True):
    """Damaged bytes in place of the event.

    Attributes:
        reasons: for which of these the line must be refused; all are as frequent.
    """

    reasons: Annotated[tuple[DamageReason, ...], msgspec.Meta(min_length=1)] = get_args(DamageReason)


class HotKey(Some, frozen=True):
    """One user who makes much of the traffic."""

    user_id: Annotated[str, msgspec.Meta(min_length=1, max_length=256)] = "hot-user"


class MissingOptional(Some, frozen=True):
    """An event without one of these."""

    fields: Annotated[tuple[OptionalField, ...], msgspec.Meta(min_length=1)] = get_args(OptionalField)


class MissingRequired(Some, frozen=True):
    """A line without one of these, which an event must have."""

    fields: Annotated[tuple[RequiredField, ...], msgspec.Meta(min_length=1)] = get_args(RequiredField)


class Reshard(Table, frozen=True):
    """A shard is split, or two are merged.

    Attributes:
        at: when this share of the lines is made.
    """

    at: Progress


class Throttle(Reshard, frozen=True):
    """Calls that the stream refuses as a whole.

    Attributes:
        calls: how many.
    """

    calls: Calls = 3


class PartialFailure(Throttle, frozen=True):
    """Calls of which the stream refuses some records.

    Attributes:
        ratio: what share of a call's records.
    """

    ratio: Share = 0.3


def duration_us(text: str) -> int:
    """Return a `Duration` in microseconds."""
    return int(text[:-1]) * _UNITS_US[text[-1]]
