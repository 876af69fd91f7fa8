"""How a tool is started: without credentials, without input, within a time."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_DEADLINE_S = 900
# What would lead a tool to somebody's account, or change what it does.
_NOT_HANDED_ON = ("AWS_", "TF_", "BC_", "CKV_", "PYTHON", "VIRTUAL_ENV")
_QUIET = {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "AWS_EC2_METADATA_DISABLED": "true"}


def run_tool(
    command: Sequence[str | Path], variables: Mapping[str, str] | None = None, given: str = "", cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a tool to its end and return its exit code and output.

    Args:
        command: program and arguments.
        variables: of its environment, over those of this process.
        given: what it reads from stdin.
        cwd: where it runs.

    Raises:
        subprocess.TimeoutExpired: it took too long.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_HANDED_ON)}
    return subprocess.run(
        [str(word) for word in command],
        env={**kept, **_QUIET, **(variables or {})},
        input=given,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=_DEADLINE_S,
        check=False,
    )
