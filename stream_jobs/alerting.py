"""One life of the alert job in the foreground: probe, begin, watch, stop.

A stop first lets the source rest and everything under way settle, then takes a savepoint: the next life neither loses
nor repeats. A life that dies otherwise leaves its checkpoints, and the next one says what may be a repeat.
"""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError
from py4j.protocol import Py4JError  # type: ignore[import-untyped]

from schemas.aws_errors import is_transient
from schemas.errors import ConfigError, WorkFailedError
from schemas.instants import datetime_to_us
from schemas.settings import Settings
from stream_jobs import aws_calls, lives, runtime
from stream_jobs.clock import now_us
from stream_jobs.job import JobPlan, build
from stream_jobs.job_status import JobStatus, Reading
from stream_jobs.poller import PollerConfig
from stream_jobs.shards import start_of

STATUS_FILE = "status.json"
PUBLISH_DEADLINE_S = 30 * 60.0
OUTAGE_DEADLINE_S = 5 * 60.0
_START_DEADLINE_S = 180.0
_SETTLE_DEADLINE_S = 10.0
_SILENCE_DEADLINE_S = 60.0
_LOOK_INTERVAL_S = 1.0
_PYTHON_ERROR = re.compile(r"^pemja\.core\.PythonException: <class '[\w.]+'>: ")
_FINISHED = ("FAILED", "CANCELED", "FINISHED")


@dataclass(frozen=True, slots=True)
class AlertsConfig:
    """What a life is told on the command line."""

    settings: Settings
    folder: Path
    start: str
    fresh: bool
    checkpoint_s: float


@dataclass(frozen=True, slots=True)
class Stream:
    """Which stream it is: a digest that no other one has, and when it was created."""

    identity: str
    created_us: int


def probe(settings: Settings) -> Stream:
    """Ask for everything the job needs, and return which stream it is.

    Raises:
        ConfigError: a name does not exist, or there are no credentials or region.
        WorkFailedError: the endpoint does not answer.
    """
    kinesis, sns, sqs, s3 = (aws_calls.client(service) for service in ("kinesis", "sns", "sqs", "s3"))
    summary = _ask(f"stream {settings.stream}", lambda: kinesis.describe_stream_summary(StreamName=settings.stream))
    _ask(
        f"topic {settings.alerts_topic_arn}",
        lambda: sns.get_topic_attributes(TopicArn=settings.alerts_topic_arn),
    )
    queue_url = settings.dead_letter_queue_url
    _ask(
        f"queue {queue_url}",
        lambda: sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"]),
    )
    _ask(f"bucket {settings.curated_bucket}", lambda: s3.head_bucket(Bucket=settings.curated_bucket))
    created_us = datetime_to_us(summary["StreamDescriptionSummary"]["StreamCreationTimestamp"])
    return Stream(lives.stack_identity(str(kinesis.meta.endpoint_url), str(created_us)), created_us)


def _ask(what: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except ClientError as error:
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
        message = f"{what} cannot be used: {error}"
        may_recover = is_transient(aws_calls.code_of(error), status)
        raise (WorkFailedError(message) if may_recover else ConfigError(message)) from error
    except (NoCredentialsError, NoRegionError) as error:
        raise ConfigError(f"{what} cannot be asked for: {error}") from error
    except BotoCoreError as error:
        raise WorkFailedError(
            f"{what} cannot be reached: {error}. Is the stack up? See `clickstream status`, or start it with "
            "`clickstream up`"
        ) from error


class AlertsRun:
    """One life.

    Args:
        config: what it is told.
        say: tells a person what happens.
    """

    def __init__(self, config: AlertsConfig, say: Callable[[str], None]) -> None:
        self._config = config
        self._say = say
        self._stop = threading.Event()
        self._pause = threading.Event()  # never set: for waits that a stop must not cut short
        self._heard_s = time.monotonic()
        self._has_run = False
        self._status: dict[str, Any] = {}

    def run(self) -> dict[str, Any]:
        """Run until SIGTERM or SIGINT, and return the final status.

        Raises:
            ConfigError: see `probe`, or another job holds the state.
            WorkFailedError: the job could not be started, or failed and gave up.
        """
        stream = probe(self._config.settings)
        with lives.only_one(self._config.folder):
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: self._stop.set())
            self._write_status("starting", pid=os.getpid(), started_us=now_us())
            try:
                self._live(stream)
            except Py4JError as error:
                self._write_status("failed")
                raise WorkFailedError(
                    f"Flink broke off: {innermost_cause(str(error))}; its log is in {self._logs}"
                ) from error
            except BaseException:
                self._write_status("failed")
                raise
        return self._status

    @property
    def _logs(self) -> Path:
        return self._config.folder / "log"

    def _live(self, stream: Stream) -> None:
        config, folder = self._config, self._config.folder / stream.identity
        beginning = lives.begin(folder, start_of(config.start, now_us()), fresh=config.fresh)
        self._say(f"starting {_from(beginning)}")
        poller = PollerConfig(
            config.settings.stream, stream.created_us, beginning.start, OUTAGE_DEADLINE_S, folder / "poller"
        )
        poller.pause_file.unlink(missing_ok=True)
        rest_port = runtime.free_port()
        flink = runtime.FlinkConfig(
            folder, self._logs, config.checkpoint_s, PUBLISH_DEADLINE_S + 600, beginning.restart_point, rest_port
        )
        environment = runtime.make_environment(flink)
        repeats_before_us = now_us() if beginning.follows_unclean else 0
        build(environment, JobPlan(config.settings, poller, PUBLISH_DEADLINE_S, repeats_before_us))
        job = environment.execute_async("purchase-alerts")
        status = JobStatus(rest_port, str(job.get_job_id()))
        self._status |= {"restored_from": str(beginning.restart_point or "") or None}
        self._heard_s = time.monotonic()
        self._await_running(job, status)
        if not self._has_run:
            job.cancel().result()
            self._write_status("stopped")
            return
        self._say("running")
        while not self._stop.wait(_LOOK_INTERVAL_S):
            self._look(job, status)
        self._shut_down(job, status, poller, folder)

    def _await_running(self, job: Any, status: JobStatus) -> None:
        deadline_s = time.monotonic() + _START_DEADLINE_S
        while not self._stop.is_set():
            reading = self._look(job, status)
            if reading is not None and reading.running:
                return
            if time.monotonic() > deadline_s:
                raise WorkFailedError(f"the job did not start within {_START_DEADLINE_S:.0f} s, see {self._logs}")
            self._stop.wait(_LOOK_INTERVAL_S)

    def _look(self, job: Any, status: JobStatus) -> Reading | None:
        """Return how the job does and put it on record, or None where Flink is too busy to say."""
        self._fail_if_finished(job)
        try:
            reading = status.read()
        except OSError as error:
            if time.monotonic() - self._heard_s > _SILENCE_DEADLINE_S:
                raise WorkFailedError(f"Flink does not answer: {error}; its log is in {self._logs}") from error
            return None
        self._heard_s = time.monotonic()
        self._has_run |= reading.running
        self._write_status(self._state(reading), restarts=reading.restarts, counters=reading.counters)
        return reading

    def _state(self, reading: Reading) -> str:
        if self._stop.is_set():
            return "stopping"
        if reading.running:
            return "running"
        return "restarting" if self._has_run else "starting"

    def _fail_if_finished(self, job: Any) -> None:
        try:
            state = str(job.get_job_status().result()).rsplit(".", 1)[-1]
        except Py4JError:
            state = "FAILED"  # the mini cluster is gone, which only the end of the job explains
        if state in _FINISHED:
            try:
                job.get_job_execution_result().result()
            except Py4JError as error:
                raise WorkFailedError(
                    f"the job failed and gave up: {innermost_cause(str(error))}; its log is in {self._logs}"
                ) from error
            raise WorkFailedError(f"the job ended by itself ({state}), see {self._logs}")

    def _shut_down(self, job: Any, status: JobStatus, poller: PollerConfig, folder: Path) -> None:
        self._say("stopping")
        self._write_status("stopping")
        poller.pause_file.touch()
        self._settle(job, status)
        savepoint = runtime.stop_with_savepoint(job, folder)
        lives.ended_clean(folder, poller.start)
        lives.forget_older(folder, savepoint)
        poller.pause_file.unlink(missing_ok=True)
        self._write_status("stopped", savepoint=str(savepoint))
        self._say(f"stopped; goes on from {savepoint.name} when started again")

    def _settle(self, job: Any, status: JobStatus) -> None:
        """Give what is under way some time, so that less is flagged later; two readings: each may be a second old."""
        deadline_s = time.monotonic() + _SETTLE_DEADLINE_S
        calm = 0
        while calm < 2 and time.monotonic() < deadline_s:
            self._pause.wait(_LOOK_INTERVAL_S)
            reading = self._look(job, status)
            calm = calm + 1 if reading is not None and reading.unsettled == 0 else 0

    def _write_status(self, state: str, **more: Any) -> None:
        self._status |= {"state": state, "updated_us": now_us()} | more
        lives.write_whole(self._config.folder / STATUS_FILE, json.dumps(self._status).encode())


def _from(beginning: lives.Beginning) -> str:
    if beginning.restart_point is not None:
        return f"from {beginning.restart_point.name}"
    return f"without saved state of this stream, from {beginning.start}"


def innermost_cause(text: str) -> str:
    """Return the innermost cause in a Java stack trace as one line, an error of ours by its message alone."""
    causes = [line.strip() for line in text.splitlines() if "Caused by:" in line]
    cause = causes[-1].removeprefix("Caused by: ") if causes else text.strip().partition("\n")[0]
    return _PYTHON_ERROR.sub("", cause)[:500]
