from __future__ import annotations

from typing import Any

import pytest

from schemas.instants import SECOND_US, parse_instant_us
from schemas.job_health import JobRecord, health_of

NOW_US = parse_instant_us("2026-11-24T10:00:00Z")
COUNTERS: dict[str, int | dict[str, int]] = {"events": 12345, "published": 37, "dead_letters": {"not_json": 2}}
FIGURES = "12,345 events, 37 alerts, 2 dead letters"


def record(state: str, age_s: float = 1, restarts: int = 0, **more: Any) -> JobRecord:
    updated_us = NOW_US - int(age_s * SECOND_US)
    return JobRecord(state=state, pid=7, updated_us=updated_us, restarts=restarts, counters=COUNTERS, **more)


@pytest.mark.parametrize(
    ("found", "is_alive", "line"),
    [
        (None, True, "not running"),
        (record("running"), True, f"running, {FIGURES}, 0 restarts, last heard 1 s ago"),
        (record("running", 30), True, f"running, {FIGURES}, 0 restarts, last heard 30 s ago"),
        (
            record("restarting", restarts=1),
            True,
            f"restarting, {FIGURES}, 1 restart, last heard 1 s ago",
        ),
        (record("running", 31), True, "stale: said running, last heard 31 s ago"),
        (record("stopping", 100), True, f"stopping, {FIGURES}, 0 restarts, last heard 100 s ago"),
        (record("stopping", 121), True, "stale: said stopping, last heard 2 min ago"),
        (record("running", 3), False, "stale: said running, but its process is gone, last heard 3 s ago"),
        (record("stopped", 7300), False, "not running, stopped, last heard 2 h ago"),
        (record("failed", 200), True, "not running, failed, last heard 3 min ago"),
        (record("running", -5), True, f"running, {FIGURES}, 0 restarts, last heard 0 s ago"),
    ],
)
def test_a_job_s_health_is_one_line(found: JobRecord | None, is_alive: bool, line: str) -> None:
    assert health_of(found, NOW_US, is_alive=is_alive) == line


def test_an_outage_is_in_the_line_while_it_lasts() -> None:
    found = record(
        "running", behind_ms=95_000, oldest_unsettled_ms=41_000, failing_for_ms={"publish": 40_000, "poll": 95_000}
    )
    assert health_of(found, NOW_US) == (
        f"running, {FIGURES}, 95 s behind, 0 restarts, last heard 1 s ago; calls to the topic fail for 40 s; "
        "calls to the stream fail for 95 s; the oldest message waits for 41 s"
    )


@pytest.mark.parametrize("state", ["running", "failed"])
def test_why_it_was_restarted_is_in_the_line(state: str) -> None:
    found = record(state, restarts=1, last_failure="publish: the topic is gone")
    assert health_of(found, NOW_US).endswith("last heard 1 s ago; last failure: publish: the topic is gone")


def test_a_job_that_has_counted_nothing_yet_has_counted_nothing() -> None:
    starting = JobRecord(state="starting", updated_us=NOW_US)
    assert health_of(starting, NOW_US) == "starting, 0 events, 0 alerts, 0 dead letters, 0 restarts, last heard 0 s ago"
