from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from schemas.instants import SECOND_US
from schemas.job_health import STOP_STALE_AFTER_US
from stream_jobs.runtime import SAVEPOINT_TIMEOUT_S, FlinkConfig, process_variables

CONFIG = FlinkConfig(Path("/a state folder"), Path("/logs"), 10, 60, None, 8081)


def test_a_job_without_a_restart_point_is_not_told_of_one() -> None:
    assert "execution.state-recovery.path" not in CONFIG.options()


def test_paths_are_given_as_flink_takes_them() -> None:
    options = replace(CONFIG, restart_point=Path("/a state folder/checkpoints/1/chk-2")).options()
    assert options["execution.state-recovery.path"] == "file:///a state folder/checkpoints/1/chk-2"
    assert options["execution.checkpointing.dir"] == "file:///a state folder/checkpoints"


def test_fractions_of_a_second_between_checkpoints_are_kept() -> None:
    assert replace(CONFIG, checkpoint_s=0.5).options()["execution.checkpointing.interval"] == "500 ms"


def test_metrics_are_for_prometheus_only_where_a_port_is_given() -> None:
    assert not [name for name in CONFIG.options() if name.startswith("metrics.reporter")]
    options = replace(CONFIG, prometheus_port=9249).options()
    assert options["metrics.reporter.prometheus.port"] == "9249"
    assert any(
        "flink-metrics-prometheus" in jar for jar in process_variables({}, Path("/logs"))["HADOOP_CLASSPATH"].split(":")
    )


def test_jars_of_the_source_are_handed_to_flink() -> None:
    options = replace(CONFIG, jars=[Path("/a.jar"), Path("/b.jar")]).options()
    assert options["pipeline.jars"] == "file:///a.jar;file:///b.jar"


def test_the_jvm_finds_this_python_first_and_java_without_a_variable() -> None:
    variables = process_variables({"PATH": "/usr/bin"}, Path("/logs"))
    assert variables["PATH"] == f"{Path(sys.executable).parent}{os.pathsep}/usr/bin"
    assert (Path(variables["JAVA_HOME"]) / "bin" / "java").exists()
    assert variables["FLINK_LOG_DIR"] == "/logs"


def test_a_job_that_waits_for_its_last_savepoint_is_not_called_stale() -> None:
    assert STOP_STALE_AFTER_US > SAVEPOINT_TIMEOUT_S * SECOND_US
