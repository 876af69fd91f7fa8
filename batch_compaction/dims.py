"""The user dimension and its history as functions of the facts, and of nothing else; pure.

Both are sums of `user_hours`, kept up to date by the rows that come and go with an hour.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.dataset import Dataset, dataset

from batch_compaction.arrays import Numbers
from batch_compaction.user_hours import user_hours_of
from batch_compaction.user_rows import codes_of, numbers_of
from batch_compaction.user_splice import HoursAtHand, Users, splice
from schemas.lake import Partition, hour_of_partition
from schemas.tables import DIM_USERS, DIM_USERS_HISTORY, USER_HOURS

NO_USERS = Users(DIM_USERS.schema.empty_table(), DIM_USERS_HISTORY.schema.empty_table())
# Rows of `user_hours` that are summed at once, at some 500 bytes each.
ROWS_AT_ONCE = 128 * 1024


class HourlyTable(Protocol):
    """A table that is partitioned by event hour."""

    @property
    def partitions(self) -> Collection[Partition]:
        """The hours that hold rows."""

    def dataset(self, partitions: Iterable[Partition]) -> Dataset:
        """Return the rows of some hours."""


def updated_users(held: Users, before: HourlyTable, after: Mapping[Partition, pa.Table]) -> Users:
    """Return the users after some hours were replaced.

    Reads the rows that these hours had. Of other hours it reads the rows of those users only whom the sums do not
    suffice for, from the replaced hours on until they do.

    Args:
        held: the users as they were: the sum of `before`.
        before: `user_hours` as it was.
        after: the replaced hours -> their rows as they are now, none for an hour that is empty.

    Raises:
        ValueError: `held` is not the sum of `before`.
    """
    if not after:
        return held
    old = before.dataset(after.keys()).to_table()
    new = pa.concat_tables([USER_HOURS.schema.empty_table(), *after.values()])
    touched = pc.unique(pa.chunked_array([*old["user_id"].chunks, *new["user_id"].chunks], pa.string()))
    are_touched = [pc.is_in(table["user_id"], touched) for table in (held.users, held.history)]
    whole = _Replacement(Users(held.users.filter(are_touched[0]), held.history.filter(are_touched[1])), old, new)
    every = sorted({*map(hour_of_partition, before.partitions), *map(hour_of_partition, after)})
    parts = list(_settled(whole.groups(), frozenset(map(hour_of_partition, after)), _Walk(before, every)))
    return Users(
        _replaced(held.users, are_touched[0], [part.users for part in parts]),
        _replaced(held.history, are_touched[1], [part.history for part in parts]),
    )


@dataclass(frozen=True, slots=True)
class _Replacement:
    """Some users as they were, and the old and the new rows of them in the hours at hand."""

    held: Users
    old: pa.Table
    new: pa.Table

    def of(self, users: pa.Array) -> _Replacement:
        """Return what concerns some of the users."""
        return self._where([pc.is_in(table["user_id"], users) for table in self._tables])

    def groups(self, weights: Numbers | None = None) -> Iterator[_Replacement]:
        """Yield this in parts for some of the users, who have few enough rows to be at hand at once.

        Args:
            weights: about how many rows each user will have, in their order; those that are here where it is not given.
        """
        users, codes = codes_of(*(table["user_id"] for table in self._tables))
        if weights is None:
            weights = np.bincount(np.concatenate(codes[2:]), minlength=len(users))
        group = np.cumsum(weights) // ROWS_AT_ONCE
        for number in np.unique(group):
            yield self._where([pa.array(group[of_table] == number) for of_table in codes])

    def with_rows(self, again: pa.Table) -> _Replacement:
        """Return this with rows of further hours, which stay as they are."""
        return _Replacement(self.held, pa.concat_tables([self.old, again]), pa.concat_tables([self.new, again]))

    @property
    def _tables(self) -> tuple[pa.Table, pa.Table, pa.Table, pa.Table]:
        return self.held.users, self.held.history, self.old, self.new

    def _where(self, rows: Sequence[pa.Array]) -> _Replacement:
        users, history, old, new = (table.filter(some) for table, some in zip(self._tables, rows, strict=True))
        return _Replacement(Users(users, history), old, new)


class _Walk:
    """Reads the rows of users in hours ever further away."""

    def __init__(self, before: HourlyTable, every: list[int]) -> None:
        self._before = before
        self.every = every
        self._partitions = {hour_of_partition(partition): partition for partition in before.partitions}

    def hours(self, starts: Iterable[int], steps: int) -> set[int]:
        """Return so many hours that hold rows from each start on, backwards for a negative number of steps."""
        found: set[int] = set()
        for place in (self.every.index(start) for start in starts):
            found.update(
                self.every[place : place + steps] if steps > 0 else self.every[max(place + steps + 1, 0) : place + 1]
            )
        return found

    def rows(self, hours: Iterable[int], users: pa.Array) -> pa.Table:
        """Return the rows of some users in some hours."""
        partitions = [self._partitions[hour] for hour in hours]
        return self._before.dataset(partitions).to_table(filter=pc.field("user_id").isin(users))


def _settled(groups: Iterable[_Replacement], at_hand: frozenset[int], walk: _Walk, steps: int = 1) -> Iterator[Users]:
    """Yield the users in parts, those that are open after they were looked for further and further away."""
    hours = HoursAtHand.among(at_hand, walk.every)
    still_open, wanted = [], set[int]()
    for group in groups:
        spliced = splice(group.held, group.old, group.new, hours)
        yield spliced.exact
        if len(spliced.open_users):
            still_open.append(group.of(spliced.open_users))
            wanted |= walk.hours(spliced.from_us, steps) | walk.hours(spliced.back_from_us, -steps)
    if not still_open:
        return
    wanted -= at_hand
    opened = _Replacement(
        Users(
            *(
                pa.concat_tables(tables)
                for tables in zip(*((item.held.users, item.held.history) for item in still_open), strict=True)
            )
        ),
        pa.concat_tables([item.old for item in still_open]),
        pa.concat_tables([item.new for item in still_open]),
    )
    weights = np.minimum(numbers_of(opened.held.users["events"]), len(wanted))
    further = (
        group.with_rows(walk.rows(wanted, group.held.users["user_id"].combine_chunks()))
        for group in opened.groups(weights)
    )
    yield from _settled(further, at_hand | wanted, walk, 2 * steps)


def _replaced(table: pa.Table, are_gone: pa.ChunkedArray, parts: list[pa.Table]) -> pa.Table:
    """Return a table with the parts in place of some of its rows, in order of users; one user's keep theirs."""
    kept = np.flatnonzero(~np.asarray(are_gone))
    everything = pa.concat_tables([table, *parts])
    rows = pa.array(np.concatenate([kept, np.arange(len(table), len(everything))]))
    in_order = pc.sort_indices(everything["user_id"].take(rows))
    return everything.take(rows.take(in_order))


def summed_users(hours: Iterable[tuple[Partition, pa.Table]]) -> Users:
    """Return the users from all of `user_hours`, given hour by hour in time order."""
    users, gathered = NO_USERS, dict[Partition, pa.Table]()
    for partition, rows in hours:
        # Each sum writes all users again, so the more there are the more rows are waited for.
        if sum(map(len, gathered.values())) + len(rows) > max(ROWS_AT_ONCE, len(users.users) // 2):
            users, gathered = updated_users(users, _NO_HOURS, gathered), {}
        gathered[partition] = rows
    return updated_users(users, _NO_HOURS, gathered)


def rebuilt_users(facts: HourlyTable, keep: Callable[[Partition, pa.Table], None]) -> Users:
    """Return the users from all facts, one hour of them at a time.

    Args:
        facts: `fact_clicks`.
        keep: is given the rows of `user_hours` of each hour that has facts, in time order.
    """

    def hours() -> Iterator[tuple[Partition, pa.Table]]:
        for partition in sorted(facts.partitions):
            rows = user_hours_of(facts.dataset([partition]), hour_of_partition(partition))
            keep(partition, rows)
            yield partition, rows

    return summed_users(hours())


class _Nothing:
    """No hours at all: the hours that are summed one after the other follow all that came before."""

    partitions: frozenset[Partition] = frozenset()

    def dataset(self, partitions: Iterable[Partition]) -> Dataset:
        return dataset(USER_HOURS.schema.empty_table())


_NO_HOURS = _Nothing()
