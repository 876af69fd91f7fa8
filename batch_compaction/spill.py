"""Rows that wait for the turn of their hour: in memory up to a budget, and beyond it in a file.

Decides nothing about rows. What was added for an hour comes back as it was added, in the same order.
"""

from __future__ import annotations

import errno
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import pyarrow as pa

from batch_compaction.sorting import ROW_GROUP_ROWS, joined
from schemas.errors import WorkFailedError

# A file that may not grow is as good as a full disk.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def room_in(folder: Path) -> Iterator[None]:
    """Have a temporary folder that is full be told as such.

    Raises:
        WorkFailedError: it is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise WorkFailedError(no_room_in(folder, error)) from error


def no_room_in(folder: Path, error: Exception) -> str:
    """Return what to tell of an error that a full temporary folder made."""
    return f"no room for rows in {folder}: {error}: give it room, or another folder with TMPDIR; nothing was published"


class Spill:
    """Rows by hour.

    Args:
        schema: of the rows.
        path: where the file may be made; its folder is there.
        budget_bytes: how much is kept in memory.
    """

    def __init__(self, schema: pa.Schema, path: Path, budget_bytes: int) -> None:
        self._schema = schema
        self._path = path
        self._budget_bytes = budget_bytes
        self._held: defaultdict[int, list[pa.Table]] = defaultdict(list)
        self._held_bytes = 0
        self._written: defaultdict[int, list[int]] = defaultdict(list)
        self._sizes: defaultdict[int, int] = defaultdict(int)
        self._counts: defaultdict[int, int] = defaultdict(int)
        self._file: pa.NativeFile | None = None

    def __enter__(self) -> Spill:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def hours(self) -> list[int]:
        """The hours that have rows, in time order."""
        return sorted(self._counts)

    def count(self, hour_us: int) -> int:
        """Return how many rows an hour has."""
        return self._counts[hour_us]

    def size_bytes(self, hour_us: int) -> int:
        """Return how much the rows of an hour take in memory."""
        return self._sizes[hour_us]

    def add(self, hour_us: int, rows: pa.Table) -> None:
        """Keep some rows of an hour.

        Raises:
            WorkFailedError: the folder of the file is full.
        """
        if not len(rows):
            return
        size_bytes = rows.nbytes
        self._held[hour_us].append(rows)
        self._held_bytes += size_bytes
        self._sizes[hour_us] += size_bytes
        self._counts[hour_us] += len(rows)
        if self._held_bytes > self._budget_bytes:
            self._write()

    def rows(self, hour_us: int) -> Iterator[pa.Table]:
        """Yield the rows of an hour, in pieces of about a row group; may be asked again."""
        return joined(self.pieces(hour_us), ROW_GROUP_ROWS)

    def taken(self, hour_us: int) -> pa.Table:
        """Return the rows of an hour in one piece, and forget them; it still counts among the hours.

        Their memory is free once no hour with rows from the same blocks is held.
        """
        rows = pa.concat_tables([self._schema.empty_table(), *self.pieces(hour_us)]).combine_chunks()
        self.drop(hour_us)
        return rows

    def pieces(self, hour_us: int) -> Iterator[pa.Table]:
        """Yield the rows of an hour in pieces no larger than they were added; may be asked again."""
        for start in self._written[hour_us]:
            with pa.OSFile(str(self._path)) as file:
                file.seek(start)
                with pa.ipc.open_stream(file) as stream:
                    # One by one: all that was written of an hour at once may be as large as the budget.
                    for batch in stream:
                        yield pa.Table.from_batches([batch])
        yield from self._held[hour_us]

    def drop(self, hour_us: int) -> None:
        """Forget the rows of an hour; what the file holds of them stays until the end."""
        self._held_bytes -= sum(rows.nbytes for rows in self._held.pop(hour_us, ()))
        self._written.pop(hour_us, None)

    def close(self) -> None:
        """Forget everything."""
        self._held.clear()
        if self._file is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        """Write what is held, the rows of an hour in one stream.

        All of it: pieces of several hours may lie in the same memory, which is free once none of them is held.
        """
        with room_in(self._path.parent):
            if self._file is None:
                self._file = pa.OSFile(str(self._path), "wb")
            for hour_us, pieces in self._held.items():
                start = self._file.tell()
                # A stream has one dictionary for a column, which has to hold the values of all pieces.
                rows = pa.concat_tables(pieces).unify_dictionaries()
                with pa.ipc.new_stream(self._file, self._schema) as stream:
                    stream.write_table(rows)
                self._written[hour_us].append(start)
            self._file.flush()
        self._held.clear()
        self._held_bytes = 0
