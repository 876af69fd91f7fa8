"""Instants as the pipeline keeps them: int microseconds since the epoch, UTC, and their ISO-8601 text.

Refuses a text without a zone: a local time names no instant.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND_US = 1_000_000
HOUR_US = 3600 * SECOND_US
DAY_US = 24 * HOUR_US
_MICROSECOND = timedelta(microseconds=1)
# The profile of ISO 8601 that RFC 3339 section 5.6 names, with the space its note allows, seconds optional and an
# hour-only offset. Narrower than datetime.fromisoformat, which also takes week dates and zone-less texts.
_ISO_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d(?::?\d\d)?)", re.ASCII)


def parse_instant_us(text: str) -> int:
    """Return the instant that an ISO-8601 text with a zone names, in microseconds; further digits are cut.

    Raises:
        ValueError: not of that form, without a zone, or not a real date or time.
    """
    if _ISO_INSTANT.fullmatch(text) is None:
        raise ValueError("not an ISO-8601 instant with a zone")
    return datetime_to_us(datetime.fromisoformat(text))


def datetime_to_us(moment: datetime) -> int:
    """Return an aware datetime as microseconds since the epoch.

    Raises:
        ValueError: the datetime has no zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a datetime without a zone names no instant")
    return (moment - EPOCH) // _MICROSECOND


def us_to_datetime(instant_us: int) -> datetime:
    """Return the aware UTC datetime of an instant in microseconds.

    Raises:
        OverflowError: outside the years 1 to 9999.
    """
    return EPOCH + timedelta(microseconds=instant_us)


def timestamp_to_us(moment: datetime) -> int:
    """Return the instant of a table's timestamp, which has no zone and is in UTC, in microseconds."""
    return datetime_to_us(moment.replace(tzinfo=UTC))


def us_to_timestamp(instant_us: int) -> datetime:
    """Return an instant in microseconds as a table's timestamp has it: in UTC, without a zone.

    Raises:
        OverflowError: outside the years 1 to 9999.
    """
    return us_to_datetime(instant_us).replace(tzinfo=None)


def format_instant_us(instant_us: int) -> str:
    """Return `2026-11-24T10:00:00.000000Z` for an instant in microseconds.

    Raises:
        OverflowError: outside the years 1 to 9999.
    """
    second, rest_us = divmod(instant_us, SECOND_US)
    return f"{_second_text(second)}.{rest_us:06d}Z"


@lru_cache(maxsize=4096)
def _second_text(second: int) -> str:
    # Events come in order of time, or nearly, and many of them in each second.
    return us_to_datetime(second * SECOND_US).replace(tzinfo=None).isoformat()


def hour_floor_us(instant_us: int) -> int:
    """Return the start of the UTC hour that holds the instant."""
    return instant_us - instant_us % HOUR_US
