"""ISO-8601 texts to instants, compiled.

Reads what `schemas.instants.parse_instant_us` reads, from the epoch on. Places are those of an array of bytes; what a
text's end bounds is never read beyond it.
"""

from __future__ import annotations

from batch_compaction.arrays import Octets
from batch_compaction.compiled import compiled
from schemas.instants import SECOND_US

NO_INSTANT = -1
_NO_NUMBER = -1
_NO_OFFSET = 1 << 30
_COLON, _SPACE, _ZERO, _NINE, _T, _Z, _PLUS, _MINUS, _DOT = b": 09TZ+-."
_DATE_BYTES = len("2026-11-24T")
_MICROSECOND_DIGITS, _MOST_DIGITS = 6, 9
_EPOCH_DAY = 719_468  # counted from the first of March of the year 0


@compiled
def instant_us(octets: Octets, start: int, end: int) -> int:
    """Return the microseconds since the epoch that a text names; NO_INSTANT where it names no instant since then."""
    days = _days(octets, start, end)
    if days < 0:
        return NO_INSTANT
    time_us, at = _time_us(octets, start + _DATE_BYTES, end)
    offset_s = _offset_s(octets, at, end)
    if time_us < 0 or offset_s == _NO_OFFSET:
        return NO_INSTANT
    return (days * 86400 - offset_s) * SECOND_US + time_us


@compiled
def _number(octets: Octets, at: int, count: int, end: int) -> int:
    """Return the number that so many digits are."""
    if at + count > end:
        return _NO_NUMBER
    number = 0
    for place in range(at, at + count):
        if octets[place] < _ZERO or octets[place] > _NINE:
            return _NO_NUMBER
        number = number * 10 + (octets[place] - _ZERO)
    return number


@compiled
def _days(octets: Octets, at: int, end: int) -> int:
    """Return the days since the epoch of `2026-11-24T`; below zero for what is no date since then.

    Source: the Gregorian calendar, its year begun with March so that the odd day comes last.
    """
    if at + _DATE_BYTES > end or octets[at + 4] != _MINUS or octets[at + 7] != _MINUS:
        return -1
    if octets[at + 10] != _T and octets[at + 10] != _SPACE:
        return -1
    year, month, day = _number(octets, at, 4, end), _number(octets, at + 5, 2, end), _number(octets, at + 8, 2, end)
    if year < 1970 or month < 1 or month > 12 or day < 1 or day > _month_days(year, month):
        return -1
    if month <= 2:
        year -= 1
        month += 12
    day_of_year = (153 * (month - 3) + 2) // 5 + day - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + day_of_year - _EPOCH_DAY


@compiled
def _month_days(year: int, month: int) -> int:
    if month == 2:
        return 29 if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 else 28
    return 30 + (month + month // 8) % 2


@compiled
def _time_us(octets: Octets, at: int, end: int) -> tuple[int, int]:
    """Return the microseconds of `10:00`, `10:00:00` or `10:00:00.123` since midnight, or -1, and the place behind."""
    hour, minute, second, fraction_us = _number(octets, at, 2, end), _number(octets, at + 3, 2, end), 0, 0
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or octets[at + 2] != _COLON:
        return -1, at
    at += 5
    if at < end and octets[at] == _COLON:
        second = _number(octets, at + 1, 2, end)
        if second < 0 or second > 59:
            return -1, at
        at += 3
        if at < end and octets[at] == _DOT:
            fraction_us, at = _fraction_us(octets, at + 1, end)
            if fraction_us < 0:
                return -1, at
    return ((hour * 60 + minute) * 60 + second) * SECOND_US + fraction_us, at


@compiled
def _fraction_us(octets: Octets, at: int, end: int) -> tuple[int, int]:
    """Return the microseconds that the digits of a fraction are, or -1, and the place behind them."""
    first, fraction_us = at, 0
    while at < end and octets[at] >= _ZERO and octets[at] <= _NINE:
        if at - first < _MICROSECOND_DIGITS:
            fraction_us = fraction_us * 10 + (octets[at] - _ZERO)
        at += 1
    if at == first or at - first > _MOST_DIGITS:
        return -1, at
    for _ in range(_MICROSECOND_DIGITS - (at - first)):
        fraction_us *= 10
    return fraction_us, at


@compiled
def _offset_s(octets: Octets, at: int, end: int) -> int:
    """Return how far ahead of UTC the rest of a text is, in seconds: `Z`, `+05`, `+0530` or `+05:30`."""
    if at >= end:
        return _NO_OFFSET
    sign, hours, minutes = octets[at], 0, 0
    at += 1
    if sign in (_PLUS, _MINUS):
        hours = _number(octets, at, 2, end)
        at += 2
        if at < end:
            at += octets[at] == _COLON
            minutes = _number(octets, at, 2, end)
            at += 2
    elif sign != _Z:
        return _NO_OFFSET
    if hours < 0 or hours > 23 or minutes < 0 or minutes > 59 or at != end:
        return _NO_OFFSET
    return (hours * 60 + minutes) * (-60 if sign == _MINUS else 60)
