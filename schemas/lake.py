"""The layout of the lake: which object lies where, and what a raw object's name says.

A raw object's folder is the hour in which the oldest of its records arrived; it never says when they happened. Its
name says who wrote it: what Firehose delivered came through the stream, everything else was put there by others.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from schemas.instants import datetime_to_us, us_to_datetime

RAW_PREFIX = "clickstream/"
RAW_ERROR_PREFIX = "clickstream-errors/"
RECEIPTS_PREFIX = "purchases/"
DEAD_LETTERS_PREFIX = "dead-letters/"
VALIDATIONS_PREFIX = "validations/"
# Year, month, day and hour, or what they begin with; none for a table that is not partitioned.
Partition = tuple[int, ...]
# As `strftime` takes it; in UTC.
HOUR_FOLDER = "year=%Y/month=%m/day=%d/hour=%H/"
_HOUR_FOLDER = re.compile(r"year=(\d{4})/month=(\d\d)/day=(\d\d)/hour=(\d\d)/")
# Source: Amazon Data Firehose developer guide, "S3 object name format": the name of the Firehose stream, its version,
# the arrival of the oldest record, a UUID, and the extension that its configuration gives it.
_FIREHOSE_NAME = re.compile(
    r"[A-Za-z0-9_.-]{1,64}-\d+-\d{4}(?:-\d\d){5}-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:\.[A-Za-z0-9.]+)?"
)


def hour_folder(instant_us: int) -> str:
    """Return `year=2026/month=11/day=24/hour=03/` of the UTC hour that holds the instant."""
    return us_to_datetime(instant_us).strftime(HOUR_FOLDER)


def hour_of_key(key: str) -> int | None:
    """Return the start of the hour that an object's folder names, in microseconds, or None where it names none."""
    match = _HOUR_FOLDER.search(key)
    if match is None:
        return None
    try:
        return hour_of_partition(tuple(map(int, match.groups())))
    except ValueError:
        return None


def firehose_object(stream: str, oldest_us: int, object_id: str) -> str:
    """Return folder and name, below a prefix and without extension, of the object that Firehose delivers.

    Args:
        stream: the name of the Firehose stream, at most 64 characters.
        oldest_us: when the oldest record in it arrived.
        object_id: a UUID as text.
    """
    moment = us_to_datetime(oldest_us).strftime("%Y-%m-%d-%H-%M-%S")
    return f"{hour_folder(oldest_us)}{stream}-1-{moment}-{object_id}"


def is_firehose_object(key: str) -> bool:
    """Say whether a key is of an object that Firehose delivered: what is in it came through the stream."""
    if key.startswith(RAW_ERROR_PREFIX):
        return True
    folder, _, name = key.rpartition("/")
    hour = _HOUR_FOLDER.fullmatch(f"{folder.removeprefix(RAW_PREFIX)}/")
    return key.startswith(RAW_PREFIX) and hour is not None and _FIREHOSE_NAME.fullmatch(name) is not None


def partition_of_hour(hour_us: int) -> tuple[int, int, int, int]:
    """Return (year, month, day, hour) of an hour."""
    moment = us_to_datetime(hour_us)
    return moment.year, moment.month, moment.day, moment.hour


def hour_of_partition(partition: Partition) -> int:
    """Return the start of the hour that (year, month, day, hour) names, in microseconds.

    Raises:
        ValueError: the calendar has no such hour.
    """
    year, month, day, hour = partition
    return datetime_to_us(datetime(year, month, day, hour, tzinfo=UTC))


def format_hour(hour_us: int) -> str:
    """Return `2026-11-24T03`, the name of an hour on the command line and in reports."""
    return us_to_datetime(hour_us).strftime("%Y-%m-%dT%H")


def parse_hour(text: str) -> int:
    """Return the start of an hour named like `2026-11-24T03`, UTC, in microseconds.

    Raises:
        ValueError: not of that form.
    """
    return datetime_to_us(datetime.strptime(text, "%Y-%m-%dT%H").replace(tzinfo=UTC))
