"""What one hour of facts says of each of its users; pure, and in memory that grows with users, not with facts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.dataset import Dataset

from batch_compaction.arrays import Numbers
from batch_compaction.lean_scan import LEAN
from batch_compaction.periods import NOTHING, Sayings, begins, stable_order
from batch_compaction.user_rows import (
    SUMS_SCHEMA,
    Seen,
    Uses,
    codes_of,
    countries_of,
    flat,
    numbers_of,
    rows_of,
    sums_table,
)
from schemas.instants import HOUR_US
from schemas.lake import format_hour, partition_of_hour
from schemas.tables import HOUR_PARTITION, USER_HOURS

# Facts that are summed at once, at some 500 bytes each.
SLAB_ROWS = 256 * 1024
_COLUMNS = ["user_id", "event_timestamp", "device_type", "metadata"]
# What DuckDB makes of a text decides; it also knows infinity and years that Iceberg's clients cannot hold.
_DAYS = """
SELECT CASE WHEN day BETWEEN DATE '0001-01-01' AND DATE '9999-12-31' THEN day END AS day
FROM (SELECT place, try_cast(text AS DATE) AS day FROM texts) ORDER BY place
"""
_PLAIN_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_EPOCH = date(1970, 1, 1)


def user_hours_of(facts: Dataset | pa.Table, hour_us: int) -> pa.Table:
    """Return the rows of `user_hours` for one hour of facts; none where it has no facts.

    Args:
        facts: the facts of that hour alone, in their table's order; a dataset is streamed.
        hour_us: start of the hour.

    Raises:
        ValueError: a fact of another hour, or facts that are out of order.
    """
    sums: list[pa.Table] = []
    ended_us = hour_us
    for slab in _slabs(facts):
        at_us = numbers_of(slab["event_timestamp"])
        if at_us[0] < ended_us or (np.diff(at_us) < 0).any() or at_us[-1] >= hour_us + HOUR_US:
            raise ValueError(f"facts out of order, or not all of the hour {format_hour(hour_us)}")
        ended_us = int(at_us[-1])
        sums.append(_summed_facts(slab, at_us))
        if sum(map(len, sums)) > max(SLAB_ROWS, 3 * len(sums[0]) // 2):
            sums = [_summed(sums)]
    hour = _summed(sums)
    for name, value in zip(HOUR_PARTITION, partition_of_hour(hour_us), strict=True):
        hour = hour.append_column(name, pa.repeat(pa.scalar(value, pa.int32()), len(hour)))
    return pa.Table.from_arrays(hour.columns, schema=USER_HOURS.schema)


def _slabs(facts: Dataset | pa.Table) -> Iterator[pa.Table]:
    """Yield the columns that are needed, so many rows at once as are summed at once."""
    if isinstance(facts, pa.Table):
        narrow = facts.select(_COLUMNS)
        yield from (narrow.slice(start, SLAB_ROWS) for start in range(0, len(facts), SLAB_ROWS))
        return
    gathered: list[pa.RecordBatch] = []
    for batch in facts.to_batches(columns=_COLUMNS, **LEAN):
        if sum(map(len, gathered)) + len(batch) > SLAB_ROWS and gathered:
            yield pa.Table.from_batches(gathered)
            gathered = []
        if len(batch):
            gathered.append(batch)
    if gathered:
        yield pa.Table.from_batches(gathered)


def _summed_facts(facts: pa.Table, at_us: Numbers) -> pa.Table:
    users, [user] = codes_of(facts["user_id"])
    devices, [device] = codes_of(facts["device_type"])
    metadata = facts["metadata"].combine_chunks()
    countries, [country] = codes_of(pa.chunked_array([_values_of(metadata, "country")]))
    country[country == pc.index(countries, "").as_py()] = NOTHING
    texts, [text] = codes_of(pa.chunked_array([_values_of(metadata, "signup_date")]))
    signup_day = np.append(days_of(texts), NOTHING)[np.where(text == NOTHING, -1, text)]

    order = stable_order(user)
    said = Sayings(user, at_us, country, signup_day).where(order)
    first = np.flatnonzero(begins(said.user))
    bounds = np.append(first, len(order))
    seen = Seen(said.at_us[first], said.at_us[bounds[1:] - 1], np.diff(bounds))
    # Of facts that say the same one after the other the first is enough.
    changes = said.where(begins(said.user, said.country, said.signup_day))
    return sums_table(seen, _counted(user, device, len(devices)), changes, users, devices, countries)


def _counted(user: Numbers, device: Numbers, devices: int) -> Uses:
    named = device != NOTHING
    key = np.sort(user[named] * devices + device[named])
    first = np.flatnonzero(begins(key))
    return Uses(*np.divmod(key[first], max(devices, 1)), np.diff(np.append(first, len(key))))


def _summed(parts: list[pa.Table]) -> pa.Table:
    """Return the sums of each user, which the parts have in time order, as one."""
    if len(parts) <= 1:
        return parts[0] if parts else SUMS_SCHEMA.empty_table()
    sums = pa.concat_tables(parts)
    users, [user] = codes_of(sums["user_id"])
    devices, [device] = codes_of(flat(sums["device_preferences"])[1])
    countries, [country] = codes_of(countries_of(sums))
    rows = rows_of(sums, user, device, country)
    order = stable_order(user)
    first = np.flatnonzero(begins(user[order]))
    seen = Seen(
        np.minimum.reduceat(rows.seen.first_us[order], first),
        np.maximum.reduceat(rows.seen.last_us[order], first),
        np.add.reduceat(rows.seen.events[order], first),
    )
    return sums_table(seen, rows.uses, rows.said.where(stable_order(rows.said.user)), users, devices, countries)


def days_of(texts: pa.StringArray) -> Numbers:
    """Return the days that texts name, as DuckDB reads dates; `NOTHING` for what is no date of a calendar."""
    days, odd = np.full(len(texts), NOTHING), []
    for place, text in enumerate(texts.to_pylist()):
        if _PLAIN_DATE.fullmatch(text):
            with suppress(ValueError):
                days[place] = (date.fromisoformat(text) - _EPOCH).days
        elif text:
            odd.append(place)
    if odd:
        connection = duckdb.connect()
        try:
            connection.register("texts", pa.table({"place": np.arange(len(odd)), "text": texts.take(pa.array(odd))}))
            days[odd] = numbers_of(connection.sql(_DAYS).to_arrow_table()["day"])
        finally:
            connection.close()
    return days


def _values_of(maps: pa.MapArray, key: str) -> pa.StringArray:
    """Return the value of a key for each map, null where it has none; a sixth of the cost of `map_lookup`."""
    offsets = np.asarray(maps.offsets)
    keys = maps.keys.slice(offsets[0], offsets[-1] - offsets[0])
    found = np.asarray(pc.indices_nonzero(pc.equal(keys, key))).astype(np.int64)
    taken = np.full(len(maps), -1, np.int64)
    taken[np.repeat(np.arange(len(maps)), np.diff(offsets))[found]] = found + offsets[0]
    return maps.items.take(pa.array(taken, mask=taken < 0))
