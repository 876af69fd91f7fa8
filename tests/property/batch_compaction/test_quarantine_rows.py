"""An arrival hour of the quarantine is what its objects say, however its rows were cut, kept and written before."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_compaction import quarantine_rows
from batch_compaction.parse import QUARANTINED_SCHEMA
from batch_compaction.quarantine_rows import row_groups, rows_after
from schemas.tables import HOUR_PARTITION, QUARANTINE

KEYS = ("clickstream/a", "clickstream/b", "clickstream/é", "clickstream/\ue000", "clickstream/😀")
Lines = dict[tuple[str, int], bytes]

lines = st.dictionaries(
    st.tuples(st.sampled_from(KEYS), st.integers(1, 9)), st.sampled_from([b"", b"{broken", b"\xff" * 40]), max_size=30
)


def row(key: str, line: int, content: bytes, **more: str) -> dict[str, Any]:
    hour = dict(zip(HOUR_PARTITION, (2026, 11, 24, 10), strict=True))
    said = {"byte_offset": 0, "reason": "not_json", "detail": "", "raw_bytes": content}
    return {"source_object": key, "source_line": line, **said, **more, **hour}


def cut(rows: pa.Table, random: Random) -> Iterator[pa.Table]:
    start = 0
    while start < len(rows):
        count = random.randint(1, 5)
        yield rows.slice(start, count).combine_chunks()
        start += count


@given(lines, lines, st.sets(st.sampled_from(KEYS)), st.booleans(), st.randoms(use_true_random=False))
def test_rows_of_objects_that_were_read_are_replaced_in_order(
    held: Lines, read: Lines, keys: set[str], is_shuffled: bool, random: Random
) -> None:
    """What is held comes from memory, or from files of whatever row groups; of another writer, in any order."""
    came = {at: content for at, content in sorted(read.items()) if at[0] in keys}
    kept = {at: content for at, content in held.items() if at[0] not in keys}
    expected = [row(*at, content, first_seen_run="old") for at, content in kept.items()]
    for at, content in came.items():
        expected.append(row(*at, content, first_seen_run="old" if held.get(at) == content else "new"))
    expected.sort(key=lambda one: (one["source_object"], one["source_line"]))

    before = [row(*at, content, first_seen_run="old") for at, content in sorted(held.items())]
    if is_shuffled:
        random.shuffle(before)
    table = pa.Table.from_pylist(before, QUARANTINE.schema)
    pieces = pa.Table.from_pylist([row(*at, content) for at, content in came.items()], QUARANTINED_SCHEMA)
    with tempfile.TemporaryDirectory() as folder:
        for dataset in (ds.dataset(table), in_files(table, Path(folder), random)):
            found = rows_after(dataset, sorted(keys), cut(pieces, random), "new")
            assert pa.Table.from_batches(found, QUARANTINE.schema).to_pylist() == expected


def in_files(rows: pa.Table, folder: Path, random: Random) -> ds.Dataset:
    middle = random.randint(0, len(rows))
    for number, part in enumerate((rows[:middle], rows[middle:])):
        pq.write_table(part, folder / f"{number}.parquet", row_group_size=random.randint(1, 9))
    paths = [str(folder / f"{number}.parquet") for number in range(2)]
    return ds.dataset(paths, schema=QUARANTINE.schema, format="parquet")


@given(st.lists(st.integers(0, 40), max_size=60), st.randoms(use_true_random=False))
def test_row_groups_end_by_rows_or_by_bytes_and_not_where_pieces_do(sizes: list[int], random: Random) -> None:
    rows = [row("clickstream/a", line, b"x" * size, first_seen_run="r") for line, size in enumerate(sizes, 1)]
    table = pa.Table.from_pylist(rows, QUARANTINE.schema)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(quarantine_rows, "ROW_GROUP_ROWS", 7)
        patched.setattr(quarantine_rows, "GROUP_BYTES", 64)
        groups = [group["raw_bytes"].to_pylist() for group in row_groups(batches_of(cut(table, random)))]
    assert [line for group in groups for line in group] == [b"x" * size for size in sizes]
    for number, group in enumerate(groups):
        before = sum(map(len, group[:-1]))
        assert 0 < len(group) <= 7 and before < 64, "it ended too late"
        is_full = len(group) == 7 or before + len(group[-1]) >= 64
        assert is_full or number == len(groups) - 1, "it ended too early"


def batches_of(pieces: Iterable[pa.Table]) -> Iterator[pa.RecordBatch]:
    return (batch for piece in pieces for batch in piece.to_batches())
