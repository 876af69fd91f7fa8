"""Commands as tests run them: in this process, or as processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from typer.testing import CliRunner, Result

import clickstream

CLICKSTREAM = (sys.executable, "-m", "clickstream")


def run(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(clickstream.app, list(arguments))


def summary_of(*arguments: str) -> dict[str, Any]:
    """Run a command in this process that succeeds, and return its summary."""
    result = run(*arguments, "--json")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return _last_line(result.stdout)


def start(
    environment: Mapping[str, str], *arguments: str, program: tuple[str, ...] = CLICKSTREAM
) -> subprocess.Popen[str]:
    """Start a command, or another program, with these variables added to those of this process."""
    return subprocess.Popen(
        [*program, *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output_of(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Return what a process wrote and what it told until its end; one that does not come to it is killed."""
    try:
        return process.communicate(timeout=120)
    finally:
        process.kill()


def finish(process: subprocess.Popen[str]) -> tuple[dict[str, Any], str]:
    """Return the summary of a command and what it told until its end."""
    out, told = output_of(process)
    assert out, told
    return _last_line(out), told


def _last_line(out: str) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads(out.splitlines()[-1])
    return summary
