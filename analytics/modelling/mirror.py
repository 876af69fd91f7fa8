"""A copy of the data files that the models read, beside their database.

Data files never change and are named by their content, so a copy is made once, and whole or not at all. DuckDB reads
the copies: models then stay readable when the deployment is out of reach, and a query of theirs costs no request.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import pyarrow.fs as pafs

from analytics.modelling.views import FIRST_SOURCE, SOURCES, source_tables, view_statement
from analytics.published import Published, PublishedFile, PublishedTable, open_published
from schemas.errors import WorkFailedError
from schemas.settings import Settings

_COPIES_AT_ONCE = 8
_COPIED_BYTES = 1 << 20
_PARTIAL = ".partial"


@dataclass(frozen=True, slots=True)
class Mirror:
    """What a refresh of the copies did.

    Attributes:
        files: how many there are.
        copied: how many of them are new.
        copied_bytes: what these hold.
        removed: how many went that no table names any more.
    """

    files: int
    copied: int
    copied_bytes: int
    removed: int


def open_sources(settings: Settings, environment: Mapping[str, str]) -> dict[str, PublishedTable]:
    """Return the tables that the models read; the facts are at least as new as what `hours` says of them."""
    first = open_published(settings, environment, names=(FIRST_SOURCE,))
    others: Published = open_published(settings, environment, names=[name for name in SOURCES if name != FIRST_SOURCE])
    return {**first.tables, **others.tables}


def refresh(
    tables: Mapping[str, PublishedTable],
    folder: Path,
    database: Path,
    schema: str,
    on_copied: Callable[[int, int], None],
) -> Mirror:
    """Copy what is missing, point the views at it, and remove what no table names any more.

    Nobody else has the database meanwhile, so no other refresh copies or removes files.

    Args:
        tables: what to copy, by name.
        folder: where the copies lie.
        database: the DuckDB file of the models, made where it is not there.
        schema: where the views belong.
        on_copied: is told how many files are copied, and of how many.

    Raises:
        WorkFailedError: a file is not there any more or was cut, or another process writes the database.
    """
    places = {name: [(file, _place(folder, name, file)) for file in table.files] for name, table in tables.items()}
    connection = connect(database)
    try:
        missing = [
            (tables[name].filesystem, file, path)
            for name, files in places.items()
            for file, path in files
            if not _is_whole(path, file)
        ]
        with ThreadPoolExecutor(_COPIES_AT_ONCE) as copies:
            for count, _ in enumerate(copies.map(lambda item: _copy(*item), missing), start=1):
                on_copied(count, len(missing))
        _make_views(connection, {name: [path for _, path in files] for name, files in places.items()}, schema)
        kept = {path for files in places.values() for _, path in files}
        removed = _remove_others(folder, kept)
    finally:
        connection.close()
    return Mirror(
        files=len(kept),
        copied=len(missing),
        copied_bytes=sum(file.size_bytes for _, file, _ in missing),
        removed=removed,
    )


def connect(database: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection to the models' database.

    Raises:
        WorkFailedError: another process has it open, or it is no database.
    """
    database.parent.mkdir(parents=True, exist_ok=True)
    try:
        return duckdb.connect(str(database))
    except duckdb.Error as error:
        raise WorkFailedError(f"the models' database cannot be opened: {error}") from error


def _place(folder: Path, name: str, file: PublishedFile) -> Path:
    """Return where a file's copy lies: under its table, as deep as its partition folders."""
    key = urlsplit(file.path).path
    return folder / name / Path(*[part for part in Path(key).parts if "=" in part], Path(key).name)


def _copy(filesystem: pafs.FileSystem, file: PublishedFile, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}{_PARTIAL}")
    try:
        with filesystem.open_input_stream(file.path.removeprefix("s3://")) as source, partial.open("wb") as target:
            shutil.copyfileobj(source, target, _COPIED_BYTES)
            target.flush()
            os.fsync(target.fileno())
        if partial.stat().st_size != file.size_bytes:
            raise WorkFailedError(f"{file.path} ended before its end: run the models once more")
        partial.replace(path)
    except FileNotFoundError as error:
        raise WorkFailedError(f"{file.path} is gone since the tables were opened: run the models once more") from error
    finally:
        partial.unlink(missing_ok=True)


def _is_whole(path: Path, file: PublishedFile) -> bool:
    return path.is_file() and path.stat().st_size == file.size_bytes


def _make_views(connection: duckdb.DuckDBPyConnection, files: Mapping[str, list[Path]], schema: str) -> None:
    try:
        connection.execute("BEGIN")
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        for table in source_tables():
            connection.execute(view_statement(table, schema, files[table.name]))
        connection.execute("COMMIT")
    except duckdb.Error as error:
        raise WorkFailedError(f"the copies of the tables cannot be read: {error}") from error


def _remove_others(folder: Path, kept: set[Path]) -> int:
    removed = 0
    for path in _files_in(folder):
        if path not in kept:
            path.unlink()
            removed += not path.name.endswith(_PARTIAL)
    return removed


def _files_in(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
