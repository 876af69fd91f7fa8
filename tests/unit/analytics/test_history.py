"""What was asked is kept, within bounds."""

from pathlib import Path

from analytics.query.history import KEPT, Asked, History


def asked(number: int) -> Asked:
    return Asked(at="2026-11-24T12:00:00+00:00", engine="duckdb", sql=f"SELECT {number}", seconds=0.1, rows=1)


def test_the_latest_come_first_and_the_oldest_go(tmp_path: Path) -> None:
    history = History(tmp_path / "new")
    assert history.latest(3) == []
    for number in range(KEPT + 10):
        history.add(asked(number))
    assert [one.sql for one in history.latest(2)] == [f"SELECT {KEPT + 9}", f"SELECT {KEPT + 8}"]
    assert len(history.latest(KEPT)) == KEPT // 2 + 10


def test_a_line_that_a_killed_process_left_half_is_passed_over(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.add(asked(1))
    with (tmp_path / "queries.jsonl").open("ab") as out:
        out.write(b'{"at":"2026\n')
    history.add(asked(2))
    assert [one.sql for one in history.latest(9)] == ["SELECT 2", "SELECT 1"]
