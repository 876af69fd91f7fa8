from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from infra.local.state import (
    ProcessId,
    Stack,
    _process_id_by_ps,
    active_environment,
    is_alive,
    process_id,
    replace_file,
    stack_file,
)
from schemas.errors import ConfigError


def me() -> ProcessId:
    found = process_id(os.getpid())
    assert found is not None
    return found


def record(state_dir: Path, port: int, **processes: ProcessId) -> None:
    stack = Stack(
        endpoint=f"http://127.0.0.1:{port}",
        started_us=0,
        processes=processes,
        environment={"AWS_REGION": "us-east-1"},
        firehose_seconds=1,
        firehose_mib=1,
    )
    replace_file(stack_file(state_dir), msgspec.json.encode(stack))


def test_a_folder_without_a_record_has_no_stack(tmp_path: Path) -> None:
    assert active_environment(tmp_path) is None


def test_a_stack_whose_parts_all_live_gives_its_environment(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        record(tmp_path, server.getsockname()[1], emulator=me(), firehose=me())
        assert active_environment(tmp_path) == {"AWS_REGION": "us-east-1"}


def test_a_silent_endpoint_is_a_broken_stack(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    record(tmp_path, port, emulator=me(), firehose=me())
    with pytest.raises(ConfigError, match=r"emulator gone.*clickstream up"):
        active_environment(tmp_path)


def test_a_process_number_that_is_another_process_now_is_not_taken_for_ours(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        reused = ProcessId(os.getpid(), "long ago")
        record(tmp_path, server.getsockname()[1], emulator=me(), firehose=reused)
        with pytest.raises(ConfigError, match="firehose gone"):
            active_environment(tmp_path)


def test_a_damaged_record_is_a_broken_stack(tmp_path: Path) -> None:
    replace_file(stack_file(tmp_path), b"{")
    with pytest.raises(ConfigError, match="clickstream up"):
        active_environment(tmp_path)


def test_a_process_that_ended_and_was_not_reaped_is_not_alive() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        identity = process_id(child.pid)
        assert identity is not None
        assert is_alive(identity)
        by_ps = _process_id_by_ps(child.pid)
        assert by_ps is not None
        assert by_ps == _process_id_by_ps(child.pid)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not is_alive(identity)
        assert _process_id_by_ps(child.pid) is None


def test_replacing_a_file_leaves_no_other_behind(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "file"
    replace_file(target, b"old")
    replace_file(target, b"new")
    assert [path.read_bytes() for path in target.parent.iterdir()] == [b"new"]
