"""Each recording end to end: replayed into the stream, delivered, compacted, and asked for by SQL."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics.enrichment.agents import AgentParser
from infra.local.front_door import FrontDoor
from tests.recordings import APACHE, RECORDINGS, Recording

DOCUMENT = Path(__file__).parents[2] / "docs" / "enrichment.md"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[FrontDoor]:
    door = FrontDoor(tmp_path / "state", is_quiet=True)
    door.run("up")
    try:
        yield door
    finally:
        door.run("down")


def check_agents(door: FrontDoor) -> None:
    """Assert that every user agent has a row, and that the document's question tells visitors from programs."""
    report = door.run_json("enrich")
    with gzip.open(APACHE.path, "rt", encoding="utf-8") as file:
        lines = {line for line in file if line.endswith('"\n')}
    agents = [line.rsplit('"', 2)[1] for line in lines]
    assert report["texts"] == report["new_texts"] == len(set(agents))
    assert report["left_out_facts"] == 0
    [question] = re.findall(r"```sql\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    day = question.replace("f.year = 2026 AND f.month = 11 AND f.day = 24 AND ", "")
    assert day != question
    parser = AgentParser("test")
    answers = Counter(agent.device.value for agent in map(parser.parse, agents) if not agent.is_bot)
    assert {row["device"]: row["clicks"] for row in door.query(day)} == answers


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
    if recording is APACHE:
        check_agents(door)
