"""Copies of the data files: each once and whole, and none that no view names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest

from analytics.modelling.mirror import Mirror, refresh
from analytics.modelling.views import source_tables
from analytics.published import PublishedFile, PublishedTable
from schemas.errors import WorkFailedError
from schemas.tables import HOURS

Refresh = Callable[..., Mirror]


@pytest.fixture
def refreshed(tmp_path: Path) -> Refresh:
    """A function that refreshes the copies of `hours`, which is of the given files."""

    def refreshed(*files: PublishedFile, on_copied: Callable[[int, int], None] = lambda *_: None) -> Mirror:
        local = pafs.LocalFileSystem()
        tables = {
            table.name: PublishedTable(table, 1, files if table is HOURS else (), local) for table in source_tables()
        }
        return refresh(tables, tmp_path / "mirror", tmp_path / "models.duckdb", "clickstream", on_copied)

    return refreshed


def published(tmp_path: Path, name: str, day: int = 24) -> PublishedFile:
    path = tmp_path / "bucket" / "year=2026" / "month=11" / f"day={day}" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(HOURS.schema.empty_table(), path)
    return PublishedFile(str(path), (2026, 11, day), 0, path.stat().st_size)


def copies(tmp_path: Path) -> list[Path]:
    return sorted(path for path in (tmp_path / "mirror").rglob("*") if path.is_file())


def test_files_are_copied_once_and_removed_with_their_last_name(tmp_path: Path, refreshed: Refresh) -> None:
    one, two = published(tmp_path, "one"), published(tmp_path, "two", day=25)
    assert refreshed(one, two).copied == 2
    (tmp_path / "mirror" / "cut-off.partial").touch()
    done = refreshed(two)
    assert (done.files, done.copied, done.removed) == (1, 0, 1)
    assert [path.name for path in copies(tmp_path)] == ["two"]


def test_a_copy_that_is_damaged_is_made_again(tmp_path: Path, refreshed: Refresh) -> None:
    one = published(tmp_path, "one")
    refreshed(one)
    copies(tmp_path)[0].write_bytes(b"PAR1")
    assert refreshed(one).copied == 1
    copy = copies(tmp_path)[0]
    copy.write_bytes(bytes(copy.stat().st_size))
    with pytest.raises(WorkFailedError, match="cannot be read"):
        refreshed(one)


def test_two_do_not_copy_at_once(tmp_path: Path, refreshed: Refresh) -> None:
    """Each would remove what the other has begun."""

    def another(*_: int) -> None:
        with pytest.raises(duckdb.Error, match=r"attached|lock|configuration"):
            duckdb.connect(str(tmp_path / "models.duckdb"), read_only=True).execute("SELECT 1")

    assert refreshed(published(tmp_path, "one"), on_copied=another).copied == 1


def test_a_file_that_is_gone_or_shorter_leaves_nothing(tmp_path: Path, refreshed: Refresh) -> None:
    gone, cut = published(tmp_path, "gone"), published(tmp_path, "cut", day=25)
    Path(gone.path).unlink()
    Path(cut.path).write_bytes(b"PAR1")
    for file in (gone, cut):
        with pytest.raises(WorkFailedError, match="run the models once more"):
            refreshed(file)
    assert copies(tmp_path) == []
