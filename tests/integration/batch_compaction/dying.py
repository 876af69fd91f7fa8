"""Work on a lake in a process of its own, which kills itself, as `kill -9` would, when a step of it begins."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate

from batch_compaction.quarantine_replay import Replay, replay
from batch_compaction.repair_rules import parse_rules
from tests.integration.batch_compaction.lakes import ALL_CLOSED, HOUR, TestLake
from tests.integration.batch_compaction.rollbacks import back

OnStep = Callable[[str], None]
Work = Callable[Concatenate[TestLake, OnStep, ...], object]


def compaction(lake: TestLake, on_step: OnStep) -> None:
    lake.compact(on_step=on_step)


def rollback(lake: TestLake, on_step: OnStep) -> None:
    back(lake, HOUR, on_step=on_step)


def replay_of(lake: TestLake, on_step: OnStep, rules: str) -> None:
    """Replay by rules; once all is done, the step "done" begins."""
    parsed = parse_rules(rules, "the test")
    replay(Replay(lake.s3, lake.settings.raw_bucket, lake.lake, parsed, ALL_CLOSED.now_us, on_step))
    on_step("done")


def die(lake: TestLake, work: Work, step: str, log: Path, arguments: tuple[str, ...]) -> None:
    """Work until the step begins; what this process says before goes to the log."""

    def die_at(current: str) -> None:
        if current.startswith(step):
            os.kill(os.getpid(), signal.SIGKILL)

    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    os.environ.update(lake.environment)
    work(lake, die_at, *arguments)
