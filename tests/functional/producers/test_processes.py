"""Several producer processes: together they send what one sends, and none of them fails or dies unseen."""

from __future__ import annotations

import gzip
import json
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.codec import decode
from schemas.event import Rejection
from tests import commands
from tests.commands import CLICKSTREAM, finish, output_of

LATER_US = 4_000_000_000_000_000
FIXED = ("--end", "2026-11-24T12:00:00Z", "--users", "200")
SHAPE = (*FIXED, "--events", "6000", "--schema-mix", "0.3")
NOWHERE = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "CLICKSTREAM_STREAM": ""}
ENDLESS = (*FIXED, "--events", "5000000", "--rate", "2000", "--json")


def start(*arguments: str, most_bytes: int | None = None) -> subprocess.Popen[str]:
    """Start it; its files may grow up to a size."""
    limited = () if most_bytes is None else ("prlimit", f"--fsize={most_bytes}", "--")
    return commands.start({}, "simulate", *arguments, program=(*limited, *CLICKSTREAM))


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    return list(map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()))


def parts_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size and path.name.isdigit()]


def test_any_number_of_processes_writes_the_same_lines() -> None:
    outs = {count: start("--out", "-", *SHAPE, "--processes", str(count)) for count in (1, 2, 3)}
    lines = {count: output_of(process)[0].splitlines() for count, process in outs.items()}
    assert len(lines[1]) == 6000
    assert sorted(lines[1]) == sorted(lines[2]) == sorted(lines[3])
    assert lines[1] != lines[2]


def test_the_summary_adds_up_what_all_sent(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    summary, _ = finish(start("--out", str(path), *SHAPE, "--processes", "3", "--duplicates", "0.1", "--json"))
    answer = summary["answer"]
    lines = path.read_bytes().splitlines()
    events = [decode(line, LATER_US) for line in lines]
    ids = {event.event_id for event in events if not isinstance(event, Rejection)}
    assert (summary["sent"], summary["processes"]) == (len(lines), 3)
    assert (answer["events"], answer["duplicates"]) == (len(ids), len(lines) - len(ids)) == (6000, len(lines) - 6000)
    assert sum(answer["event_types"].values()) == 6000
    assert [name.name for name in tmp_path.iterdir()] == ["events.ndjson"]


def test_a_rate_is_that_of_all_together(tmp_path: Path) -> None:
    arguments = (*FIXED, "--events", "2000", "--rate", "1000", "--processes", "2", "--json")
    summary, _ = finish(start("--out", str(tmp_path / "events"), *arguments))
    assert summary["sent"] == 2000 and summary["seconds"] >= 1.9


def test_processes_without_events_are_not_started(tmp_path: Path) -> None:
    summary, _ = finish(start("--out", str(tmp_path / "e"), "--events", "3", "--processes", "9", "--json"))
    assert summary["sent"] == 3 and summary.get("processes", 1) < 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_reaches_all_and_each_gives_what_it_has(
    tmp_path: Path, wait_until: Callable[[Callable[[], bool], float], None], number: signal.Signals
) -> None:
    path = tmp_path / "events"
    process = start("--out", str(path), *ENDLESS, "--processes", "2")
    wait_until(lambda: len(parts_of(tmp_path)) == 2, 30)
    workers = workers_of(process)
    process.send_signal(number)
    summary, err = finish(process)
    assert process.returncode == 130, err
    lines = path.read_bytes().splitlines()
    assert len(lines) == summary["sent"] == summary["answer"]["events"] > 0
    assert not any(isinstance(decode(line, LATER_US), Rejection) for line in lines)
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def test_a_stop_before_all_are_ready_sends_nothing(tmp_path: Path) -> None:
    path = tmp_path / "events"
    process = start("--out", str(path), *ENDLESS, "--processes", "2")
    while len(workers_of(process)) < 2:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    summary, err = finish(process)
    assert process.returncode == 130, err
    assert summary["sent"] == 0 and not path.read_bytes()


def test_a_process_that_dies_fails_the_run_and_is_named(
    tmp_path: Path, wait_until: Callable[[Callable[[], bool], float], None]
) -> None:
    process = start("--out", str(tmp_path / "events"), *ENDLESS, "--processes", "3")
    wait_until(lambda: len(parts_of(tmp_path)) == 3, 30)
    workers = workers_of(process)
    os.kill(workers[1], signal.SIGKILL)
    summary, err = finish(process)
    assert process.returncode == 1
    assert re.search(rf"producer process 2 of 3 \(pid {workers[1]}\) was ended by SIGKILL after \d+ events", err)
    assert summary["sent"] > 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def test_without_their_parent_the_processes_end(
    tmp_path: Path, wait_until: Callable[[Callable[[], bool], float], None]
) -> None:
    process = start("--out", str(tmp_path / "events"), *ENDLESS, "--processes", "2")
    wait_until(lambda: len(parts_of(tmp_path)) == 2, 30)
    workers = workers_of(process)
    process.kill()
    output_of(process)
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), 10)


@pytest.mark.parametrize("share", [0.3, 0.8])
def test_a_file_that_takes_no_more_fails_the_run(tmp_path: Path, share: float) -> None:
    path = tmp_path / "events"
    output_of(start("--out", str(path), *SHAPE))
    # The parts of the processes do not fit, or these do and the whole does not.
    process = start("--out", str(path), *SHAPE, "--processes", "2", most_bytes=int(path.stat().st_size * share))
    _, err = output_of(process)
    assert process.returncode == 1
    assert re.search(r"^failed: cannot write", err, re.MULTILINE) and "Traceback" not in err, err
    assert "saved" not in err and finish(start("--out", str(path), *SHAPE, "--json"))[0]["sent"] == 6000
    assert [found.name for found in tmp_path.iterdir()] == ["events"]


def test_what_is_wrong_with_the_configuration_is_told_once_and_nothing_is_done(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"of an earlier run")
    missing = commands.start(NOWHERE, "simulate", *SHAPE, "--processes", "2", "--answer-key", str(key))
    nowhere = start(*SHAPE, "--processes", "2", "--out", str(tmp_path / "none" / "events"))
    both = start(*SHAPE, "--processes", "2", "--out", "-", "--json")
    for process, text in ((missing, "stream is not set"), (nowhere, "cannot write"), (both, "both want stdout")):
        out, err = output_of(process)
        assert process.returncode == 2
        assert err.count(text) == 1 and not out
    assert key.read_bytes() == b"of an earlier run" and [path.name for path in tmp_path.iterdir()] == ["key"]


def test_the_key_of_several_processes_names_the_command_that_was_given(tmp_path: Path) -> None:
    key = tmp_path / "key"
    shape = (*SHAPE, "--processes", "2", "--answer-key", str(key), "--out", str(tmp_path / "events"))
    output_of(start(*shape))
    begins = [json.loads(line) for line in gzip.decompress(key.read_bytes()).splitlines() if b'"run"' in line]
    assert [begin["command"].endswith(shlex.join(shape)) for begin in begins] == [True, True]
