"""Rows of the user tables as arrays of numbers, in which users can be summed without a loop.

Texts become codes of a sorted dictionary that all rows of one computation share, so codes compare as their texts do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batch_compaction.arrays import Numbers
from batch_compaction.periods import NOTHING, Sayings, begins, periods_of
from schemas.tables import HOUR_PARTITION, TIMESTAMP, USER_HOURS

SUMS_SCHEMA = pa.schema([field for field in USER_HOURS.schema if field.name not in HOUR_PARTITION])


@dataclass(frozen=True, slots=True)
class Uses:
    """How many facts of a user name a device type, a row for each count."""

    user: Numbers
    device: Numbers
    events: Numbers

    def plus(self, other: Uses) -> Uses:
        """Return these counts and the other's."""
        pairs = ((self.user, other.user), (self.device, other.device), (self.events, other.events))
        return Uses(*map(np.concatenate, pairs))

    def minus(self, other: Uses) -> Uses:
        """Return these counts without the other's."""
        return self.plus(Uses(other.user, other.device, -other.events))


@dataclass(frozen=True, slots=True)
class Seen:
    """When and how often users were seen."""

    first_us: Numbers
    last_us: Numbers
    events: Numbers


@dataclass(frozen=True, slots=True)
class UserRows:
    """Rows of `user_hours`: what the columns of each say, and whose each is."""

    user: Numbers
    seen: Seen
    uses: Uses
    said: Sayings


def codes_of(*columns: pa.ChunkedArray) -> tuple[pa.StringArray, list[Numbers]]:
    """Return a sorted dictionary of all texts, and each column as codes of it, null as `NOTHING`."""
    whole = pa.chunked_array([chunk for column in columns for chunk in column.chunks], pa.string())
    encoded = whole.combine_chunks().dictionary_encode()
    order = pc.sort_indices(encoded.dictionary)
    codes = np.full(len(order) + 1, NOTHING)
    codes[np.asarray(order)] = np.arange(len(order))
    every = codes[np.asarray(encoded.indices.fill_null(len(order)))]
    return encoded.dictionary.take(order), np.split(every, np.cumsum([len(column) for column in columns])[:-1])


def numbers_of(column: pa.ChunkedArray) -> Numbers:
    """Return instants as microseconds, days as days since 1970, numbers as they are; null as `NOTHING`."""
    whole = column.combine_chunks()
    if pa.types.is_date32(whole.type):
        whole = whole.cast(pa.int32())
    return np.asarray(whole.cast(pa.int64()).fill_null(NOTHING))


def column_of(numbers: Numbers, kind: pa.DataType) -> pa.Array:
    """Return numbers as a column of instants, days or numbers; `NOTHING` as null."""
    column = pa.array(numbers, pa.int64(), mask=numbers == NOTHING)
    return column.cast(pa.int32()).cast(kind) if pa.types.is_date32(kind) else column.cast(kind)


def flat(lists: pa.ChunkedArray) -> tuple[Numbers, pa.ChunkedArray]:
    """Return the row of each item of a column of lists, and the items."""
    whole = lists.combine_chunks()
    row = np.repeat(np.arange(len(whole)), np.asarray(pc.list_value_length(whole)))
    return row, pa.chunked_array([whole.flatten()])


def device_lists(uses: Uses, users: int, names: pa.StringArray) -> tuple[pa.ListArray, pa.ListArray]:
    """Return, for users 0 to `users` - 1, their device types, the most used first, and the facts with each.

    Raises:
        ValueError: a negative sum.
    """
    key = uses.user * (len(names) + 1) + uses.device
    order = np.argsort(key)
    first = np.flatnonzero(begins(key[order]))
    events = np.add.reduceat(uses.events[order], first) if len(first) else uses.events[:0]
    if (events < 0).any():
        raise ValueError("more facts of a device are taken away than there are")
    user, device = uses.user[order][first], uses.device[order][first]
    used = np.flatnonzero(events)
    used = used[np.lexsort((device[used], -events[used], user[used]))]
    offsets = offsets_of(user[used], users)
    return (
        pa.ListArray.from_arrays(offsets, names.take(pa.array(device[used]))),
        pa.ListArray.from_arrays(offsets, pa.array(events[used], pa.int64())),
    )


def offsets_of(user: Numbers, users: int) -> pa.Int32Array:
    """Return where the rows of each user begin, and the end, in rows that are ordered by user."""
    return pa.array(np.searchsorted(user, np.arange(users + 1)), pa.int32())


def sums_table(
    seen: Seen, uses: Uses, said: Sayings, users: pa.StringArray, devices: pa.StringArray, countries: pa.StringArray
) -> pa.Table:
    """Return a row of `SUMS_SCHEMA` for each user.

    Args:
        seen: a row for each user, in their order.
        uses: in any order.
        said: ordered by user and event time.
        users: the users, in order.
        devices: the dictionary of the device codes.
        countries: the dictionary of the country codes.
    """
    preferences, device_events = device_lists(uses, len(users), devices)
    periods = periods_of(said)
    struct = SUMS_SCHEMA.field("periods").type.value_type
    attributes = [
        column_of(periods.at_us, TIMESTAMP),
        text_column(periods.country, countries),
        column_of(periods.signup_day, pa.date32()),
    ]
    columns = {
        "user_id": users,
        "device_preferences": preferences,
        "device_events": device_events,
        "last_seen": column_of(seen.last_us, TIMESTAMP),
        "first_seen": column_of(seen.first_us, TIMESTAMP),
        "events": seen.events,
        "periods": pa.ListArray.from_arrays(
            offsets_of(periods.user, len(users)), pa.StructArray.from_arrays(attributes, fields=list(struct))
        ),
    }
    return pa.table(columns, schema=SUMS_SCHEMA)


def text_column(codes: Numbers, texts: pa.StringArray) -> pa.StringArray:
    """Return the texts of codes; `NOTHING` as null."""
    return texts.take(pa.array(codes, mask=codes == NOTHING))


def seen_of(rows: pa.Table) -> Seen:
    """Return the columns first_seen, last_seen and events as numbers."""
    return Seen(*(numbers_of(rows[name]) for name in ("first_seen", "last_seen", "events")))


def uses_of(rows: pa.Table, user: Numbers, device: Numbers) -> Uses:
    """Return the device columns as numbers, given the code of each row's user and of each device of the lists."""
    of, events = flat(rows["device_events"])
    return Uses(user[of], device, numbers_of(events))


def countries_of(rows: pa.Table) -> pa.ChunkedArray:
    """Return the country of every period of rows of `user_hours`."""
    _, periods = flat(rows["periods"])
    return pa.chunked_array([periods.chunk(0).field("country")])


def rows_of(rows: pa.Table, user: Numbers, device: Numbers, country: Numbers) -> UserRows:
    """Return rows of `user_hours` as numbers, given the codes of their users, devices and `countries_of`."""
    of, periods = flat(rows["periods"])
    at, _, signup = (pa.chunked_array([field]) for field in periods.chunk(0).flatten())
    said = Sayings(user[of], numbers_of(at), country, numbers_of(signup))
    return UserRows(user, seen_of(rows), uses_of(rows, user, device), said)
