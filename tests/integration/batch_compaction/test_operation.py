"""The command `compact` as those see it who run it: exit codes, reports, logs, and what a run over nothing costs."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from batch_compaction.find import find
from batch_compaction.notifications import Queue
from schemas.settings import Settings
from tests.integration.batch_compaction.lakes import HOUR, TestLake, event

PROJECT = Path(__file__).parents[3]
OPEN = ("compact", "--all", "--reconcile")


def run(lake: TestLake, *command: str, folder: Path = PROJECT, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "batch_compaction.entry", *command],
        env=lake.environment | lake.settings.as_environment() | {"PYTHONPATH": str(PROJECT)} | variables,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def steps_of(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stderr.splitlines()]


@pytest.fixture
def told_lake(lake: TestLake, emulator: Any) -> TestLake:
    """A lake of which a queue tells."""
    sqs = emulator.client("sqs")
    url = sqs.create_queue(QueueName=lake.settings.raw_bucket)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    lake.s3.put_bucket_notification_configuration(
        Bucket=lake.settings.raw_bucket,
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]},
    )
    settings = {**vars_of(lake.settings), "raw_objects_queue_url": url}
    return TestLake(Settings(**settings), lake.environment)


def vars_of(settings: Settings) -> dict[str, str]:
    return {name: getattr(settings, name) for name in settings.__dataclass_fields__}


def test_every_step_is_one_line_of_json_with_how_far_the_run_is_and_nothing_of_the_events(lake: TestLake) -> None:
    key = lake.put("a", [event("secret-id", user_id="secret-user", minute=minute) for minute in range(3)])
    done = run(lake, *OPEN, "--json", "--metrics")
    assert done.returncode == 0, done.stderr
    steps = steps_of(done)
    assert {"find raw objects", f"read {key}", "merge 2026-11-24T10", "publish raw_objects"} <= {
        step["message"] for step in steps
    }
    [last] = [step for step in steps if step["message"] == "publish raw_objects"]
    assert [last[name] for name in ("objects", "objects_read", "lines", "hours", "hours_merged")] == [1, 1, 3, 1, 1]
    assert "secret" not in done.stderr

    report, metrics = map(json.loads, done.stdout.splitlines())
    assert {step["run_id"] for step in steps} == {report["run_id"]} == {metrics["RunId"]}
    assert report["bytes_read"] == lake.s3.head_object(Bucket=lake.settings.raw_bucket, Key=key)["ContentLength"]
    assert {"find", "read", "merge", "check", "publish"} <= report["seconds"].keys()
    assert 50 << 20 < report["peak_memory_bytes"] < 2 << 30
    assert (metrics["Lines"], metrics["HoursPublished"], metrics["Database"]) == (3, 1, lake.settings.database)


def test_at_a_terminal_bars_show_how_far_the_run_is(lake: TestLake) -> None:
    lake.put("a", [event("e")])
    lake.put("b", [event("f")])
    terminal, stderr = pty.openpty()
    variables = lake.environment | lake.settings.as_environment() | {"PYTHONPATH": str(PROJECT), "TERM": "xterm"}
    with subprocess.Popen(
        [sys.executable, "-m", "clickstream", *OPEN], env=variables, stdout=subprocess.DEVNULL, stderr=stderr
    ) as process:
        os.close(stderr)
        shown = b"".join(iter(lambda: _read(terminal), b"")).decode()
    os.close(terminal)
    assert process.returncode == 0, shown
    assert "compacting:" in shown
    assert re.search(r"1/2\b.*1 lines so far, read", shown), shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # how Linux says that nobody writes to it any more
        return b""


def test_a_run_that_did_all_it_should_ends_with_0_one_that_held_an_hour_with_1(lake: TestLake, tmp_path: Path) -> None:
    (tmp_path / "clickstream.toml").write_text(
        '[quality]\nmin_lines = 1\nmax_duplicate_ratio = 0.1\nblocking = ["duplicate_ratio"]\n'
    )
    lake.put("a", [event("twice"), event("twice")])
    held = run(lake, *OPEN, "--json", folder=tmp_path)
    assert held.returncode == 1
    assert list(json.loads(held.stdout)["held"]) == ["2026-11-24T10"]
    assert steps_of(held)[-1]["level"] == "ERROR"
    assert "2026-11-24T10: duplicate_ratio" in steps_of(held)[-1]["error"]
    accepted = ("--hour", "2026-11-24T10", "--accept", "duplicate_ratio", "--why", "the shop sent it twice")
    assert run(lake, *OPEN, *accepted, folder=tmp_path).returncode == 0


def test_a_run_that_a_service_failed_ends_with_1_and_says_which(lake: TestLake, emulator: Any) -> None:
    lake.put("a", [event("e")])
    emulator.inject(**{"s3.ListObjectsV2": {"error": "AccessDenied", "status": 403, "times": 100}})
    try:
        done = run(lake, *OPEN)
    finally:
        emulator.clear_faults()
    assert done.returncode == 1
    assert "ListObjectsV2" in steps_of(done)[-1]["error"]


@pytest.mark.parametrize(
    "command",
    [("compact", "--hour", "yesterday"), ("compact", "--accept", "users_known"), ("compact", "--memory", "1"), ("no",)],
    ids=" ".join,
)
def test_a_command_that_is_wrong_ends_with_2_and_does_nothing(lake: TestLake, command: tuple[str, ...]) -> None:
    assert run(lake, *command).returncode == 2
    assert lake.lake.find() == {}


def test_settings_that_are_missing_end_with_2_and_are_all_named(lake: TestLake) -> None:
    done = run(lake, "compact", CLICKSTREAM_RAW_BUCKET="", CLICKSTREAM_CURATED_BUCKET="")
    assert done.returncode == 2
    [line] = steps_of(done)
    assert [fault.partition(" ")[0] for fault in line["faults"]] == ["raw_bucket", "curated_bucket"]


def test_of_two_runs_the_one_that_commits_second_plans_again_and_says_so(lake: TestLake) -> None:
    lake.put("a", [event("e1")])
    other: list[list[str]] = []

    def overtake(step: str) -> None:
        if step == "publish fact_clicks" and not other:
            lake.put("b", [event("e2")])
            other.append(lake.compact().committed)

    report = lake.compact(on_step=overtake)
    assert "fact_clicks" in other[0]
    assert report.overtaken == 1
    assert sorted(row["click_id"] for row in lake.rows("fact_clicks")) == ["e1", "e2"]


def test_a_run_beside_one_that_has_the_messages_in_hand_is_told_so(told_lake: TestLake, emulator: Any) -> None:
    told_lake.put("a", [event("e")])
    queue = Queue(emulator.client("sqs"), told_lake.settings.raw_objects_queue_url)
    taken = find(told_lake.s3, told_lake.settings.raw_bucket, queue, now_us=0)
    assert len(taken.objects) == 1

    told = run(told_lake, "compact", "--all", CLICKSTREAM_LOG="text")
    assert told.returncode == 0, told.stderr
    assert "messages in hand" in " ".join(told.stdout.split())
    assert told.stderr == ""
    assert json.loads(run(told_lake, "compact", "--all", "--json").stdout)["committed"] == []

    reconciled = json.loads(run(told_lake, *OPEN, "--json").stdout)
    assert "fact_clicks" in reconciled["committed"]


def test_what_is_wrong_with_notifications_is_in_the_report(told_lake: TestLake, emulator: Any) -> None:
    key = told_lake.put("a", [event("e")])
    told_lake.s3.delete_object(Bucket=told_lake.settings.raw_bucket, Key=key)
    sqs = emulator.client("sqs")
    sqs.send_message(QueueUrl=told_lake.settings.raw_objects_queue_url, MessageBody="{}")
    told_lake.put("b", [event("e")])
    emulator.inject(**{"sqs.DeleteMessageBatch": {"error": "InternalFailure", "times": 100}})
    try:
        done = run(told_lake, "compact", "--all", "--json")
    finally:
        emulator.clear_faults()
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["gone"] == [key]
    assert len(report["strange"]) == 1
    assert report["undeleted"] >= 2
    assert "fact_clicks" in report["committed"]


def test_a_run_over_nothing_new_commits_nothing_and_loads_no_compiler(lake: TestLake) -> None:
    lake.put("a", [event("e")], HOUR)
    assert run(lake, *OPEN).returncode == 0
    before = lake.snapshots()
    code = (
        "import sys; from batch_compaction.entry import main; assert main(['compact', '--json']) == 0; "
        "assert not {'numba', 'llvmlite', 'sqlglot'} & sys.modules.keys(), 'loaded'"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=lake.environment | lake.settings.as_environment() | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["committed"] == []
    assert lake.snapshots() == before
