"""The compaction as a Glue job: its script as a process, and the zip from which it is installed without a network."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging import tags
from packaging.utils import parse_wheel_filename

from infra.artifacts.archive import zip_bytes
from infra.artifacts.lock import pins_of
from infra.artifacts.packages import GLUE_JOB
from infra.artifacts.requirements import compaction_requirements
from infra.artifacts.vendor import find_uv
from infra.artifacts.wheel import project_wheel
from infra.artifacts.wheelhouse import GLUE, requirements_for, zip_of_wheels
from schemas.codec import encode
from schemas.event import ClickEvent
from schemas.instants import parse_instant_us
from schemas.lake import RAW_PREFIX
from schemas.settings import load_settings

ROOT = Path(__file__).parents[4]
EVENT = ClickEvent(
    event_id="e",
    user_id="u",
    session_id="s",
    event_type="click",
    event_timestamp_us=parse_instant_us("2026-11-24T10:00:00Z"),
)


def run_job(script: Path, arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the script as Glue's driver does: from a file of another name, with no setting in the environment."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CLICKSTREAM_"))}
    return subprocess.run(
        [sys.executable, str(script), "--JOB_NAME", "compaction", *arguments],
        cwd=script.parent,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return Path(shutil.copyfile(ROOT / "batch_compaction" / "glue_job.py", tmp_path / GLUE_JOB))


def test_the_job_runs_its_command_with_settings_from_its_arguments(emulator: Any, script: Path) -> None:
    variables: dict[str, str] = emulator.environment
    bucket = load_settings(variables, ROOT / "no folder").raw_bucket
    emulator.client("s3").put_object(Bucket=bucket, Key=f"{RAW_PREFIX}glue.json", Body=encode(EVENT) + b"\n{broken\n")
    settings = [f"--{name}={value}" for name, value in variables.items() if name.startswith("CLICKSTREAM_")]
    account = {name: value for name, value in variables.items() if name.startswith("AWS_")}
    command = ["--command", json.dumps(["compact", "--all", "--json"]), "--region", account.pop("AWS_DEFAULT_REGION")]
    done = run_job(script, [*settings, *command], account)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert (report["lines"], report["accepted"]) == (2, 1)
    # Told as lines of JSON, for the log.
    assert all(json.loads(line) for line in done.stderr.splitlines())


def test_the_exit_code_is_that_of_the_command(emulator: Any, script: Path) -> None:
    settings = [f"--{name}={value}" for name, value in emulator.environment.items() if name.startswith("CLICKSTREAM_")]
    account = {name: value for name, value in emulator.environment.items() if name.startswith("AWS_")}
    wrong = run_job(script, ["--command", '["compact", "--hour", "x"]', *settings], account)
    assert wrong.returncode == 2, wrong.stderr
    unreachable = {**account, "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"}
    failed = run_job(script, ["--command", '["hours", "--json"]', *settings], unreachable)
    assert failed.returncode == 1, failed.stderr
    refused = run_job(script, ["--CLICKSTREAM_RAW_BUKET=a"], account)
    assert refused.returncode == 2
    assert json.loads(refused.stderr)["faults"] == ["--CLICKSTREAM_RAW_BUKET is no setting"]


@pytest.fixture(scope="module")
def requirements() -> list[str]:
    """Of all that the job needs, as the lock file has it."""
    return requirements_for(GLUE, compaction_requirements(ROOT, find_uv(ROOT)))


def test_every_package_of_the_job_has_a_wheel_for_glue(requirements: list[str]) -> None:
    runs = {
        *tags.cpython_tags((3, 11), platforms=GLUE.platforms),
        *tags.compatible_tags((3, 11), "cp311", platforms=GLUE.platforms),
    }
    names = [line.partition("==")[0] for line in requirements]
    assert {"pyarrow", "numba", "pyiceberg", "duckdb"} < set(names)
    for line in requirements:
        wheels = wheels_of(line)
        assert any(parse_wheel_filename(wheel)[3] & runs for wheel in wheels), line


def wheels_of(requirement: str) -> list[str]:
    """The wheels in the lock file of which a requirement has the hashes."""
    lock = (ROOT / "uv.lock").read_text(encoding="utf-8").splitlines()
    hashes = [digest.strip() for digest in requirement.split(" --hash=")[1:]]
    entries = [line for line in lock if any(f'hash = "{digest}"' in line for digest in hashes) and ".whl" in line]
    return [line.partition('url = "')[2].partition('"')[0].rpartition("/")[2] for line in entries]


def test_the_zip_is_the_same_each_time_and_is_installed_without_a_network(
    requirements: list[str], tmp_path: Path
) -> None:
    """With a few of the packages: one for each platform, one for all, and the project itself."""
    few = [line for line in requirements if line.partition("==")[0] in ("msgspec", "typing-extensions", "six")]
    assert len(few) == 3
    own = dict([project_wheel(ROOT)])
    made = zip_bytes(zip_of_wheels(GLUE, few, own))
    assert zip_bytes(zip_of_wheels(GLUE, few, own)) == made

    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        archive.extractall(tmp_path)
    wheels = sorted(path.name for path in (tmp_path / "wheels").glob("*.whl"))
    assert [name.partition("-")[0] for name in wheels] == [
        "clickstream_pipeline",
        "msgspec",
        "six",
        "typing_extensions",
    ]
    assert "cp311-cp311-manylinux" in wheels[1]
    install = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--find-links", "wheels"]
    install += ["--requirement", "wheels/requirements.txt", "--target", "installed"]
    install += ["--python-version", "3.11", "--implementation", "cp", "--only-binary", ":all:"]
    for platform in GLUE.platforms:
        install += ["--platform", platform]
    ran = subprocess.run(install, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "installed" / "batch_compaction" / "glue_job.py").is_file()
    versions = {pin.name: pin.version for pin in pins_of((ROOT / "uv.lock").read_text(), ["msgspec", "six"])}
    for name, version in versions.items():
        assert (tmp_path / "installed" / f"{name}-{version}.dist-info").is_dir()
