"""Each recording end to end: replayed into the stream, delivered, compacted, and asked for by SQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.front_door import FrontDoor
from tests.recordings import RECORDINGS, Recording


@pytest.fixture
def door(tmp_path: Path) -> Iterator[FrontDoor]:
    door = FrontDoor(tmp_path / "state", is_quiet=True)
    door.run("up")
    try:
        yield door
    finally:
        door.run("down")


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.mapping)
def test_a_recording_ends_in_the_tables_as_its_rows_say(recording: Recording, door: FrontDoor) -> None:
    sent = door.run_json("replay", str(recording.path), "--mapping", recording.mapping)
    door.run("flush")
    report = door.run_json("compact", "--all")
    types = door.query("SELECT event_type, count(*) AS n FROM fact_clicks GROUP BY event_type")
    quarantined = door.query("SELECT reason, count(*) AS n FROM quarantine GROUP BY reason")
    [conflicts] = door.query("SELECT count(*) AS n FROM conflicts")
    assert sent["sent"] == report["lines"] == recording.rows
    assert {row["event_type"]: row["n"] for row in types} == recording.types(recording.path)
    assert {row["reason"]: row["n"] for row in quarantined} == recording.rejected
    assert conflicts["n"] == recording.conflicts
    assert sum(hour["duplicates"] for hour in report["hours"]) == recording.duplicates
    assert door.run_json("compact", "--all")["committed"] == []
