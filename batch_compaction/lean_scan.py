"""Scanning rows with little memory and little CPU, whatever they lie in.

Pure. DuckDB reads local Parquet files itself, which costs less than Arrow's reader; everything else comes by a scanner
that reads no further ahead than it must.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import duckdb
import pyarrow.dataset as ds
from pyarrow import fs

# How Arrow scans with little memory: reading ahead on all threads holds hundreds of MB.
LEAN: dict[str, Any] = {"use_threads": False, "batch_readahead": 1, "fragment_readahead": 1}


@contextmanager
def connection(**tables: Any) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection of its own that knows the tables, which are datasets, scanners or Arrow tables."""
    opened = _database().cursor()
    try:
        for name, rows in tables.items():
            if _is_local_parquet(rows):
                files = ", ".join("'" + path.replace("'", "''") + "'" for path in rows.files)
                opened.execute(f"CREATE TEMP VIEW {name} AS SELECT * FROM read_parquet([{files}])")  # noqa: S608
            else:
                opened.register(name, rows)
        yield opened
    finally:
        opened.close()


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """Return an empty database; to make one takes longer than to judge a small hour."""
    # Files are read once: DuckDB would keep what it read of them, up to most of the memory of the machine.
    options = {"threads": 1, "preserve_insertion_order": False, "enable_external_file_cache": False}
    return duckdb.connect(config=options)


def lean(rows: ds.Scanner | ds.Dataset, columns: Sequence[str]) -> ds.Scanner | ds.Dataset:
    """Return what to hand to `connection` where a query reads these columns of all rows, once."""
    # A scanner that DuckDB makes itself reads ahead, and costs twice as much.
    is_scanned = isinstance(rows, ds.Dataset) and not _is_local_parquet(rows)
    return rows.scanner(columns=list(columns), **LEAN) if is_scanned else rows


def _is_local_parquet(rows: Any) -> bool:
    return (
        isinstance(rows, ds.FileSystemDataset)
        and isinstance(rows.format, ds.ParquetFileFormat)
        and isinstance(rows.filesystem, fs.LocalFileSystem)
        and bool(rows.files)
    )
