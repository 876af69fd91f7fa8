"""The legs of the compaction benchmark as it runs them, and the meter that it holds beside them."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.compaction import expected_of
from bench.compaction_input import GZIP, PLAIN, Input, Shape, make

LINES = 5_000


def run(*command: str) -> str:
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def left_by(leg: str, given: Input, form: str, target: Path) -> dict[str, Any]:
    run("-m", f"bench.compaction_{leg}", str(given.buckets(form)), str(target))
    told: dict[str, Any] = json.loads(
        run("-m", "bench.compaction_check", str(target), *(["--lake"] if leg == "ours" else []))
    )
    return told


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Input:
    return make(tmp_path_factory.mktemp("input"), Shape(LINES, objects=3), [PLAIN, GZIP], lambda _: None)


@pytest.fixture(scope="module")
def ours(given: Input, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return left_by("ours", given, PLAIN, tmp_path_factory.mktemp("ours"))


def test_our_run_leaves_what_was_written(given: Input, ours: dict[str, Any]) -> None:
    assert ours == ours | expected_of(given.written)
    assert ours["dim_users_rows"] > 0


def test_gzip_twins_give_the_same_rows(given: Input, ours: dict[str, Any], tmp_path: Path) -> None:
    assert left_by("ours", given, GZIP, tmp_path) == ours


@pytest.mark.parametrize(
    "leg",
    [
        "duckdb",
        pytest.param(
            "pyspark",
            marks=pytest.mark.skipif(
                importlib.util.find_spec("pyspark") is None, reason="PySpark is not installed: uv sync --group engines"
            ),
        ),
    ],
)
def test_a_baseline_comes_to_the_same_rows(leg: str, given: Input, ours: dict[str, Any], tmp_path: Path) -> None:
    assert left_by(leg, given, PLAIN, tmp_path) == ours


def test_the_check_tells_rows_apart(given: Input, ours: dict[str, Any], tmp_path: Path) -> None:
    other = make(tmp_path, Shape(LINES, objects=3, seed=2), [PLAIN], lambda _: None)
    found = left_by("duckdb", other, PLAIN, tmp_path / "out")
    assert all(found[name] != ours[name] for name in ours if name.endswith("_hash"))


# Its child ends at once; what that leaves behind works on for half a second of CPU time.
ORPHAN = """
import os, time
if os.fork() == 0:
    memory = bytearray(100 << 20)
    while time.process_time() < 0.5:
        pass
"""
METER = """
import sys
from bench.compaction_meter import measure
taken = measure([sys.executable, "-c", sys.argv[1]])
print(taken.cpu_s, taken.peak_rss_mib)
"""


def test_the_meter_counts_what_an_orphan_takes() -> None:
    cpu_s, peak_rss_mib = map(float, run("-c", METER, ORPHAN).split())
    assert 0.5 <= cpu_s < 5
    assert 100 < peak_rss_mib < 400


def test_the_meter_tells_why_a_command_failed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", METER, "raise SystemExit('out of luck')"], capture_output=True, text=True, check=False
    )
    assert "ended with 1:\nout of luck" in done.stderr
