"""The life of a stack, with everything that can be wrong with the one found."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import msgspec
import pytest

from infra.local import stack as stacks
from infra.local.description import DESCRIPTION, FUNCTION_TIMEOUT_S, connect
from infra.local.processes import start_module, stop
from infra.local.stack import Options, down, status, up
from infra.local.stand_ins import start_stand_ins
from infra.local.state import (
    EMULATOR,
    FIREHOSE,
    FUNCTION,
    ProcessId,
    Stack,
    active_environment,
    is_alive,
    read_stack,
    replace_file,
    stack_file,
)
from schemas.errors import ConfigError, WorkFailedError
from schemas.instants import format_instant_us
from schemas.settings import load_settings
from stream_jobs.clock import now_us
from stream_jobs.watching import subscribed

PROJECT = Path(__file__).parents[3]
WaitUntil = Callable[[Callable[[], bool], float], None]


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "state"
    down(tmp_path / "state")


def kill(process: ProcessId, number: int = signal.SIGKILL) -> None:
    os.kill(process.pid, number)


def started(state_dir: Path) -> Stack:
    done, stack = up(state_dir, Options())
    assert done == "started"
    return stack


def assert_works(state_dir: Path) -> None:
    found = status(state_dir)
    assert found.running, found.problems
    assert found.shards == 2
    assert active_environment(state_dir) is not None


def assert_nothing_left(state_dir: Path, *processes: ProcessId) -> None:
    assert not any(is_alive(process) for process in processes)
    assert read_stack(state_dir) is None
    assert not (state_dir / "processes").exists()
    assert active_environment(state_dir) is None


def test_a_firehose_that_an_interrupted_up_left_behind_is_stopped(state_dir: Path) -> None:
    stack = started(state_dir)
    kill(stack.processes[FIREHOSE])
    left_behind = start_stand_ins(state_dir, stack, [FIREHOSE]).processes[FIREHOSE]  # and then never recorded
    done, mended = up(state_dir, Options())
    assert done == "mended"
    assert not is_alive(left_behind)
    assert is_alive(mended.processes[FIREHOSE])


def test_an_emulator_that_is_slow_to_answer_keeps_its_data(state_dir: Path) -> None:
    stack = started(state_dir)
    kill(stack.processes[EMULATOR], signal.SIGSTOP)
    with ThreadPoolExecutor() as threads:
        second = threads.submit(up, state_dir, Options())
        wait([second], 7)  # longer than one look takes
        kill(stack.processes[EMULATOR], signal.SIGCONT)
        assert second.result(60) == ("running", stack)


def test_a_stack_is_started_once_found_running_and_stopped(state_dir: Path) -> None:
    stack = started(state_dir)
    assert up(state_dir, Options()) == ("running", stack)
    assert_works(state_dir)
    environment = active_environment(state_dir)
    assert environment is not None
    assert load_settings(environment, state_dir).raw_bucket == "clickstream-raw"
    assert down(state_dir)
    assert_nothing_left(state_dir, *stack.processes.values())
    assert not down(state_dir)


def test_two_at_once_start_one_stack(state_dir: Path) -> None:
    with ThreadPoolExecutor(2) as both:
        results = list(both.map(lambda _: up(state_dir, Options()), range(2)))
    assert sorted(done for done, _ in results) == ["running", "started"]
    assert results[0][1] == results[1][1]


def test_a_port_in_use_is_a_configuration_error_and_leaves_nothing(state_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} cannot be used"):
            up(state_dir, Options(port=port))
    assert_nothing_left(state_dir)


def test_a_firehose_that_does_not_start_leaves_nothing_and_its_last_words_are_told(state_dir: Path) -> None:
    with pytest.raises(WorkFailedError, match="invalid float value"):
        up(state_dir, Options(firehose_seconds="soon"))  # type: ignore[arg-type]
    assert_nothing_left(state_dir)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_an_emulator_that_is_gone_or_silent_is_replaced(
    state_dir: Path, number: int, monkeypatch: pytest.MonkeyPatch, wait_until: WaitUntil
) -> None:
    monkeypatch.setattr(stacks, "HEALTH_S", 0.5)
    monkeypatch.setattr("infra.local.processes.TERMINATE_S", 0.5)
    old = started(state_dir)
    kill(old.processes["emulator"], number)
    if number == signal.SIGKILL:
        wait_until(lambda: not is_alive(old.processes["emulator"]), 5)
        with pytest.raises(ConfigError, match="emulator gone"):
            active_environment(state_dir)
    assert "emulator is gone" in status(state_dir).problems[0]
    assert started(state_dir).processes != old.processes
    assert not any(is_alive(process) for process in old.processes.values())
    assert_works(state_dir)


def test_a_recorded_process_number_that_is_anothers_now_is_left_alone(state_dir: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        stale = ProcessId(bystander.pid, "long ago")
        for name in ("emulator", "firehose"):
            replace_file(state_dir / "processes" / f"{name}.json", msgspec.json.encode(stale))
        record = Stack(
            endpoint="http://127.0.0.1:9",
            started_us=0,
            processes={"emulator": stale, "firehose": stale},
            environment={},
            firehose_seconds=1,
            firehose_mib=1,
        )
        replace_file(stack_file(state_dir), msgspec.json.encode(record))
        started(state_dir)
        assert bystander.poll() is None
        bystander.kill()
    assert_works(state_dir)


def test_what_a_killed_start_left_behind_is_stopped(state_dir: Path) -> None:
    arguments = ["--port", "0", "--port-file", str(state_dir / "emulator.port")]
    orphan = start_module("infra.local.emulator", arguments, {}, state_dir / "logs" / "emulator.log")
    replace_file(state_dir / "processes" / "emulator.json", msgspec.json.encode(orphan))
    assert active_environment(state_dir) is None
    started(state_dir)
    assert not is_alive(orphan)


def test_a_firehose_that_died_is_replaced_and_the_data_stays(state_dir: Path, wait_until: WaitUntil) -> None:
    old = started(state_dir)
    kill(old.processes["firehose"])
    wait_until(lambda: not is_alive(old.processes["firehose"]), 5)
    with pytest.raises(ConfigError, match="firehose gone"):
        active_environment(state_dir)
    done, stack = up(state_dir, Options())
    assert done == "mended"
    assert stack.endpoint == old.endpoint
    assert stack.processes["emulator"] == old.processes["emulator"]
    assert_works(state_dir)


def test_a_function_that_died_is_replaced_alone_and_works_on_what_came_meanwhile(
    state_dir: Path, wait_until: WaitUntil
) -> None:
    old = started(state_dir)
    kill(old.processes[FUNCTION])
    wait_until(lambda: not is_alive(old.processes[FUNCTION]), 5)
    assert status(state_dir).problems == [f"function is gone: run `clickstream up`, see {state_dir}/logs/function.log"]
    clients = connect(old.environment)
    clients.s3.put_object(Bucket=DESCRIPTION.raw_bucket, Key="clickstream/drops/a.json", Body=b'{"what": "ever"}')
    done, stack = up(state_dir, Options())
    assert done == "mended"
    assert [name for name in stack.processes if stack.processes[name] != old.processes[name]] == [FUNCTION]
    assert_works(state_dir)

    def is_through() -> bool:
        found = status(state_dir)
        # The file's message, and the one by which S3 tests a notification, unless the first process had that.
        return found.dropped_files["waiting"] == 0 and found.function is not None and found.function.messages > 0

    wait_until(is_through, 20)
    assert status(state_dir).dropped_files["dead"] == 0


def test_what_the_function_s_queue_gave_out_too_often_goes_to_its_own_dead_letters(state_dir: Path) -> None:
    sqs = connect(started(state_dir).environment).sqs
    queue_url = sqs.get_queue_url(QueueName=DESCRIPTION.dropped_files)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
    redrive = json.loads(attributes["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"].endswith(f":{DESCRIPTION.dropped_files_dead}")
    assert redrive["maxReceiveCount"] > 1
    assert int(attributes["VisibilityTimeout"]) > FUNCTION_TIMEOUT_S


def test_status_tells_how_the_alert_job_does_and_does_not_blame_the_stack_for_it(state_dir: Path) -> None:
    assert status(state_dir).alerts == "not running"
    started(state_dir)
    record = {"state": "running", "pid": os.getpid(), "updated_us": 0, "counters": {"events": 5}}
    replace_file(state_dir / "alerts" / "status.json", json.dumps(record).encode())
    found = status(state_dir)
    assert found.running
    assert found.alerts.startswith("stale: said running")


def clickstream(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the front door in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "clickstream", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(PROJECT), "CLICKSTREAM_STATE_DIR": str(folder / "state")} | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_rules_of_the_folder_and_of_the_shell_count_beside_a_local_stack(
    state_dir: Path, tmp_path: Path, wait_until: WaitUntil
) -> None:
    rules = tmp_path / "clickstream.toml"

    def alerted_types(environment: dict[str, str], name: str) -> list[str]:
        events = (
            {"event_id": f"{name}-{kind}", "user_id": "u", "session_id": "s", "event_type": kind}
            | {"event_timestamp": format_instant_us(now_us())}
            for kind in ("purchase", "signup", "refund")
        )
        content = b"".join(json.dumps(event).encode() + b"\n" for event in events)
        clients = connect(environment)
        with subscribed(clients.sns, clients.sqs, environment["CLICKSTREAM_ALERTS_TOPIC_ARN"]) as queue_url:
            clients.s3.put_object(Bucket=DESCRIPTION.raw_bucket, Key=f"clickstream/{name}.json", Body=content)
            found: list[str] = []

            def is_received() -> bool:
                received = clients.sqs.receive_message(QueueUrl=queue_url).get("Messages", [])
                found.extend(json.loads(message["Body"])["event_type"] for message in received)
                return bool(found)

            wait_until(is_received, 30)
        return found

    rules.write_text('alert_types = "signup"\n')
    assert clickstream(tmp_path, "up").returncode == 0
    stack = read_stack(state_dir)
    assert stack is not None
    assert alerted_types(stack.environment, "toml") == ["signup"]

    again = clickstream(tmp_path, "up", "--json", CLICKSTREAM_ALERT_TYPES="refund")
    assert json.loads(again.stdout.splitlines()[-1])["done"] == "changed"
    assert alerted_types(stack.environment, "shell") == ["refund"]
    assert clickstream(tmp_path, "dead-letters", "list").returncode == 0
    assert "a while" in clickstream(tmp_path, "dead-letters", "list", CLICKSTREAM_MAX_ALERT_AGE="a while").stderr
    rules.write_text('max_alert_age = "for ever"\n')
    for command in (["dead-letters", "list"], ["up"]):
        done = clickstream(tmp_path, *command)
        assert done.returncode == 2
        assert "for ever" in done.stderr


def test_a_process_that_ignores_a_polite_request_is_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wait_until: WaitUntil
) -> None:
    monkeypatch.setattr("infra.local.processes.TERMINATE_S", 0.2)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    ready = tmp_path / "ready"
    (tmp_path / "stubborn.py").write_text(
        "import pathlib, signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"pathlib.Path({str(ready)!r}).touch()\n"
        "while True: signal.pause()\n"
    )
    process = start_module("stubborn", [], {}, tmp_path / "log")
    wait_until(ready.exists, 10)
    stop(process)
    assert not is_alive(process)


def test_the_commands_say_what_they_did_on_the_last_line(state_dir: Path) -> None:
    front = "import typer\nfrom infra.local.cli import register\napp = typer.Typer()\nregister(app)\napp()"

    def run(*arguments: str) -> tuple[int, dict[str, object]]:
        finished = subprocess.run(
            [sys.executable, "-c", front, *arguments, "--json"],
            env=os.environ | {"CLICKSTREAM_STATE_DIR": str(state_dir)},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        return finished.returncode, json.loads(finished.stdout.splitlines()[-1])

    assert run("status")[0] == 1
    assert run("up")[1]["done"] == "started"
    assert run("status")[1]["running"] is True
    assert run("flush")[1]["caught_up"] is True
    assert run("down") == (0, {"stopped": True})
    assert run("down") == (0, {"stopped": False})
