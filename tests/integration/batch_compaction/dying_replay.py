"""Replays the rules that it reads from stdin and kills itself, as `kill -9` would, when the step given begins."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from batch_compaction.quarantine_replay import Replay, replay
from batch_compaction.repair_rules import parse_rules
from schemas.settings import load_settings
from tests.integration.batch_compaction.lakes import ALL_CLOSED, TestLake


def main() -> None:
    """Replay and die."""
    settings = load_settings(os.environ, Path.cwd())
    lake = TestLake(settings, dict(os.environ))
    fatal = sys.argv[1]

    def die_at(step: str) -> None:
        if step.startswith(fatal):
            os.kill(os.getpid(), signal.SIGKILL)

    rules = parse_rules(sys.stdin.read(), "stdin")
    replay(Replay(lake.s3, settings.raw_bucket, lake.lake, rules, ALL_CLOSED.now_us, die_at))
    die_at(fatal)


if __name__ == "__main__":
    main()
