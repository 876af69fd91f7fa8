"""Which run saw a quarantined line first: what the table says of the same line, else the run that is under way.

Pure. A line is the same where its object, its physical line and its bytes are. Of each line that the table holds, a
digest and the run stay in memory, however long the line is.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import pyarrow as pa
import pyarrow.compute as pc

FIRST_SEEN = "first_seen_run"
IDENTITY = ["source_object", "source_line", "raw_bytes"]
_DIGEST_BYTES = 16
_DIGEST = pa.binary(_DIGEST_BYTES)
_RUN = pa.dictionary(pa.int32(), pa.string())
_LINES_AT_A_TIME = 256


class FirstSeen:
    """The runs that saw lines first.

    Args:
        held: rows that the table holds, of the columns of the identity and `first_seen_run`.
        run_id: the run under way.
    """

    def __init__(self, held: Iterable[pa.RecordBatch], run_id: str) -> None:
        known = [(_digests(batch), batch[FIRST_SEEN].dictionary_encode()) for batch in held]
        self._lines = pa.chunked_array([lines for lines, _ in known], _DIGEST).combine_chunks()
        self._runs = pa.chunked_array([runs for _, runs in known], _RUN).combine_chunks()
        self._run_id = run_id

    def told_of(self, rows: pa.Table, schema: pa.Schema) -> pa.Table:
        """Return rows with the run that saw each of them first, under a schema that has a column for it."""
        lines = pa.chunked_array(map(_digests, rows.to_batches(_LINES_AT_A_TIME)), _DIGEST)
        runs = self._runs.take(pc.index_in(lines, value_set=self._lines)).cast(pa.string())
        return rows.append_column(FIRST_SEEN, pc.fill_null(runs, self._run_id)).select(schema.names).cast(schema)


def _digests(rows: pa.RecordBatch) -> pa.Array:
    """Return a digest for each row, equal where it is the same line; nobody can make those of others collide."""
    lines = zip(*(rows[name].to_pylist() for name in IDENTITY), strict=True)
    return pa.array([_digest(key.encode(), line, content) for key, line, content in lines], _DIGEST)


def _digest(key: bytes, line: int, content: bytes) -> bytes:
    # Behind its length, a key ends where it ends, whatever follows it.
    digest = blake2b(b"%d:%b%d:" % (len(key), key, line), digest_size=_DIGEST_BYTES)
    digest.update(content)
    return digest.digest()
