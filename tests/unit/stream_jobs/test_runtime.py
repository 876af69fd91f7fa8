from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from stream_jobs.alerting import PUBLISH_DEADLINE_S
from stream_jobs.runtime import FlinkConfig, process_variables

CONFIG = FlinkConfig(Path("/a state folder"), Path("/logs"), 10, 60, None, 8081)


def test_a_job_without_a_restart_point_is_not_told_of_one() -> None:
    assert "execution.state-recovery.path" not in CONFIG.options()


def test_paths_are_given_as_flink_takes_them() -> None:
    options = replace(CONFIG, restart_point=Path("/a state folder/checkpoints/1/chk-2")).options()
    assert options["execution.state-recovery.path"] == "file:///a state folder/checkpoints/1/chk-2"
    assert options["execution.checkpointing.dir"] == "file:///a state folder/checkpoints"


def test_fractions_of_a_second_between_checkpoints_are_kept() -> None:
    assert replace(CONFIG, checkpoint_s=0.5).options()["execution.checkpointing.interval"] == "500 ms"


def test_an_outage_beyond_every_publish_deadline_ends_the_job() -> None:
    options = CONFIG.options()
    failures = int(options["restart-strategy.failure-rate.max-failures-per-interval"])
    interval_min = int(options["restart-strategy.failure-rate.failure-rate-interval"].removesuffix(" min"))
    assert interval_min * 60 > (failures + 1) * PUBLISH_DEADLINE_S


def test_the_jvm_finds_this_python_first_and_java_without_a_variable() -> None:
    variables = process_variables({"PATH": "/usr/bin"}, Path("/logs"))
    assert variables["PATH"] == f"{Path(sys.executable).parent}{os.pathsep}/usr/bin"
    assert (Path(variables["JAVA_HOME"]) / "bin" / "java").exists()
    assert variables["FLINK_LOG_DIR"] == "/logs"
