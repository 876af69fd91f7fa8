"""How Trino's process is started and ended; a shell in the place of Java."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.local.processes import forget_journal
from infra.local.stack import down
from infra.local.state import process_id
from infra.local.trino import keeper, server, service
from infra.local.trino.configuration import configuration
from infra.local.trino.installation import Installation
from infra.local.trino.server import running_trino
from schemas.errors import ConfigError, WorkFailedError

WaitUntil = Callable[[Callable[[], bool], float], None]
SLEEPS = "echo $$ > pid; exec sleep 600"
STUBBORN = "trap '' TERM; echo $$ > pid; while :; do sleep 0.1; done"
AWS = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "who",
    "AWS_SECRET_ACCESS_KEY": "secret",
}


@pytest.fixture
def java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A function that puts a script in the place of Java; a server is ready once the script has noted its process."""
    path = tmp_path / "java"

    def installed(environment: object) -> Installation:
        return Installation(tmp_path, path)

    def write(script: str) -> None:
        path.write_text(f"#!/bin/sh\ncd {shlex.quote(str(tmp_path))}\n{script}\n")
        path.chmod(0o755)
        for module in (server, service):
            monkeypatch.setattr(module, "installed", installed)
            monkeypatch.setattr(module, "is_ready", lambda url: (tmp_path / "pid").exists())

    return write


def is_gone(pid: int) -> bool:
    return process_id(pid) is None


def test_it_runs_for_as_long_as_the_context_lasts(java: Callable[[str], None], tmp_path: Path) -> None:
    java(SLEEPS)
    with running_trino(AWS, tmp_path / "trino", print) as trino:
        pid = int((tmp_path / "pid").read_text())
        assert not is_gone(pid)
        assert trino.url.startswith("http://127.0.0.1:")
    assert is_gone(pid)


def test_one_that_does_not_end_is_killed(
    java: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_GRACE_S", 0.5)
    java(STUBBORN)
    with running_trino(AWS, tmp_path / "trino", print):
        pid = int((tmp_path / "pid").read_text())
    assert is_gone(pid)


def test_one_that_dies_tells_the_end_of_its_log(java: Callable[[str], None], tmp_path: Path) -> None:
    java("echo 'Configuration property x was not used' >&2; exit 100")
    with pytest.raises(WorkFailedError, match="property x was not used"), running_trino(AWS, tmp_path / "t", print):
        raise AssertionError("it is not ready")


def test_one_that_is_never_ready_is_ended(
    java: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java(SLEEPS.replace("> pid", "> other"))
    monkeypatch.setattr(server, "START_S", 1.0)
    with pytest.raises(WorkFailedError, match="not ready within 1 s"), running_trino(AWS, tmp_path / "t", print):
        raise AssertionError("it is not ready")
    assert is_gone(int((tmp_path / "other").read_text()))


def test_nothing_is_left_when_the_parent_is_killed(tmp_path: Path, wait_until: WaitUntil) -> None:
    kept = f"echo $$ > {shlex.quote(str(tmp_path))}/pid; exec sleep 600"
    held = [sys.executable, keeper.__file__, "5", "/bin/sh", "-c", kept]
    script = f"import subprocess, time; subprocess.Popen({held!r}, stdin=subprocess.PIPE); time.sleep(600)"
    parent = subprocess.Popen([sys.executable, "-c", script])
    try:
        pid = tmp_path / "pid"
        wait_until(lambda: pid.exists() and bool(pid.read_text().strip()), 30)
        number = int(pid.read_text())
        assert not is_gone(number)
    finally:
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    wait_until(lambda: is_gone(number), 30)


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables of a process in a folder whose stack is said to run."""
    monkeypatch.setattr(service, "active_environment", lambda state_dir: AWS)
    return {"CLICKSTREAM_STATE_DIR": str(tmp_path / "state")}


def test_it_is_started_once_and_stopped(java: Callable[[str], None], tmp_path: Path, stack: dict[str, str]) -> None:
    java(SLEEPS)
    assert service.problem_of(stack) == "Trino does not run: start it with `clickstream trino up`"
    is_new, trino = service.start(stack, print)
    pid = int((tmp_path / "pid").read_text())
    try:
        assert is_new
        assert service.start(stack, print) == (False, trino)
        assert service.problem_of(stack) is None
        with service.trino_for({**AWS, **stack}, print) as found:
            assert found == trino
        assert service.at_hand(tmp_path / "state", {"AWS_ENDPOINT_URL": "http://127.0.0.1:2"}) is None
    finally:
        assert service.stop(stack)
    assert is_gone(pid)
    assert not service.stop(stack)


def test_it_goes_with_the_stack(java: Callable[[str], None], tmp_path: Path, stack: dict[str, str]) -> None:
    java(SLEEPS)
    service.start(stack, print)
    assert down(tmp_path / "state")
    assert is_gone(int((tmp_path / "pid").read_text()))
    assert service.at_hand(tmp_path / "state", AWS) is None


def test_one_that_does_not_start_is_not_recorded(
    java: Callable[[str], None], tmp_path: Path, stack: dict[str, str]
) -> None:
    java("echo broken; exit 1")
    with pytest.raises(WorkFailedError, match="broken"):
        service.start(stack, print)
    assert service.at_hand(tmp_path / "state", AWS) is None
    forget_journal(tmp_path / "state")


def test_where_none_runs_one_is_started_for_as_long_as_it_is_needed(
    java: Callable[[str], None], tmp_path: Path, stack: dict[str, str]
) -> None:
    java(SLEEPS)
    with service.trino_for({**AWS, **stack}, print):
        pid = int((tmp_path / "pid").read_text())
        assert not is_gone(pid)
    assert is_gone(pid)


def test_without_a_stack_there_is_nothing_to_read(tmp_path: Path) -> None:
    variables = {"CLICKSTREAM_STATE_DIR": str(tmp_path / "state")}
    with pytest.raises(ConfigError, match="clickstream up"):
        service.start(variables, print)
    assert "clickstream up" in (service.problem_of(variables) or "")
    assert not service.stop(variables)


def test_the_configuration_names_no_secret_and_listens_here_alone() -> None:
    files = configuration(AWS | {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:3"}, 8123, Path("/server"), Path("/etc"))
    assert not [name for name, text in files.items() if "secret" in text.replace("aws-secret-key", "")]
    assert "node.bind-ip=127.0.0.1\n" in files["config.properties"]
    assert "http-server.http.port=8123\n" in files["config.properties"]
    assert "http-server.log.enabled=false\n" in files["config.properties"]
    for name in ("awsdatacatalog", "iceberg"):
        lines = files[f"catalog/{name}.properties"].splitlines()
        assert "hive.metastore.glue.endpoint-url=http://127.0.0.1:1" in lines
        assert "s3.endpoint=http://127.0.0.1:3" in lines
        assert "s3.aws-secret-key=${ENV:AWS_SECRET_ACCESS_KEY}" in lines


def test_without_an_endpoint_it_is_refused_with_all_that_is_missing() -> None:
    with pytest.raises(ConfigError) as caught:
        configuration({"AWS_REGION": "us-east-1"}, 1, Path("/server"), Path("/etc"))
    assert len(caught.value.faults) == 4
    assert "Trino is for emulated AWS" in str(caught.value)
