"""New rows of `user_hours` put in place of old ones under the sums of all hours: exact, or said to be open; pure.

What the sums of a user do not keep is where an hour says again what was said before. A user is open where that would
decide: where an attribute has another value than before at the end of the hours at hand, or the user's first or last
hour is gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from batch_compaction.arrays import Flags, Numbers
from batch_compaction.periods import NOTHING, Sayings, begins, periods_of
from batch_compaction.user_rows import (
    Seen,
    codes_of,
    column_of,
    countries_of,
    device_lists,
    flat,
    numbers_of,
    rows_of,
    seen_of,
    text_column,
    uses_of,
)
from schemas.instants import HOUR_US
from schemas.tables import DIM_USERS, DIM_USERS_HISTORY, TIMESTAMP

NEVER = np.iinfo(np.int64).max
EVER = np.iinfo(np.int64).min
# A user and an hour as one number that orders by both; every hour of the calendar fits.
_HOUR_BITS = 28
_HOURS_BEFORE_EPOCH = 1 << 27


@dataclass(frozen=True, slots=True)
class Users:
    """`dim_users` and `dim_users_history`, each in its table's order."""

    users: pa.Table
    history: pa.Table


@dataclass(frozen=True, slots=True)
class HoursAtHand:
    """The hours of which every row is at hand, among all hours that hold rows.

    Attributes:
        starts_us: their starts, in order.
        next_us: for each, the first hour after it that is not at hand; `NEVER` for none.
        previous_us: for each, the last hour before it that is not at hand; `EVER` for none.
    """

    starts_us: Numbers
    next_us: Numbers
    previous_us: Numbers

    @classmethod
    def among(cls, at_hand: Iterable[int], every: Iterable[int]) -> HoursAtHand:
        """Return the hours at hand, at least one, among all hours; both are given by their starts."""
        starts = np.array(sorted(at_hand), np.int64)
        others = np.array(sorted(set(every) - set(starts.tolist())), np.int64)
        place = np.searchsorted(others, starts)
        bounded = np.concatenate([[EVER], others, [NEVER]])
        return cls(starts, bounded[place + 1], bounded[place])

    def places(self, at_us: Numbers) -> tuple[Flags, Numbers]:
        """Say for each instant whether its hour is at hand, and where among these hours it is."""
        hour_us = at_us - at_us % HOUR_US
        place = np.minimum(np.searchsorted(self.starts_us, hour_us), len(self.starts_us) - 1)
        return self.starts_us[place] == hour_us, place


@dataclass(frozen=True, slots=True)
class Spliced:
    """The users that came out exactly, and what the others wait for.

    Attributes:
        exact: users that are not open and still have facts.
        open_users: ids of the others.
        from_us: hours, not at hand, from which on the open users' rows are needed.
        back_from_us: hours, not at hand, from which backwards the open users' rows are needed.
    """

    exact: Users
    open_users: pa.StringArray
    from_us: frozenset[int]
    back_from_us: frozenset[int]


def splice(held: Users, old: pa.Table, new: pa.Table, hours: HoursAtHand) -> Spliced:
    """Return the sums of some users after the rows of the hours at hand were replaced.

    Args:
        held: the sums of these users as they were; none of a user who is new.
        old: their rows of `user_hours` in the hours at hand, as they were.
        new: the same as they are now.
        hours: the hours at hand.

    Raises:
        ValueError: `held` are no sums of rows like the old ones.
    """
    ids, (held_user, past_user, old_user, new_user) = codes_of(
        held.users["user_id"], held.history["user_id"], old["user_id"], new["user_id"]
    )
    devices, (held_device, old_device, new_device) = codes_of(
        *(flat(rows["device_preferences"])[1] for rows in (held.users, old, new))
    )
    countries, (past_country, old_country, new_country) = codes_of(
        held.history["country"], countries_of(old), countries_of(new)
    )
    was, now = rows_of(old, old_user, old_device, old_country), rows_of(new, new_user, new_device, new_country)
    past = Sayings(
        past_user,
        numbers_of(held.history["valid_from"]),
        past_country,
        numbers_of(held.history["signup_date"]),
    )
    had, gone, seen = (
        _seen_by_user(user, rows, len(ids))
        for user, rows in ((held_user, seen_of(held.users)), (old_user, was.seen), (new_user, now.seen))
    )
    elsewhere = had.events - gone.events
    if (elsewhere < 0).any():
        raise ValueError("these users are no sum of these hours")
    first_us, lost_first, from_us = _first(had, seen, elsewhere, hours)
    last_us, lost_last, back_from_us = _last(had, seen, elsewhere, hours)
    periods = _periods(past, now.said, hours)
    rows = np.concatenate([old_user, new_user]), np.concatenate([was.seen.first_us, now.seen.first_us])
    unsure, unsure_from_us = _unsure(past, periods, *rows, np.where(elsewhere > 0, had.last_us, EVER), hours)
    if NEVER in from_us or EVER in back_from_us:
        raise ValueError("these users have facts in none of these hours")

    is_open = lost_first | lost_last
    is_open[unsure] = True
    events = elsewhere + seen.events
    uses = uses_of(held.users, held_user, held_device).plus(now.uses).minus(was.uses)
    columns = Seen(first_us, last_us, events), device_lists(uses, len(ids), devices)
    exact = ~is_open & (events > 0)
    return Spliced(
        Users(
            _users(np.flatnonzero(exact), ids, *columns, periods, countries),
            _history(ids, periods.where(exact[periods.user]), countries),
        ),
        ids.filter(pa.array(is_open)),
        from_us | frozenset(unsure_from_us.tolist()),
        back_from_us,
    )


def _seen_by_user(user: Numbers, rows: Seen, users: int) -> Seen:
    seen = Seen(np.full(users, NEVER), np.full(users, EVER), np.zeros(users, np.int64))
    np.minimum.at(seen.first_us, user, rows.first_us)
    np.maximum.at(seen.last_us, user, rows.last_us)
    np.add.at(seen.events, user, rows.events)
    return seen


def _first(had: Seen, now: Seen, elsewhere: Numbers, hours: HoursAtHand) -> tuple[Numbers, Flags, frozenset[int]]:
    """Return when users were first seen, for whom that is not known, and from which hours on it can be found."""
    at_hand, place = hours.places(had.first_us)
    lost = (elsewhere > 0) & at_hand & (now.first_us >= hours.next_us[place])
    keeps = (elsewhere > 0) & ~at_hand
    first_us = np.where(keeps, np.minimum(had.first_us, now.first_us), now.first_us)
    return first_us, lost, frozenset(hours.next_us[place[lost]].tolist())


def _last(had: Seen, now: Seen, elsewhere: Numbers, hours: HoursAtHand) -> tuple[Numbers, Flags, frozenset[int]]:
    """Return when users were last seen, for whom that is not known, and from which hours back it can be found."""
    at_hand, place = hours.places(had.last_us)
    lost = (elsewhere > 0) & at_hand & (now.last_us <= hours.previous_us[place])
    keeps = (elsewhere > 0) & ~at_hand
    last_us = np.where(keeps, np.maximum(had.last_us, now.last_us), now.last_us)
    return last_us, lost, frozenset(hours.previous_us[place[lost]].tolist())


def _periods(past: Sayings, now: Sayings, hours: HoursAtHand) -> Sayings:
    """Return the periods that follow from the new rows and, for other hours, from the periods as they were.

    A period that began in another hour says both attributes, also the one that it only carries. That is right wherever
    the user is not open: the hours before it then end with what they ended with, or with what was never said before.
    """
    said = past.where(~hours.places(past.at_us)[0]).beside(now)
    return periods_of(said.where(np.lexsort((said.at_us, said.user))))


def _unsure(
    past: Sayings, periods: Sayings, user: Numbers, seen_us: Numbers, last_us: Numbers, hours: HoursAtHand
) -> tuple[Numbers, Numbers]:
    """Return users who may have been said the same again after hours at hand changed them, and the hour after those.

    Args:
        past: the periods as they were.
        periods: the periods as they follow from what is known.
        user: of each old and new row.
        seen_us: an instant in the hour of each old and new row.
        last_us: when each user was last seen before, `EVER` without facts in other hours.
        hours: the hours at hand.
    """
    next_us = hours.next_us[hours.places(seen_us)[1]]
    follows = last_us[user] >= next_us
    user, next_us = user[follows], next_us[follows]
    was, now = (_latest(of, user, next_us) for of in (past, periods))
    differs = [
        (before != NOTHING) & (before != after)
        for before, after in ((was.country, now.country), (was.signup_day, now.signup_day))
    ]
    unsure = differs[0] | differs[1]
    return user[unsure], next_us[unsure]


def _latest(periods: Sayings, user: Numbers, before_us: Numbers) -> Sayings:
    """Return the period that a user was in just before an hour; one that says nothing before the first."""
    key, wanted = (
        whose << _HOUR_BITS | at_us // HOUR_US + _HOURS_BEFORE_EPOCH
        for whose, at_us in ((periods.user, periods.at_us), (user, before_us))
    )
    silence = Sayings(*(np.array([value]) for value in (-1, EVER, NOTHING, NOTHING)))
    periods = periods.beside(silence)
    place = np.searchsorted(key, wanted) - 1
    return periods.where(np.where(periods.user[place] == user, place, -1))


def _users(
    chosen: Numbers,
    ids: pa.StringArray,
    seen: Seen,
    devices: tuple[pa.ListArray, pa.ListArray],
    periods: Sayings,
    countries: pa.StringArray,
) -> pa.Table:
    """Return the rows of `dim_users` of the chosen users, who all have a period."""
    current = periods.where(np.searchsorted(periods.user, chosen, side="right") - 1)
    columns = {
        "user_id": ids.take(pa.array(chosen)),
        "country": text_column(current.country, countries),
        "signup_date": column_of(current.signup_day, pa.date32()),
        "device_preferences": devices[0].take(pa.array(chosen)),
        "device_events": devices[1].take(pa.array(chosen)),
        "last_seen": column_of(seen.last_us[chosen], TIMESTAMP),
        "first_seen": column_of(seen.first_us[chosen], TIMESTAMP),
        "events": seen.events[chosen],
    }
    return pa.table(columns, schema=DIM_USERS.schema)


def _history(ids: pa.StringArray, periods: Sayings, countries: pa.StringArray) -> pa.Table:
    ends_us = np.where(np.roll(begins(periods.user), -1), NOTHING, np.roll(periods.at_us, -1))
    columns = {
        "user_id": ids.take(pa.array(periods.user)),
        "country": text_column(periods.country, countries),
        "signup_date": column_of(periods.signup_day, pa.date32()),
        "valid_from": column_of(periods.at_us, TIMESTAMP),
        "valid_to": column_of(ends_us, TIMESTAMP),
    }
    return pa.table(columns, schema=DIM_USERS_HISTORY.schema)
