from __future__ import annotations

import json
import os
from pathlib import Path

from infra.local.job import alerts_health

NOW_US = 1_000_000_000


def put_on_record(state_dir: Path, text: str) -> None:
    (state_dir / "alerts").mkdir(parents=True)
    (state_dir / "alerts" / "status.json").write_text(text)


def test_where_no_job_ever_ran_none_runs(tmp_path: Path) -> None:
    assert alerts_health(tmp_path, NOW_US) == "not running"


def test_a_job_is_known_by_its_record_and_its_process(tmp_path: Path) -> None:
    record = {"state": "running", "pid": os.getpid(), "updated_us": NOW_US, "counters": {"events": 3}, "unknown": []}
    put_on_record(tmp_path, json.dumps(record))
    assert (
        alerts_health(tmp_path, NOW_US) == "running, 3 events, 0 alerts, 0 dead letters, 0 restarts, last heard 0 s ago"
    )


def test_a_job_whose_process_is_gone_is_stale(tmp_path: Path) -> None:
    put_on_record(tmp_path, json.dumps({"state": "running", "pid": 2**22 + 1, "updated_us": NOW_US}))
    assert "its process is gone" in alerts_health(tmp_path, NOW_US)


def test_a_record_that_cannot_be_read_is_told_and_is_no_error(tmp_path: Path) -> None:
    put_on_record(tmp_path, "{")
    assert "cannot be read" in alerts_health(tmp_path, NOW_US)
