"""Each recording end to end: replayed into the stream, delivered, compacted, and asked for by SQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.recordings import RECORDINGS, Recording

ROOT = Path(__file__).parents[2]


class Machine:
    """The front door, as a user of a folder of their own types it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "clickstream", *arguments],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def query(self, sql: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self.run("query", "--format", "json", sql))
        return rows


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    machine.run("up")
    try:
        yield machine
    finally:
        machine.run("down")


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.mapping)
def test_a_recording_ends_in_the_tables_as_its_rows_say(recording: Recording, machine: Machine) -> None:
    path = recording.path.absolute()
    sent = json.loads(machine.run("replay", str(path), "--mapping", recording.mapping, "--json"))
    machine.run("flush")
    report = json.loads(machine.run("compact", "--all", "--json"))
    types = machine.query("SELECT event_type, count(*) AS n FROM fact_clicks GROUP BY event_type")
    quarantined = machine.query("SELECT reason, count(*) AS n FROM quarantine GROUP BY reason")
    [conflicts] = machine.query("SELECT count(*) AS n FROM conflicts")
    assert sent["sent"] == report["lines"] == recording.rows
    assert {row["event_type"]: row["n"] for row in types} == recording.types(path)
    assert {row["reason"]: row["n"] for row in quarantined} == recording.rejected
    assert conflicts["n"] == recording.conflicts
    assert sum(hour["duplicates"] for hour in report["hours"]) == recording.duplicates
    assert json.loads(machine.run("compact", "--all", "--json"))["committed"] == []
