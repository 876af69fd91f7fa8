"""The tables of the users as one: `user_hours`, and `dim_users` and its history as the sum of it.

Three commits cannot be one. So both sums carry a mark that says of which files of `user_hours` they are the sum, and to
which files of facts these belong; where it does not agree with what is there, a run died in between or overtook
another, and all three are made anew from the facts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.dataset as ds

from batch_compaction.dims import NO_USERS, rebuilt_users, updated_users
from batch_compaction.lake_tables import Lake, LakeTable
from batch_compaction.user_splice import Users
from schemas.lake import Partition
from schemas.tables import DIM_USERS, DIM_USERS_HISTORY, USER_HOURS

_SUM_OF = "clickstream.sum-of"
# Rows of replaced hours that are summed at once: each time all users are copied, and each row takes some 500 bytes.
_ROWS_AT_ONCE = 512 * 1024


@dataclass(frozen=True, slots=True)
class UserTables:
    """The three tables as of the snapshots that were current when they were opened."""

    hours: LakeTable
    users: LakeTable
    history: LakeTable

    @staticmethod
    def open(lake: Lake) -> UserTables:
        """Return the tables, made first where they are not there yet."""
        return UserTables(*map(lake.open, (USER_HOURS, DIM_USERS, DIM_USERS_HISTORY)))

    def agree_with(self, facts: LakeTable) -> bool:
        """Say whether they are the sum of these facts."""
        mark = _mark(self.hours.paths(), facts.paths())
        marks = [table.iceberg.properties.get(_SUM_OF, _MARK_OF_NOTHING) for table in (self.users, self.history)]
        return marks == [mark, mark]

    def after(self, replaced: Mapping[Partition, ds.Dataset]) -> Users:
        """Return the users after some hours of `user_hours` were replaced.

        Takes so many hours at once as have few enough rows together.
        """
        users, before = self._held(), _Overlaid(self.hours, {})
        for some in _batches(replaced):
            users = updated_users(users, before, {partition: rows.to_table() for partition, rows in some.items()})
            before = _Overlaid(self.hours, {**before.replaced, **some})
            pa.default_memory_pool().release_unused()
        return users

    def publish(
        self,
        files: Mapping[Partition, str | None],
        users: Users,
        facts: Iterable[str],
        properties: Mapping[str, str],
        on_step: Callable[[str], None],
    ) -> Iterable[str]:
        """Commit replaced hours and the users after that; yield the names of the tables that changed.

        Args:
            files: partition of `user_hours` -> the address of its file from now on, see `LakeTable.put`.
            users: the sums, see `after`.
            facts: the addresses of the files of `fact_clicks` as they will be.
            properties: what the snapshots say of the commits.
            on_step: told each step as it begins.

        Raises:
            CommitFailedException: another commit came first.
        """
        on_step(f"publish {USER_HOURS.name}")
        if self.hours.commit(files, properties):
            yield USER_HOURS.name
        mark = {_SUM_OF: _mark(self.hours.paths_after(files), facts)}
        for table, rows in ((self.users, users.users), (self.history, users.history)):
            on_step(f"publish {table.definition.name}")
            if table.replace({(): rows}, properties, mark):
                yield table.definition.name

    def rebuild(self, facts: LakeTable, properties: Mapping[str, str], on_step: Callable[[str], None]) -> list[str]:
        """Make all three anew from the facts, hour by hour; return the names of the tables that changed.

        Raises:
            CommitFailedException: another commit came first.
        """
        on_step("make the users anew from the facts")
        files: dict[Partition, str | None] = dict.fromkeys(self.hours.partitions)
        users = rebuilt_users(facts, lambda hour, rows: files.update(self.hours.put({hour: rows})))
        return list(self.publish(files, users, facts.paths(), properties, on_step))

    def _held(self) -> Users:
        if not self.users.row_count:
            return NO_USERS
        return Users(self.users.rows(), self.history.rows())


@dataclass(frozen=True, slots=True)
class _Overlaid:
    """`user_hours` with some hours replaced."""

    table: LakeTable
    replaced: Mapping[Partition, ds.Dataset]

    @property
    def partitions(self) -> frozenset[Partition]:
        """The hours that hold rows."""
        filled = {partition for partition, rows in self.replaced.items() if rows.count_rows()}
        return (self.table.partitions - self.replaced.keys()) | filled

    def dataset(self, partitions: Iterable[Partition]) -> ds.Dataset:
        """Return the rows of some hours."""
        wanted = set(partitions)
        kept = self.table.dataset(wanted - self.replaced.keys())
        return ds.dataset([kept, *(self.replaced[partition] for partition in sorted(wanted & self.replaced.keys()))])


def _batches(hours: Mapping[Partition, ds.Dataset]) -> Iterator[dict[Partition, ds.Dataset]]:
    """Yield the hours, in time order, so many at once as have few enough rows together."""
    batch: dict[Partition, ds.Dataset] = {}
    count = 0
    for partition, rows in sorted(hours.items(), key=lambda hour: hour[0]):
        of_hour = rows.count_rows()
        if batch and count + of_hour > _ROWS_AT_ONCE:
            yield batch
            batch, count = {}, 0
        batch[partition] = rows
        count += of_hour
    if batch:
        yield batch


def _mark(hours: Iterable[str], facts: Iterable[str]) -> str:
    """Return what stands for some files of `user_hours` and `fact_clicks`, whose names are those of their content."""
    return hashlib.sha256("\n".join(sorted([*hours, *facts])).encode()).hexdigest()[:32]


_MARK_OF_NOTHING = _mark([], [])
