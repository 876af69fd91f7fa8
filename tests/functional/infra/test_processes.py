"""Processes of the local stack, ended."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from infra.local import processes
from infra.local.state import ProcessId, is_alive


def test_a_process_that_ends_between_the_look_and_the_signal_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = processes.start_module("http.server", ["0", "--bind", "127.0.0.1"], {}, tmp_path / "log")

    def alive_until_now(looked_at: ProcessId) -> bool:
        was_alive = is_alive(looked_at)
        if was_alive:
            os.kill(looked_at.pid, signal.SIGKILL)
            os.waitpid(looked_at.pid, 0)
        return was_alive

    monkeypatch.setattr(processes, "is_alive", alive_until_now)
    processes.stop(process)
    assert not is_alive(process)
