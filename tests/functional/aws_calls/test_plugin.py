"""The plugin that holds calls against the file, in runs of pytest of its own: with one process and with two."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
CONFTEST = """
import os, sys
from pathlib import Path

os.environ.pop("CALLS_OF_TESTS", None)  # else the run around this one has it recorded
os.environ |= {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}
sys.path.insert(0, ROOT)
from tests.aws_calls import known
known.FILE = Path(__file__).parents[1] / "calls.json"
pytest_plugins = ["tests.aws_calls.plugin"]
"""
TESTS = """
import subprocess, sys

# What `clickstream watch` would be, were it so short; nobody answers but botocore's own hook.
WATCH = '''
import threading
import botocore.session
from botocore.awsrequest import AWSResponse

class Body:
    def stream(self):
        yield b"{}"

def client(service):
    made = botocore.session.get_session().create_client(service, region_name="us-east-1")
    made.meta.events.register("before-send", lambda **_: AWSResponse("", 200, {}, Body()))
    return made

def watch(client):
    # The call is made in a thread, and in none of the frames around it.
    thread = threading.Thread(target=client.list_queues)
    thread.start()
    thread.join()
'''
program = {"__name__": "stream_jobs.cli"}
exec(WATCH, program)

def test_watches():
    program["client"]("kinesis").list_streams()  # of the test alone
    program["watch"](program["client"]("sqs"))

def test_watches_in_a_process():
    lines = [f"exec({WATCH!r}, program)", "program['watch'](program['client']('sqs'))"]
    code = "\\n".join(["program = {'__name__': 'stream_jobs.cli'}", *lines])
    subprocess.run([sys.executable, "-c", code], check=True)

def test_does_nothing():
    pass
"""
WATCHES = {"watch": {"sqs:ListQueues": ["ListQueues"]}}
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A function that runs the tests with a file of known calls."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "pytest.ini").write_text("[pytest]\ntestpaths = tests\naddopts = --import-mode=importlib\n")
    (tmp_path / "tests" / "conftest.py").write_text(CONFTEST.replace("ROOT", repr(str(ROOT)), 1))
    (tmp_path / "tests" / "test_calls.py").write_text(TESTS)

    def run(known: dict[str, Any], *arguments: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "calls.json").write_text(json.dumps(known))
        command = [sys.executable, "-I", "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


def test_a_call_that_is_not_known_fails_the_tests_that_make_it(run: Run) -> None:
    done = run({"watch": {}})
    assert done.returncode == 1
    assert "watch asks for ListQueues, which needs sqs:ListQueues" in done.stdout
    assert "make test ARGS=--record-aws-calls" in done.stdout
    # The one after it would make the same call, which is told once; each is seen by itself below.
    assert "ERROR tests/test_calls.py::test_watches" in done.stdout
    assert "test_does_nothing" not in done.stdout


def test_a_call_of_a_process_is_seen(run: Run) -> None:
    done = run({"watch": {}}, "tests/test_calls.py::test_watches_in_a_process")
    assert done.returncode == 1
    assert "ERROR tests/test_calls.py::test_watches_in_a_process" in done.stdout


@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["one process", "two processes"])
def test_a_known_call_that_no_test_makes_is_told_at_the_end_of_a_whole_run(
    run: Run, processes: tuple[str, ...]
) -> None:
    assert "that no test made" not in run(WATCHES, *processes).stdout
    done = run({"watch": {**WATCHES["watch"], "sqs:SendMessage": ["SendMessageBatch"]}}, *processes)
    assert done.returncode == 0
    assert "that no test made" in done.stdout
    assert "watch asks for SendMessageBatch, which needs sqs:SendMessage" in done.stdout


@pytest.mark.parametrize("narrowed", [["tests/test_calls.py"], ["-k", "nothing"]], ids=["by a path", "by a word"])
def test_a_run_of_some_tests_says_nothing_of_what_is_missing(run: Run, narrowed: list[str]) -> None:
    assert run({"hours": {"glue:GetTable": ["GetTable"]}} | WATCHES, *narrowed).returncode == 0


def test_recording_writes_what_was_made_and_some_tests_alone_only_add(run: Run, tmp_path: Path) -> None:
    other = {"hours": {"glue:GetTable": ["GetTable"]}}
    file = tmp_path / "calls.json"
    assert run(other, "--record-aws-calls", "-k", "watches").returncode == 0
    assert json.loads(file.read_text()) == other | WATCHES
    assert run(other, "--record-aws-calls").returncode == 0
    assert json.loads(file.read_text()) == WATCHES
