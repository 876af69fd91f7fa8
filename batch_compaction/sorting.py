"""Rows in their table's order, cut into row groups: at once where they fit into memory, else by DuckDB, which spills.

Both give the same rows in the same order, so the same file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batch_compaction.arrays import Flags, Numbers
from schemas.errors import WorkFailedError

# Rows of one row group: large enough to compress well, small enough that a reader may skip some of a busy hour.
ROW_GROUP_ROWS = 128 * 1024

Pieces = Callable[[], Iterable[pa.Table]]


@dataclass(frozen=True, slots=True)
class Room:
    """What sorting may use.

    Attributes:
        at_once_bytes: rows up to this size are sorted in memory, where they stand three times then.
        engine_bytes: what DuckDB may take to sort more.
        folder: where it may put the rest.
    """

    at_once_bytes: int
    engine_bytes: int
    folder: Path


def sorted_groups(
    pieces: Iterable[pa.Table],
    size_bytes: int,
    schema: pa.Schema,
    order: tuple[str, ...],
    room: Room,
    chosen: Sequence[Flags] | None = None,
) -> Iterator[pa.Table]:
    """Yield the rows in order, each table one row group and in one piece.

    Args:
        pieces: the rows, of the columns of the schema and more; texts may be dictionaries.
        size_bytes: about how much they take.
        schema: of what comes out.
        order: the columns that order the rows; together they are different in every row.
        room: what it may use.
        chosen: of each piece, which rows are meant; all where it is not given.

    Raises:
        WorkFailedError: the folder is full, or the memory too small.
    """
    if size_bytes <= room.at_once_bytes:
        yield from _sorted_at_once(pieces, schema, order, chosen)
    else:
        rows = pieces if chosen is None else chosen_rows(pieces, chosen)
        yield from _groups(_sorted_by_engine(rows, schema, order, room))


def chosen_rows(pieces: Iterable[pa.Table], chosen: Iterable[Flags]) -> Iterator[pa.Table]:
    """Yield the chosen rows of each piece, few at a time of a piece that has many."""
    for piece, rows in zip(pieces, chosen, strict=True):
        for start in range(0, len(piece), ROW_GROUP_ROWS):
            some = rows[start : start + ROW_GROUP_ROWS]
            batch = piece.slice(start, ROW_GROUP_ROWS)
            if some.all():
                yield batch
            elif some.any():
                yield batch.take(np.flatnonzero(some))


def once_more(rows: pa.Table) -> Pieces:
    """Return what gives these rows, in one piece, as often as it is asked."""
    return lambda: [rows]


def joined(pieces: Iterable[pa.Table], count: int) -> Iterator[pa.Table]:
    """Yield small pieces together, at least so many rows at a time but for the last ones; copies nothing."""
    waiting: list[pa.Table] = []
    waiting_rows = 0
    for piece in pieces:
        waiting.append(piece)
        waiting_rows += len(piece)
        if waiting_rows >= count:
            yield pa.concat_tables(waiting)
            waiting, waiting_rows = [], 0
    if waiting:
        yield pa.concat_tables(waiting)


def groups_of(rows: pa.Table) -> Iterator[pa.Table]:
    """Yield rows cut at every row group."""
    return (rows.slice(start, ROW_GROUP_ROWS) for start in range(0, len(rows), ROW_GROUP_ROWS))


def plain(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return rows with the columns of a schema, dictionaries taken apart."""
    return rows.select(schema.names).cast(schema)


def ordered_places(rows: pa.Table, order: tuple[str, ...]) -> Numbers:
    """Return the places of rows in order; where a timestamp comes first, what comes after it orders equal ones only."""
    first, *rest = order
    if not pa.types.is_timestamp(rows.schema.field(first).type) or not rest:
        every: Numbers = pc.sort_indices(rows, [(name, "ascending") for name in order]).to_numpy()
        return every
    instants = rows[first].cast(pa.int64()).to_numpy()
    places: Numbers = np.argsort(instants)
    in_order = instants[places]
    is_equal = in_order[1:] == in_order[:-1]
    tied = np.flatnonzero(np.append(is_equal, False) | np.append(False, is_equal))
    if len(tied):
        among = places[tied]
        columns = pa.table({name: rows[name].take(pa.array(among)) for name in order})
        places[tied] = among[pc.sort_indices(columns, [(name, "ascending") for name in order]).to_numpy()]
    return places


def _sorted_at_once(
    pieces: Iterable[pa.Table], schema: pa.Schema, order: tuple[str, ...], chosen: Sequence[Flags] | None
) -> Iterator[pa.Table]:
    columns = [piece.select(schema.names) for piece in pieces]
    if not columns:
        return
    rows = pa.concat_tables(columns).combine_chunks()
    places = ordered_places(rows, order)
    if chosen is not None:
        places = places[np.concatenate(chosen)[places]]
    for start in range(0, len(places), ROW_GROUP_ROWS):
        yield plain(rows.take(places[start : start + ROW_GROUP_ROWS]), schema).combine_chunks()


def _sorted_by_engine(
    pieces: Iterable[pa.Table], schema: pa.Schema, order: tuple[str, ...], room: Room
) -> Iterator[pa.Table]:
    batches = (batch for piece in pieces for batch in plain(piece, schema).to_batches())
    connection = duckdb.connect(config={"memory_limit": f"{room.engine_bytes}B", "temp_directory": str(room.folder)})
    try:
        connection.register("pieces", pa.RecordBatchReader.from_batches(schema, batches))
        columns = ", ".join(f'"{name}"' for name in schema.names)
        keys = ", ".join(f'"{name}"' for name in order)
        answer = connection.sql(f"SELECT {columns} FROM pieces ORDER BY {keys}")  # noqa: S608
        for batch in answer.to_arrow_reader(ROW_GROUP_ROWS // 8):
            yield pa.Table.from_batches([batch]).cast(schema)
    except duckdb.Error as error:
        raise WorkFailedError(
            f"cannot sort rows in {room.folder}: {error}: give it room, or another folder with TMPDIR; "
            "nothing was published"
        ) from error
    finally:
        connection.close()


def _groups(pieces: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Yield rows cut at every row group."""
    waiting: list[pa.Table] = []
    count = 0
    for piece in pieces:
        while count + len(piece) >= ROW_GROUP_ROWS:
            taken = piece.slice(0, ROW_GROUP_ROWS - count)
            yield pa.concat_tables([*waiting, taken]).combine_chunks()
            piece = piece.slice(len(taken))
            waiting, count = [], 0
        if len(piece):
            waiting.append(piece)
            count += len(piece)
    if waiting:
        yield pa.concat_tables(waiting).combine_chunks()
