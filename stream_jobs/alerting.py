"""One life of the alert job in the foreground: probe, begin, watch, stop.

A stop first lets the source rest and everything under way settle, then takes a savepoint: the next life neither loses
nor repeats. A life that dies otherwise leaves its checkpoints, and the next one says what may be a repeat.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JError  # type: ignore[import-untyped]

from schemas.errors import WorkFailedError
from schemas.settings import Settings, max_age_us_of
from stream_jobs import lives, runtime
from stream_jobs.clock import now_us
from stream_jobs.connector import ConnectorConfig, connector_jars, emulator_of
from stream_jobs.defaults import DEDUPE_HOURS, LONGEST_RECEIPTS_LINGER_S, PUBLISH_DEADLINE_S, STREAM_OUTAGE_S
from stream_jobs.job import JobPlan, build
from stream_jobs.job_status import JobStatus
from stream_jobs.job_watch import JobWatch, StatusRecord, innermost_cause, plain
from stream_jobs.poller import PollerConfig, idle_wait_s
from stream_jobs.probe import Stream, probe
from stream_jobs.rules import rules_of
from stream_jobs.shards import start_of
from stream_jobs.sources import SourceConfig

STATUS_FILE = "status.json"
_START_DEADLINE_S = 180.0
_SETTLE_DEADLINE_S = 10.0
_LOOK_INTERVAL_S = 1.0


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
        self._record = StatusRecord(config.folder / STATUS_FILE)

    def run(self) -> dict[str, Any]:
        """Run until SIGTERM or SIGINT, and return the final status.

        Raises:
            ConfigError: an option has no meaning; see `probe`; or another job holds the state.
            WorkFailedError: the job could not be started, or failed and gave up.
        """
        self._rules = rules_of(self._config.settings)
        start = start_of(self._config.start, now_us())
        max_age_us = max_age_us_of(self._config.settings.max_alert_age)
        stream = probe(self._config.settings, self._rules)
        with lives.only_one(self._config.folder):
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: self._stop.set())
            self._record.write("starting", pid=os.getpid(), started_us=now_us())
            try:
                self._live(stream, start, max_age_us)
            except Py4JError as error:
                self._record.write("failed")
                raise WorkFailedError(
                    f"Flink broke off: {plain(innermost_cause(str(error)))}; its log is in {self._logs}"
                ) from error
            except BaseException:
                self._record.write("failed")
                raise
        return self._record.said

    @property
    def _logs(self) -> Path:
        return self._config.folder / "log"

    def _live(self, stream: Stream, start: str, max_age_us: int | None) -> None:
        config, folder = self._config, self._config.folder / stream.identity
        beginning = lives.choose(folder, start, fresh=config.fresh, savepoint=config.savepoint)
        self._say(f"starting {_from(beginning)}")
        source = self._source(stream, beginning, folder)
        rest_port = runtime.free_port()
        environment = runtime.make_environment(self._flink(folder, beginning, rest_port))
        plan = JobPlan(
            config.settings,
            self._rules,
            source,
            max_age_us=max_age_us,
            dedupe_hours=config.dedupe_hours,
            publish_deadline_s=config.publish_deadline_s,
            receipts_linger_ms=round(min(config.checkpoint_s, LONGEST_RECEIPTS_LINGER_S) * 1000),
            follows_unclean=beginning.follows_unclean,
        )
        build(environment, plan)
        lives.begin(folder, beginning)  # not before: up to here a wrong option leaves everything as it was
        job = environment.execute_async("purchase-alerts")
        self._record.said["restored_from"] = str(beginning.restart_point or "") or None
        status = JobStatus(rest_port, str(job.get_job_id()))
        watch = JobWatch(job, status, self._record, self._logs, self._say, self._stop.is_set)
        self._await_running(watch)
        if not watch.has_run:
            job.cancel().result()
            self._record.write("stopped")
            return
        self._say("running")
        while not self._stop.wait(_LOOK_INTERVAL_S):
            watch.look()
        self._shut_down(job, watch, source, beginning.start, folder)

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

    def _await_running(self, watch: JobWatch) -> None:
        deadline_s = time.monotonic() + _START_DEADLINE_S
        while not self._stop.is_set():
            reading = watch.look()
            if reading is not None and reading.running:
                return
            if time.monotonic() > deadline_s:
                raise WorkFailedError(f"the job did not start within {_START_DEADLINE_S:.0f} s, see {self._logs}")
            self._stop.wait(_LOOK_INTERVAL_S)

    def _shut_down(self, job: Any, watch: JobWatch, source: SourceConfig, start: str, folder: Path) -> None:
        self._say("stopping")
        self._record.write("stopping")
        if isinstance(source, PollerConfig):
            source.pause_file.touch()
            self._settle(watch)
        savepoint = runtime.stop_with_savepoint(job, folder)
        lives.ended_clean(folder, start, savepoint)
        self._record.write("stopped", savepoint=str(savepoint))
        self._say(f"stopped; goes on from {savepoint} when started again")

    def _settle(self, watch: JobWatch) -> None:
        """Give what is under way some time, so that less is flagged later; two readings: each may be a second old."""
        deadline_s = time.monotonic() + _SETTLE_DEADLINE_S
        calm = 0
        while calm < 2 and time.monotonic() < deadline_s:
            self._pause.wait(_LOOK_INTERVAL_S)
            reading = watch.look()
            calm = calm + 1 if reading is not None and reading.unsettled == 0 else 0


def _from(beginning: lives.Beginning) -> str:
    if beginning.restart_point is not None:
        return f"from {beginning.restart_point.name}"
    return f"without saved state of this stream, from {beginning.start}"
