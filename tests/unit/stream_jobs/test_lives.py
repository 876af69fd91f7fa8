from __future__ import annotations

import os
from pathlib import Path

import pytest

from schemas.errors import ConfigError
from stream_jobs import lives


def checkpoint(folder: Path, name: str, age_s: int) -> Path:
    path = folder / name
    path.mkdir(parents=True)
    (path / "_metadata").touch()
    os.utime(path / "_metadata", (1_800_000_000 - age_s,) * 2)
    return path


def test_the_first_life_begins_without_state(tmp_path: Path) -> None:
    assert lives.begin(tmp_path, "at:7", fresh=False) == lives.Beginning(None, False, "at:7")


def test_a_life_after_a_crash_begins_from_the_newest_complete_checkpoint(tmp_path: Path) -> None:
    lives.begin(tmp_path, "at:7", fresh=False)
    checkpoint(tmp_path, "checkpoints/job/chk-1", 30)
    newest = checkpoint(tmp_path, "checkpoints/job/chk-2", 20)
    (tmp_path / "checkpoints/job/chk-3").mkdir()
    beginning = lives.begin(tmp_path, "at:7", fresh=False)
    assert (beginning.restart_point, beginning.follows_unclean) == (newest, True)


def test_a_life_that_died_before_its_first_checkpoint_may_have_published(tmp_path: Path) -> None:
    lives.begin(tmp_path, "at:7", fresh=False)
    assert lives.begin(tmp_path, "at:7", fresh=False) == lives.Beginning(None, True, "at:7")


def test_a_life_after_a_clean_stop_repeats_nothing(tmp_path: Path) -> None:
    lives.begin(tmp_path, "at:7", fresh=False)
    savepoint = checkpoint(tmp_path, "savepoints/savepoint-1", 10)
    lives.ended_clean(tmp_path, "at:7")
    assert lives.begin(tmp_path, "at:7", fresh=False) == lives.Beginning(savepoint, False, "at:7")
    assert lives.begin(tmp_path, "at:7", fresh=False).follows_unclean


def test_a_life_that_died_before_its_first_checkpoint_is_followed_from_where_it_began(tmp_path: Path) -> None:
    lives.begin(tmp_path, "at:7", fresh=False)
    assert lives.begin(tmp_path, "at:9", fresh=False).start == "at:7"
    assert lives.begin(tmp_path, "at:9", fresh=True).start == "at:9"


def test_a_fresh_start_leaves_state_behind_and_says_what_may_be_a_repeat(tmp_path: Path) -> None:
    lives.begin(tmp_path, "at:7", fresh=False)
    checkpoint(tmp_path, "checkpoints/job/chk-1", 30)
    assert lives.begin(tmp_path, "at:7", fresh=True) == lives.Beginning(None, True, "at:7")


def test_only_the_restart_point_is_kept(tmp_path: Path) -> None:
    lives.begin(tmp_path, "at:7", fresh=False)
    old = checkpoint(tmp_path, "checkpoints/job-1/chk-9", 30)
    kept = checkpoint(tmp_path, "checkpoints/job-2/chk-1", 20)
    assert lives.begin(tmp_path, "at:7", fresh=False).restart_point == kept
    assert (kept.exists(), old.parent.exists()) == (True, False)


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
        lives.begin(tmp_path, "at:7", fresh=False)


def test_two_lives_of_an_emulator_are_told_apart() -> None:
    assert lives.stack_identity("http://a", "t1") != lives.stack_identity("http://a", "t2")
    assert lives.stack_identity("http://a", "t1") != lives.stack_identity("http://b", "t1")


def test_a_given_savepoint_is_copied_here_and_is_the_newest_from_then_on(tmp_path: Path) -> None:
    folder = tmp_path / "stream"
    checkpoint(folder, "checkpoints/job/chk-9", 10**8)
    given = checkpoint(tmp_path, "elsewhere/savepoint-1", 100)
    (given / "data").write_bytes(b"state")
    beginning = lives.begin(folder, "at:7", fresh=False, savepoint=given)
    assert beginning.restart_point == folder / "savepoints/savepoint-1"
    assert (folder / "savepoints/savepoint-1/data").read_bytes() == b"state"
    assert beginning.follows_unclean
    assert lives.newest_restart_point(folder) == beginning.restart_point
    assert given.exists()


def test_the_savepoint_of_a_clean_stop_may_be_given_by_its_path(tmp_path: Path) -> None:
    lives.begin(tmp_path, "at:7", fresh=False)
    savepoint = checkpoint(tmp_path, "savepoints/savepoint-1", 10)
    lives.ended_clean(tmp_path, "at:7")
    assert lives.begin(tmp_path, "at:7", fresh=False, savepoint=savepoint) == lives.Beginning(savepoint, False, "at:7")


def test_what_is_no_savepoint_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no complete savepoint"):
        lives.begin(tmp_path / "stream", "at:7", fresh=False, savepoint=tmp_path)
    moved = checkpoint(tmp_path, "elsewhere/job/chk-3", 0)
    with pytest.raises(ConfigError, match="cannot be moved"):
        lives.begin(tmp_path / "stream", "at:7", fresh=False, savepoint=moved)
