"""Published facts and the raw objects behind them, replayed: all events are there again, with their ids and times."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.front_door import FrontDoor
from schemas.codec import decode
from schemas.event import ClickEvent
from schemas.instants import HOUR_US, hour_floor_us
from schemas.lake import format_hour

LATER_US = 4_000_000_000_000_000


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontDoor]:
    door = FrontDoor(tmp_path_factory.mktemp("door") / "state", is_quiet=True)
    door.run("up")
    try:
        door.run_json("simulate", "--events", "3000", "--hours", "3", "--duplicates", "0.02", "--corrupt", "0.01")
        door.run("flush")
        door.run_json("compact", "--all")
        yield door
    finally:
        door.run("down")


def sent(door: FrontDoor, path: Path, *arguments: str) -> list[bytes]:
    door.run_json("replay", *arguments, "--out", str(path))
    return path.read_bytes().splitlines()


def test_facts_go_back_to_the_events_that_they_were(door: FrontDoor, tmp_path: Path) -> None:
    raw = [decode(line, LATER_US) for line in sent(door, tmp_path / "raw", "raw:")]
    events = {event.event_id: event for event in raw if isinstance(event, ClickEvent)}
    facts = [decode(line, LATER_US) for line in sent(door, tmp_path / "facts", "facts:")]
    assert all(isinstance(fact, ClickEvent) for fact in facts)
    found = [fact for fact in facts if isinstance(fact, ClickEvent)]
    assert {fact.event_id: fact for fact in found} == events and len(found) == len(events) > 2900
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
