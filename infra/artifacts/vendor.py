"""Others' packages as files for a machine that is not this one.

uv installs them for each target, wheels only, with the hashes of the lock file. What the targets have in common is
there once: compiled modules carry their Python and platform in their names and lie side by side, so that one package
serves them all. Installers' records, tests, stubs and the descriptions of AWS services that nothing calls stay out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.artifacts.errors import BuildError
from infra.artifacts.lock import Pin

_UV_DEADLINE_S = 300
# botocore asks it for credentials where a role is assumed.
_ALWAYS_SERVICES = ("sts",)
_USELESS = re.compile(
    r"\.lock|bin/.*|boto3/(examples|data)/.*|.*/examples-1\.json"
    r"|.*\.dist-info/(RECORD|INSTALLER|REQUESTED|WHEEL|zip-safe|(entry_points|top_level)\.txt)"
    r"|(.*/)?(__pycache__|tests)/.*|.*\.(pyi|pyc|c|h)|(.*/)?py\.typed"
)
_SERVICE_DATA = re.compile(r"botocore/data/([^/]+)/.*")


@dataclass(frozen=True, slots=True)
class Target:
    """A machine: a platform as uv names it, and a version of Python."""

    platform: str
    python: str


def find_uv(root: Path) -> str:
    """Return the uv that the Makefile uses.

    Raises:
        BuildError: there is none.
    """
    found = shutil.which("uv") or shutil.which(root / ".tools" / "bin" / "uv")
    if found is None:
        raise BuildError("there is no uv: run `make setup`")
    return found


def vendored(uv: str, pins: Sequence[Pin], targets: Sequence[Target], texts: Iterable[str]) -> dict[str, bytes]:
    """Return the files of distributions for all targets at once, by their path in the folder to import from.

    Args:
        uv: the program.
        pins: what to install.
        targets: where it has to run.
        texts: every text of the source; a service that is not among them is called by nothing.

    Raises:
        BuildError: one cannot be had, or two targets disagree about a file.
    """
    services = {*texts, *_ALWAYS_SERVICES}
    files: dict[str, bytes] = {}
    for number, target in enumerate(targets):
        wanted = [pin for pin in pins if number == 0 or not pin.is_universal]
        for name, content in _installed(uv, wanted, target).items():
            if not _is_kept(name, services):
                continue
            if files.setdefault(name, content) != content:
                raise BuildError(
                    f"{name} differs between {target} and another target, so that one package cannot hold both"
                )
    return files


def _installed(uv: str, pins: Sequence[Pin], target: Target) -> Mapping[str, bytes]:
    if not pins:
        return {}
    with tempfile.TemporaryDirectory() as scratch:
        requirements, folder = Path(scratch, "requirements.txt"), Path(scratch, "installed")
        requirements.write_text("".join(f"{pin.requirement}\n" for pin in pins), encoding="utf-8")
        command = [uv, "pip", "install", "--quiet", "--target", str(folder), "--requirements", str(requirements)]
        command += ["--require-hashes", "--no-deps", "--only-binary", ":all:"]
        command += ["--python", sys.executable, "--python-platform", target.platform, "--python-version", target.python]
        try:
            # Not in the project: its overrides are for its own environment.
            ran = subprocess.run(
                command, cwd=scratch, capture_output=True, text=True, timeout=_UV_DEADLINE_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise BuildError(f"uv did not end within {_UV_DEADLINE_S} s: {' '.join(command)}") from error
        if ran.returncode != 0:
            raise BuildError(f"uv cannot get the packages for {target}: {ran.stderr.strip()}")
        paths = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names)
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(paths)}


def _is_kept(name: str, services: Container[str]) -> bool:
    if _USELESS.fullmatch(name):
        return False
    data = _SERVICE_DATA.fullmatch(name)
    return data is None or data[1] in services
