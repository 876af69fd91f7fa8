"""Rolls an hour back and kills itself, as `kill -9` would, when the step given begins."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from schemas.settings import load_settings
from tests.integration.batch_compaction.lakes import HOUR, TestLake
from tests.integration.batch_compaction.rollbacks import back


def main() -> None:
    """Roll back and die."""
    fatal = sys.argv[1]

    def die_at(step: str) -> None:
        if step.startswith(fatal):
            os.kill(os.getpid(), signal.SIGKILL)

    back(TestLake(load_settings(os.environ, Path.cwd()), dict(os.environ)), HOUR, on_step=die_at)


if __name__ == "__main__":
    main()
