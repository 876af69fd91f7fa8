"""Which run saw a quarantined line first."""

from __future__ import annotations

import pyarrow as pa
import pytest

from batch_compaction.first_seen import FIRST_SEEN, IDENTITY, FirstSeen
from schemas.tables import QUARANTINE

SCHEMA = pa.schema(map(QUARANTINE.schema.field, [*IDENTITY, FIRST_SEEN]))
HELD = [("a", 1, b"x", "run-1"), ("a", 2, b"y", "run-2"), ("b", 1, b"x", "run-1")]


def rows(*lines: tuple[object, ...]) -> pa.RecordBatch:
    names = SCHEMA.names[: len(lines[0])]
    columns = [
        pa.array(values, SCHEMA.field(name).type) for name, values in zip(names, zip(*lines, strict=True), strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(map(SCHEMA.field, names)))


@pytest.mark.parametrize("batch_rows", [1, 2, 3])
def test_a_line_that_is_held_keeps_its_run_and_any_other_gets_this_one(batch_rows: int) -> None:
    held = rows(*HELD)
    first_seen = FirstSeen([held.slice(at, batch_rows) for at in range(0, 3, batch_rows)], "run-3")
    came = rows(("b", 1, b"x"), ("a", 2, b"other"), ("a", 2, b"y"), ("a", 3, b"y"), ("c", 1, b"x"))
    told = first_seen.told_of(came, SCHEMA)
    assert told.schema == SCHEMA
    assert told.select(IDENTITY).equals(came)
    assert told[FIRST_SEEN].to_pylist() == ["run-1", "run-3", "run-2", "run-3", "run-3"]


def test_where_nothing_is_held_every_line_is_of_this_run() -> None:
    many = rows(*(("a", line, b"x" * line) for line in range(1, 1000)))
    assert set(FirstSeen([], "run-1").told_of(many, SCHEMA)[FIRST_SEEN].to_pylist()) == {"run-1"}
    assert len(FirstSeen([rows(*HELD)], "run-1").told_of(many[:0], SCHEMA)) == 0


def test_a_key_and_a_line_that_read_as_others_where_they_meet_are_not_taken_for_them() -> None:
    held = rows(("a1", 2, b"x", "run-1"), ("a", 12, b":x", "run-1"))
    came = rows(("a", 12, b"x"), ("a1", 2, b":x"))
    assert set(FirstSeen([held], "run-2").told_of(came, SCHEMA)[FIRST_SEEN].to_pylist()) == {"run-2"}
