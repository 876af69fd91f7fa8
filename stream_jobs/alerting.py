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

from py4j.protocol import Py4JError  # type: ignore[import-untyped]

from schemas.errors import WorkFailedError
from schemas.settings import Settings
from stream_jobs import lives, runtime
from stream_jobs.clock import now_us
from stream_jobs.connector import ConnectorConfig, connector_jars, emulator_of
from stream_jobs.decoding import max_age_us_of
from stream_jobs.defaults import DEDUPE_HOURS, LONGEST_RECEIPTS_LINGER_S, PUBLISH_DEADLINE_S, STREAM_OUTAGE_S
from stream_jobs.job import JobPlan, build
from stream_jobs.job_status import JobStatus, Reading
from stream_jobs.patience import GaveUpError
from stream_jobs.poller import PollerConfig, idle_wait_s
from stream_jobs.probe import Stream, probe
from stream_jobs.rules import rules_of
from stream_jobs.shards import start_of
from stream_jobs.sources import SourceConfig

STATUS_FILE = "status.json"
_START_DEADLINE_S = 180.0
_SETTLE_DEADLINE_S = 10.0
_SILENCE_DEADLINE_S = 60.0
_LOOK_INTERVAL_S = 1.0
_PYTHON_ERROR = re.compile(r"^pemja\.core\.PythonException: <class '[\w.]+'>: ")
_FINISHED = ("FAILED", "CANCELED", "FINISHED")


@dataclass(frozen=True, slots=True)
class AlertsConfig:
    """What a life is told on the command line.

    Attributes:
        settings: where to read and write, and what is alerted.
        folder: for everything that is kept.
        start: where to begin when there is no saved state, see `shards.start_of`.
        fresh: forget the saved state.
        savepoint: begin from this one instead of the newest state.
        checkpoint_s: seconds between checkpoints.
        parallelism: subtasks of each operator.
        connector: the jar, or a folder of jars, of Flink's Kinesis connector; None for the poller.
        dedupe_hours: how long an event id is remembered.
        publish_deadline_s: how long a topic, queue or bucket may refuse everything before the job fails.
        prometheus_port: where Prometheus may read the metrics; None for nowhere.
    """

    settings: Settings
    folder: Path
    start: str
    fresh: bool
    checkpoint_s: float
    savepoint: Path | None = None
    parallelism: int = 1
    connector: Path | None = None
    dedupe_hours: int = DEDUPE_HOURS
    publish_deadline_s: float = PUBLISH_DEADLINE_S
    prometheus_port: int | None = None


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
        self._explained = 0
        self._status: dict[str, Any] = {}

    def run(self) -> dict[str, Any]:
        """Run until SIGTERM or SIGINT, and return the final status.

        Raises:
            ConfigError: see `probe`, or another job holds the state.
            WorkFailedError: the job could not be started, or failed and gave up.
        """
        self._rules = rules_of(self._config.settings)
        stream = probe(self._config.settings, self._rules)
        with lives.only_one(self._config.folder):
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: self._stop.set())
            self._write_status("starting", pid=os.getpid(), started_us=now_us())
            try:
                self._live(stream)
            except Py4JError as error:
                self._write_status("failed")
                raise WorkFailedError(
                    f"Flink broke off: {plain(innermost_cause(str(error)))}; its log is in {self._logs}"
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
        start = start_of(config.start, now_us())
        beginning = lives.choose(folder, start, fresh=config.fresh, savepoint=config.savepoint)
        self._say(f"starting {_from(beginning)}")
        source = self._source(stream, beginning, folder)
        rest_port = runtime.free_port()
        environment = runtime.make_environment(self._flink(folder, beginning, rest_port))
        plan = JobPlan(
            config.settings,
            self._rules,
            source,
            max_age_us=max_age_us_of(config.settings.max_alert_age),
            dedupe_hours=config.dedupe_hours,
            publish_deadline_s=config.publish_deadline_s,
            receipts_linger_ms=round(min(config.checkpoint_s, LONGEST_RECEIPTS_LINGER_S) * 1000),
            follows_unclean=beginning.follows_unclean,
        )
        build(environment, plan)
        lives.begin(folder, beginning)  # not before: up to here a wrong option leaves everything as it was
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
        self._shut_down(job, status, source, beginning.start, folder)

    def _source(self, stream: Stream, beginning: lives.Beginning, folder: Path) -> SourceConfig:
        config = self._config
        if config.connector is not None:
            return ConnectorConfig(stream.arn, beginning.start, emulator_of(os.environ))
        poller = PollerConfig(
            config.settings.stream,
            stream.created_us,
            beginning.start,
            STREAM_OUTAGE_S,
            folder / "poller",
            idle_wait_s(is_emulated=emulator_of(os.environ) is not None),
        )
        poller.pause_file.unlink(missing_ok=True)
        return poller

    def _flink(self, folder: Path, beginning: lives.Beginning, rest_port: int) -> runtime.FlinkConfig:
        config = self._config
        return runtime.FlinkConfig(
            folder,
            self._logs,
            config.checkpoint_s,
            # Above the publish deadline, for a job that is held back cannot finish a checkpoint.
            config.publish_deadline_s + 600,
            beginning.restart_point,
            rest_port,
            config.parallelism,
            connector_jars(config.connector) if config.connector else (),
            config.prometheus_port,
        )

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
        if reading.restarts > self._explained:
            self._explain(job, status)
        self._write_status(
            self._state(reading),
            restarts=reading.restarts,
            behind_ms=reading.behind_ms,
            oldest_unsettled_ms=reading.oldest_unsettled_ms,
            failing_for_ms=reading.failing_for_ms,
            latency_ms=reading.latency_ms,
            counters=reading.counters,
        )
        return reading

    def _explain(self, job: Any, status: JobStatus) -> None:
        """Tell why Flink restarted the job, and end it where another attempt would only begin the same wait again."""
        try:
            failures = status.failures()
        except OSError:
            return  # too busy; the next look asks again
        if len(failures) <= self._explained:
            return  # it counts a restart before it tells of it
        self._explained = len(failures)
        cause = innermost_cause(failures[0])
        self._status["last_failure"] = plain(cause)
        if GaveUpError.__name__ in cause:
            job.cancel().result()
            raise WorkFailedError(plain(cause))
        self._say(f"restarted after a failure ({self._explained} so far): {plain(cause)}")

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
                    f"the job failed and gave up: {plain(innermost_cause(str(error)))}; its log is in {self._logs}"
                ) from error
            raise WorkFailedError(f"the job ended by itself ({state}), see {self._logs}")

    def _shut_down(self, job: Any, status: JobStatus, source: SourceConfig, start: str, folder: Path) -> None:
        self._say("stopping")
        self._write_status("stopping")
        if isinstance(source, PollerConfig):
            source.pause_file.touch()
            self._settle(job, status)
        savepoint = runtime.stop_with_savepoint(job, folder)
        lives.ended_clean(folder, start, savepoint)
        self._write_status("stopped", savepoint=str(savepoint))
        self._say(f"stopped; goes on from {savepoint} when started again")

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
    """Return the innermost cause in a Java stack trace as one line."""
    causes = [line.strip() for line in text.splitlines() if "Caused by:" in line]
    cause = causes[-1].removeprefix("Caused by: ") if causes else text.strip().partition("\n")[0]
    return cause[:500]


def plain(cause: str) -> str:
    """Return a cause for a person: of an error of ours its message alone."""
    return _PYTHON_ERROR.sub("", cause)
