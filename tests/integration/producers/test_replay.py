"""Published facts and the raw objects behind them, replayed: all events are there again, with their ids and times."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.local.front_door import FrontDoor
from schemas.codec import decode
from schemas.event import ClickEvent
from schemas.instants import HOUR_US, hour_floor_us
from schemas.lake import format_hour

FAULTS = ("duplicate", "conflict", "corrupt", "late", "missing_optional", "missing_required")
LATER_US = 4_000_000_000_000_000


@dataclass(frozen=True)
class Replayed:
    """A stack whose lake holds one replay.

    Attributes:
        recording: what was replayed.
        key: the answer key.
    """

    door: FrontDoor
    recording: Path
    key: Path


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replayed]:
    folder = tmp_path_factory.mktemp("lake")
    door, recording, key = FrontDoor(folder / "state", is_quiet=True), folder / "events.ndjson", folder / "key"
    plan = folder / "plan.toml"
    plan.write_text("".join(f"[{fault}]\nshare = 0.02\n" for fault in FAULTS))
    door.run("up")
    try:
        door.run_json("simulate", "--events", "3000", "--hours", "3", "--faults", str(plan), "--out", str(recording))
        door.run_json("replay", str(recording), "--answer-key", str(key))
        door.run("flush")
        door.run_json("compact", "--all")
        yield Replayed(door, recording, key)
    finally:
        door.run("down")


@pytest.fixture
def door(lake: Replayed) -> FrontDoor:
    return lake.door


def test_the_key_of_a_replay_says_what_came_out(lake: Replayed) -> None:
    verdict = lake.door.run_json("verify", str(lake.key))
    total = json.loads(gzip.decompress(lake.key.read_bytes()).splitlines()[-1])
    assert total["lines"] == len(lake.recording.read_bytes().splitlines())
    assert total["duplicates"] > 30 and total["conflicts"] > 30 and sum(total["refused"].values()) > 30
    classes = {judged["name"]: judged for judged in verdict["classes"]}
    assert not any(judged.get("differences") for judged in classes.values())
    assert classes["facts"]["expected"] == classes["facts"]["got"] == total["facts"] > 2500
    assert classes["quarantine"]["expected"] == classes["quarantine"]["got"] == sum(total["refused"].values())


def sent(door: FrontDoor, path: Path, *arguments: str) -> list[bytes]:
    door.run_json("replay", *arguments, "--out", str(path))
    return path.read_bytes().splitlines()


def test_facts_go_back_to_the_events_that_they_were(door: FrontDoor, tmp_path: Path) -> None:
    raw = [decode(line, LATER_US) for line in sent(door, tmp_path / "raw", "raw:")]
    events = [event for event in raw if isinstance(event, ClickEvent)]
    facts = [decode(line, LATER_US) for line in sent(door, tmp_path / "facts", "facts:")]
    assert all(isinstance(fact, ClickEvent) for fact in facts)
    found = [fact for fact in facts if isinstance(fact, ClickEvent)]
    assert all(fact in events for fact in found)
    assert sorted(fact.event_id for fact in found) == sorted({event.event_id for event in events})
    hours = [hour_floor_us(fact.event_timestamp_us) for fact in found]
    times = [fact.event_timestamp_us for fact in found]
    assert times == sorted(times) and len(set(hours)) >= 3


def test_a_span_of_facts_has_what_happened_in_it(door: FrontDoor, tmp_path: Path) -> None:
    all_lines = sent(door, tmp_path / "all", "facts:")
    hour_us = (
        hour_floor_us(
            max(
                event.event_timestamp_us
                for line in all_lines
                if isinstance(event := decode(line, LATER_US), ClickEvent)
            )
        )
        - HOUR_US
    )
    expected = [
        line
        for line in all_lines
        if isinstance(event := decode(line, LATER_US), ClickEvent)
        and hour_us <= event.event_timestamp_us < hour_us + HOUR_US
    ]
    span = ("--start", format_hour(hour_us), "--end", format_hour(hour_us + HOUR_US))
    assert sent(door, tmp_path / "hour", "facts:", *span) == expected != []


def test_facts_that_are_put_again_are_duplicates_and_those_moved_are_facts_of_now(door: FrontDoor) -> None:
    [before] = door.query("SELECT count(*) AS n FROM fact_clicks")
    replayed = door.run_json("replay", "facts:", "--limit", "100")
    moved = door.run_json("replay", "facts:", "--limit", "100", "--shift-to", "2026-01-01T00:00:00Z")
    door.run("flush")
    door.run_json("compact", "--all")
    assert replayed["sent"] == moved["sent"] == 100
    [counted] = door.query(
        "SELECT count(*) AS n, sum(CASE WHEN year = 2026 AND month = 1 THEN 1 ELSE 0 END) AS moved FROM fact_clicks"
    )
    assert (counted["n"], counted["moved"]) == (before["n"] + 100, 100)
