"""The processes beside the emulator: the Firehose stand-in, the function for dropped files, and the schedule.

Started together, since each takes a moment, and waited for until each has given a sign of life. One that an interrupted
start has left behind is stopped first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from infra.local.description import DESCRIPTION
from infra.local.processes import journal, log_of, log_tail, start_module, stop_journaled, wait_until
from infra.local.state import FIREHOSE, FUNCTION, SCHEDULE, SCHEDULED_RUN, ProcessId, Stack, is_alive
from schemas.errors import WorkFailedError

HANDLER = "stream_jobs.lambda_handler.handler"
# What a stand-in writes once it works, and again as it goes on.
PROGRESS_FILE = "progress.json"
START_S = 60.0


@dataclass(frozen=True, slots=True)
class _StandIn:
    """How one is started.

    Attributes:
        title: for people.
        module: run as a program, with its folder as `--folder`.
        arguments: its others.
    """

    title: str
    module: str
    arguments: Callable[[Stack], list[str]]


def _firehose_arguments(stack: Stack) -> list[str]:
    names = ["--stream", DESCRIPTION.stream, "--bucket", DESCRIPTION.raw_bucket]
    return [*names, "--seconds", str(stack.firehose_seconds), "--mib", str(stack.firehose_mib)]


def _schedule_arguments(stack: Stack) -> list[str]:
    assert stack.schedule is not None  # noqa: S101 - else it is no part of the stack
    return ["--hourly-s", str(stack.schedule.hourly_s), "--daily-s", str(stack.schedule.daily_s)]


_STAND_INS = {
    FIREHOSE: _StandIn("the Firehose stand-in", "infra.local.firehose_worker", _firehose_arguments),
    FUNCTION: _StandIn(
        "the function for dropped files",
        "infra.local.function_worker",
        lambda _: ["--queue", DESCRIPTION.dropped_files, "--handler", HANDLER],
    ),
    SCHEDULE: _StandIn("the schedule", "infra.local.schedule_worker", _schedule_arguments),
}


def start_stand_ins(state_dir: Path, stack: Stack, names: Sequence[str]) -> Stack:
    """Start stand-ins, and return the stack with them once each has reported.

    Raises:
        WorkFailedError: one did not start; its last log lines are in the message.
    """
    started = {name: _begin(state_dir, stack, name) for name in names}
    for name, process in started.items():
        report = state_dir / name / PROGRESS_FILE
        wait_until(lambda: report.exists() or not is_alive(process), START_S)  # noqa: B023
        if not report.exists():
            raise WorkFailedError(f"{_STAND_INS[name].title} did not start\n{log_tail(log_of(state_dir, name))}")
    return msgspec.structs.replace(stack, processes=stack.processes | started)


def _begin(state_dir: Path, stack: Stack, name: str) -> ProcessId:
    stop_journaled(state_dir, name)
    if name == SCHEDULE:  # which may have been killed with a command under way
        stop_journaled(state_dir, SCHEDULED_RUN)
    stand_in, folder = _STAND_INS[name], state_dir / name
    (folder / PROGRESS_FILE).unlink(missing_ok=True)
    arguments = ["--folder", str(folder), *stand_in.arguments(stack)]
    process = start_module(stand_in.module, arguments, stack.environment, log_of(state_dir, name))
    journal(state_dir, name, process)
    return process
