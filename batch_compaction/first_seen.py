"""Which run saw a quarantined line first: what the table says of the same line, else the run that is under way.

Pure. A line is the same where its object, its physical line and its bytes are. Of each line that the table holds, a
digest and the run stay in memory, some twenty bytes, however long the line is.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

FIRST_SEEN = "first_seen_run"
IDENTITY = ["source_object", "source_line", "raw_bytes"]
_RUN = pa.dictionary(pa.int32(), pa.string())
_DIGEST_BYTES = 16
_DIGEST = np.dtype(f"S{_DIGEST_BYTES}")


class FirstSeen:
    """The runs that saw lines first.

    Args:
        held: rows that the table holds, of the columns of the identity and `first_seen_run`.
        run_id: the run under way.
    """

    def __init__(self, held: Iterable[pa.RecordBatch], run_id: str) -> None:
        known = [(_digests(batch), batch[FIRST_SEEN].dictionary_encode()) for batch in held]
        lines = np.concatenate([np.empty(0, _DIGEST), *(lines for lines, _ in known)])
        order = np.argsort(lines)
        self._lines = lines[order]
        self._runs = pa.chunked_array([runs for _, runs in known], _RUN).combine_chunks().take(order)
        self._run_id = run_id

    def told_of(self, rows: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
        """Return rows with the run that saw each of them first, under a schema that has a column for it."""
        runs = pc.fill_null(self._held(rows), self._run_id)
        columns = [runs if name == FIRST_SEEN else rows[name] for name in schema.names]
        return pa.RecordBatch.from_arrays(columns, schema=schema)

    def _held(self, rows: pa.RecordBatch) -> pa.Array:
        """Return the run that the table has for each row, null where it does not hold the line."""
        if not len(self._lines):
            return pa.nulls(len(rows), pa.string())
        lines = _digests(rows)
        places = np.minimum(np.searchsorted(self._lines, lines), len(self._lines) - 1)
        return self._runs.take(pa.array(places, mask=self._lines[places] != lines)).cast(pa.string())


def _digests(rows: pa.RecordBatch) -> NDArray[Any]:
    """Return a digest for each row, equal where it is the same line; nobody can make those of others collide."""
    lines = zip(*(rows[name] for name in IDENTITY), strict=True)
    return np.frombuffer(b"".join(_digest(*line) for line in lines), _DIGEST)


def _digest(key: pa.StringScalar, line: pa.Int64Scalar, content: pa.BinaryScalar) -> bytes:
    name = key.as_buffer()
    # Behind its length, a key ends where it ends, whatever follows it.
    digest = blake2b(b"%d:" % name.size, digest_size=_DIGEST_BYTES)
    for part in (name, b"%d:" % line.as_py(), content.as_buffer()):
        digest.update(part)
    return digest.digest()
