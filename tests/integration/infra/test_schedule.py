"""The schedule of a local stack, with short hours and days: real processes, which run what they say."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.local.description import DESCRIPTION, connect
from infra.local.processes import log_of
from infra.local.schedule_state import ScheduleProgress, read_schedule_progress
from infra.local.stack import Options, down, status, up
from infra.local.state import EMULATOR, SCHEDULE, SCHEDULED_RUN, Intervals, ProcessId, is_alive, process_id
from schemas.codec import encode
from schemas.event import ClickEvent
from schemas.instants import HOUR_US, hour_floor_us
from schemas.lake import RAW_PREFIX, hour_folder

SHORT = Intervals(hourly_s=3, daily_s=8)
WaitUntil = Callable[[Callable[[], bool], float], None]


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "state"
    down(tmp_path / "state")


def progress_of(state_dir: Path) -> ScheduleProgress:
    found = read_schedule_progress(state_dir / SCHEDULE)
    assert found is not None
    return found


def runs_of(state_dir: Path, command: str) -> int:
    last = progress_of(state_dir).last.get(command)
    return last.runs if last else 0


def journaled_run(state_dir: Path) -> ProcessId:
    found = json.loads((state_dir / "processes" / f"{SCHEDULED_RUN}.json").read_bytes())
    return ProcessId(found["pid"], found["started"])


def test_what_was_put_in_a_closed_hour_is_published_without_anyone_asking(
    state_dir: Path, wait_until: WaitUntil
) -> None:
    done, stack = up(state_dir, Options(schedule=SHORT))
    assert done == "started"
    hour_us = hour_floor_us(time.time_ns() // 1000) - 3 * HOUR_US
    event = ClickEvent(event_id="e", user_id="u", session_id="s", event_type="click", event_timestamp_us=hour_us)
    key = f"{RAW_PREFIX}{hour_folder(hour_us)}a.json"
    connect(stack.environment).s3.put_object(Bucket=DESCRIPTION.raw_bucket, Key=key, Body=encode(event) + b"\n")
    log = log_of(state_dir, SCHEDULE)
    wait_until(lambda: '"fact_clicks"' in log.read_text(), 90)
    commands = ("compact", "enrich", "compact --reconcile", "validate --day yesterday")
    wait_until(lambda: all(runs_of(state_dir, command) for command in commands), 90)
    wait_until(lambda: runs_of(state_dir, "compact") > 1, 60)

    found = status(state_dir)
    assert found.running, found.problems
    assert found.schedule is not None
    assert {run.exit_code for run in found.schedule.last.values()} == {0}
    assert set(found.schedule.due) == {"hourly", "daily"}

    lines = log.read_text().splitlines()
    marks = [match[1] for line in lines if (match := re.search(r" INFO (begin|end) ", line))]
    assert marks == ["begin", "end"] * (len(marks) // 2) + ["begin"] * (len(marks) % 2)  # never two at once
    steps = [json.loads(line) for line in lines if line.startswith('{"time"')]
    assert {"find raw objects", f"read {key}", "publish fact_clicks"} <= {step["message"] for step in steps}

    pid = stack.processes[SCHEDULE].pid
    assert down(state_dir)
    assert process_id(pid) is None


def test_a_schedule_is_added_to_a_running_stack_and_changed_with_its_data_kept(state_dir: Path) -> None:
    _, plain = up(state_dir, Options())
    assert SCHEDULE not in plain.processes
    assert status(state_dir).schedule is None
    done, scheduled = up(state_dir, Options(schedule=Intervals(3600, 86400)))
    assert done == "changed"
    assert scheduled.processes[EMULATOR] == plain.processes[EMULATOR]
    assert up(state_dir, Options()) == ("running", scheduled)
    done, other = up(state_dir, Options(schedule=Intervals(1800, 86400)))
    assert done == "changed"
    assert other.processes[SCHEDULE] != scheduled.processes[SCHEDULE]
    assert not is_alive(scheduled.processes[SCHEDULE])


def test_a_killed_schedule_leaves_no_command_behind_and_is_mended(state_dir: Path, wait_until: WaitUntil) -> None:
    _, stack = up(state_dir, Options(schedule=Intervals(hourly_s=1, daily_s=86400)))
    noted = state_dir / "processes" / f"{SCHEDULED_RUN}.json"
    wait_until(lambda: noted.exists() and is_alive(journaled_run(state_dir)), 60)
    orphan = journaled_run(state_dir)
    os.kill(orphan.pid, signal.SIGSTOP)  # so that it cannot end by itself
    os.kill(stack.processes[SCHEDULE].pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(stack.processes[SCHEDULE]), 10)
    assert not status(state_dir).running
    done, mended = up(state_dir, Options())
    assert done == "mended"
    assert not is_alive(orphan)
    assert is_alive(mended.processes[SCHEDULE])
