"""Who may come. What people are like follows from their number, so no table of them is kept."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import NamedTuple

_WORD = (1 << 64) - 1
_FIRST_USER_ID = 1_000_000
# Of a hundred people so many had an account before the simulation began.
_MEMBERS_PERCENT = 80
_LONGEST_MEMBERSHIP_DAYS = 1000
_MOST_VISITS_BEFORE = 20
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


class Country(NamedTuple):
    """Where people live: the code, its currency, and how far its clocks are ahead of UTC, without summer time."""

    code: str
    currency: str
    ahead_minutes: int


class Device(NamedTuple):
    """What somebody visits with; the agent is in the short form of name and version."""

    type: str
    user_agent: str


_US, _DE, _GB = Country("US", "USD", -6 * 60), Country("DE", "EUR", 60), Country("GB", "GBP", 0)
_FR, _IN, _BR = Country("FR", "EUR", 60), Country("IN", "INR", 5 * 60 + 30), Country("BR", "BRL", -3 * 60)
_JP, _NL, _SE = Country("JP", "JPY", 9 * 60), Country("NL", "EUR", 60), Country("SE", "SEK", 60)
# Each entry is as likely as another.
COUNTRIES = (*(_US,) * 6, *(_DE,) * 4, *(_GB,) * 3, *(_FR,) * 3, *(_IN,) * 3, *(_BR,) * 2, *(_JP,) * 2, _NL, _SE)
DEVICES = (
    Device("mobile", "Chrome/142.0"),
    Device("mobile", "Chrome/142.0"),
    Device("mobile", "Safari/18.6"),
    Device("desktop", "Chrome/142.0"),
    Device("desktop", "Edge/142.0"),
    Device("desktop", "Firefox/145.0"),
    Device("desktop", "Safari/18.6"),
    Device("tablet", "Safari/18.6"),
)


class Person(NamedTuple):
    """What somebody is like.

    Attributes:
        devices: the first is used most; both may be the same.
        signup_date: when the account was made; None for one who has none yet.
        visits_before: how often they came before the simulation began.
    """

    user_id: str
    country: Country
    devices: tuple[Device, Device]
    signup_date: str | None
    visits_before: int


def nature_of(number: int, salt: int) -> int:
    """Return 64 mixed bits for somebody's number.

    Source: two rounds of the finalizer of SplittableRandom, in Steele, Lea and Flood, OOPSLA 2014.
    """
    mixed = (number + 1) * 0x9E3779B97F4A7C15 + salt & _WORD
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _WORD
    return mixed ^ mixed >> 27


def person(number: int, nature: int, first_day: int) -> Person:
    """Return what somebody is like, for a simulation that begins on that day since the epoch."""
    signup_date = None
    if (nature >> 8) % 100 < _MEMBERS_PERCENT:
        signup_date = day_text(first_day - 1 - (nature >> 16) % _LONGEST_MEMBERSHIP_DAYS)
    visits = (nature >> 32) % _MOST_VISITS_BEFORE
    return Person(
        user_id(number),
        COUNTRIES[nature % len(COUNTRIES)],
        (DEVICES[(nature >> 40) % len(DEVICES)], DEVICES[(nature >> 48) % len(DEVICES)]),
        signup_date,
        visits if signup_date else visits // 10,
    )


@lru_cache(maxsize=2 * _LONGEST_MEMBERSHIP_DAYS)
def day_text(day: int) -> str:
    """Return the date of a day since the epoch, as ISO-8601 has it."""
    return date.fromordinal(_EPOCH_ORDINAL + day).isoformat()


def user_id(number: int) -> str:
    """Return somebody's id: digits, so that a client may write it as a number too."""
    return str(_FIRST_USER_ID + number)
