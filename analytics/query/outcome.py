"""What an engine gives: rows, and what they took."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answered query.

    Attributes:
        rows: the answer.
        scanned_bytes: that the engine read, as it counts them; of DuckDB, the sizes of the files.
        billed_bytes: that Athena bills; None of other engines.
        query_id: the engine's name for the query; empty where it gives none.
    """

    rows: pa.Table
    scanned_bytes: int | None
    billed_bytes: int | None = None
    query_id: str = ""
