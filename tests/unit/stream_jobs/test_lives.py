from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import ConfigError, WorkFailedError
from stream_jobs import lives
from stream_jobs.lives import Beginning


def checkpoint(folder: Path, name: str) -> Path:
    path = folder / name
    path.mkdir(parents=True)
    (path / "_metadata").touch()
    return path


def begin(folder: Path, start: str, *, fresh: bool = False, savepoint: Path | None = None) -> Beginning:
    beginning = lives.choose(folder, start, fresh=fresh, savepoint=savepoint)
    lives.begin(folder, beginning)
    return beginning


def test_the_first_life_begins_without_state(tmp_path: Path) -> None:
    assert begin(tmp_path, "at:7") == Beginning(None, False, "at:7")


def test_a_life_after_a_crash_begins_from_the_newest_complete_checkpoint(tmp_path: Path) -> None:
    begin(tmp_path, "at:7")
    checkpoint(tmp_path, "checkpoints/job/chk-1")
    newest = checkpoint(tmp_path, "checkpoints/job/chk-2")
    (tmp_path / "checkpoints/job/chk-3").mkdir()
    beginning = begin(tmp_path, "at:7")
    assert (beginning.restart_point, beginning.follows_unclean) == (newest, True)


def test_a_life_that_died_before_its_first_checkpoint_may_have_published(tmp_path: Path) -> None:
    begin(tmp_path, "at:7")
    assert begin(tmp_path, "at:7") == Beginning(None, True, "at:7")


def test_a_life_after_a_clean_stop_repeats_nothing(tmp_path: Path) -> None:
    begin(tmp_path, "at:7")
    savepoint = checkpoint(tmp_path, "savepoints/savepoint-1")
    lives.ended_clean(tmp_path, "at:7", savepoint)
    assert begin(tmp_path, "at:7") == Beginning(savepoint, False, "at:7")
    assert begin(tmp_path, "at:7").follows_unclean


def test_a_life_that_died_before_its_first_checkpoint_is_followed_from_where_it_began(tmp_path: Path) -> None:
    begin(tmp_path, "at:7")
    assert begin(tmp_path, "at:9").start == "at:7"
    assert begin(tmp_path, "at:9", fresh=True).start == "at:9"


def test_a_fresh_start_leaves_state_behind_and_says_what_may_be_a_repeat(tmp_path: Path) -> None:
    begin(tmp_path, "at:7")
    checkpoint(tmp_path, "checkpoints/job/chk-1")
    assert begin(tmp_path, "at:7", fresh=True) == Beginning(None, True, "at:7")


def test_only_the_restart_point_is_kept(tmp_path: Path) -> None:
    begin(tmp_path, "at:7")
    sibling, old = checkpoint(tmp_path, "checkpoints/job-1/chk-8"), checkpoint(tmp_path, "checkpoints/job-1/chk-9")
    assert begin(tmp_path, "at:7").restart_point == old
    assert not sibling.exists()
    kept = checkpoint(tmp_path, "checkpoints/job-2/chk-10")
    assert begin(tmp_path, "at:7").restart_point == kept
    assert (kept.exists(), old.parent.exists()) == (True, False)


def test_which_restart_point_is_the_newest_is_asked_of_no_clock(tmp_path: Path) -> None:
    begin(tmp_path, "at:7")
    savepoint = checkpoint(tmp_path, "savepoints/savepoint-1")
    lives.ended_clean(tmp_path, "at:7", savepoint)
    assert begin(tmp_path, "at:7").restart_point == savepoint
    ninth, tenth = checkpoint(tmp_path, "checkpoints/job/chk-9"), checkpoint(tmp_path, "checkpoints/job/chk-10")
    for place, path in enumerate((tenth, ninth, savepoint)):
        os.utime(path / "_metadata", (place, place))
    assert begin(tmp_path, "at:7") == Beginning(tenth, True, "at:7")


def test_a_choice_changes_nothing(tmp_path: Path) -> None:
    begin(tmp_path, "at:7")
    savepoint = checkpoint(tmp_path, "savepoints/savepoint-1")
    lives.ended_clean(tmp_path, "at:7", savepoint)
    elsewhere = checkpoint(tmp_path, "elsewhere/savepoint-2")
    lives.choose(tmp_path, "at:9", fresh=True)
    lives.choose(tmp_path, "at:9", fresh=False, savepoint=elsewhere)
    assert begin(tmp_path, "at:9") == Beginning(savepoint, False, "at:7")


def test_a_savepoint_that_is_not_where_it_should_be_is_told_and_nothing_is_deleted(tmp_path: Path) -> None:
    begin(tmp_path, "at:7")
    kept = checkpoint(tmp_path, "checkpoints/job/chk-9")
    checkpoint(tmp_path, "savepoints/savepoint-1")
    with pytest.raises(WorkFailedError, match="is not in"):
        lives.ended_clean(tmp_path, "at:7", tmp_path / "x" / ".." / "savepoints" / "savepoint-1")
    assert kept.exists()


def test_a_second_job_on_the_same_state_is_refused(tmp_path: Path) -> None:
    with (
        lives.only_one(tmp_path),
        pytest.raises(ConfigError, match="another alert job already runs"),
        lives.only_one(tmp_path),
    ):
        pass


def test_a_damaged_record_is_told_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "life.json").write_text("{")
    with pytest.raises(ConfigError, match="delete"):
        begin(tmp_path, "at:7")


def test_two_lives_of_an_emulator_are_told_apart() -> None:
    assert lives.stream_identity("arn:a", 1) != lives.stream_identity("arn:a", 2)
    assert lives.stream_identity("arn:a", 1) != lives.stream_identity("arn:b", 1)


def test_a_given_savepoint_is_copied_here_and_is_the_newest_from_then_on(tmp_path: Path) -> None:
    folder = tmp_path / "stream"
    checkpoint(folder, "checkpoints/job/chk-9")
    given = checkpoint(tmp_path, "elsewhere/savepoint-1")
    (given / "data").write_bytes(b"state")
    beginning = begin(folder, "at:7", savepoint=given)
    assert beginning.restart_point == folder / "savepoints/savepoint-1"
    assert (folder / "savepoints/savepoint-1/data").read_bytes() == b"state"
    assert beginning.follows_unclean
    assert begin(folder, "at:7").restart_point == beginning.restart_point
    assert given.exists()


def test_the_savepoint_of_a_clean_stop_may_be_given_by_its_path(tmp_path: Path) -> None:
    begin(tmp_path, "at:7")
    savepoint = checkpoint(tmp_path, "savepoints/savepoint-1")
    lives.ended_clean(tmp_path, "at:7", savepoint)
    assert begin(tmp_path, "at:7", savepoint=savepoint) == Beginning(savepoint, False, "at:7")


def test_a_checkpoint_that_flink_deletes_at_the_same_time_does_not_spoil_a_clean_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(tmp_path, "at:7")
    old = checkpoint(tmp_path, "checkpoints/job/chk-3")
    savepoint = checkpoint(tmp_path, "savepoints/savepoint-1")
    scan = os.scandir

    def after_flink(path: Any) -> object:
        found = list(scan(path))
        if isinstance(path, int) and [entry.name for entry in found] == [old.name]:
            (old / "_metadata").unlink()
            old.rmdir()
        return nullcontext(found)

    monkeypatch.setattr(os, "scandir", after_flink)
    lives.ended_clean(tmp_path, "at:7", savepoint)
    monkeypatch.undo()
    assert not (tmp_path / "checkpoints/job").exists()
    assert begin(tmp_path, "at:7") == Beginning(savepoint, False, "at:7")


def test_what_is_no_savepoint_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no complete savepoint"):
        begin(tmp_path / "stream", "at:7", savepoint=tmp_path)
    moved = checkpoint(tmp_path, "elsewhere/job/chk-3")
    with pytest.raises(ConfigError, match="cannot be moved"):
        begin(tmp_path / "stream", "at:7", savepoint=moved)
