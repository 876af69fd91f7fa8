"""Others' packages as the wheels that their index has, for an installer that has no network.

A zip in the form that AWS Glue calls a zip of wheels: `wheels/` with a requirements file and every wheel in it. Which
versions is the lock file's decision, and each wheel has one of its hashes; which of several wheels of a version fits is
pip's.

Source: AWS Glue developer guide, "Using Python libraries with AWS Glue", appendix on zips of wheels.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from infra.artifacts.errors import BuildError

_FOLDER = "wheels"
_DEADLINE_S = 1200


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the wheels are installed: Linux with glibc, CPython.

    Attributes:
        python: its version, such as 3.11.
        architecture: as wheels name it.
        glibc: the minor version of glibc 2.
    """

    python: str
    architecture: str
    glibc: int

    @property
    def markers(self) -> dict[str, str]:
        """What requirements may make themselves depend on."""
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.0",
            "os_name": "posix",
            "platform_machine": self.architecture,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
        }

    @property
    def platforms(self) -> list[str]:
        """Tags of wheels that run there, the best first. Source: PEP 600."""
        return [
            *(f"manylinux_2_{minor}_{self.architecture}" for minor in range(self.glibc, 4, -1)),
            *(f"manylinux{name}_{self.architecture}" for name in ("2014", "2010", "1")),
        ]


# Glue 5: Amazon Linux 2023 and Python 3.11.
GLUE = Machine("3.11", "x86_64", 34)


def requirements_for(machine: Machine, text: str) -> list[str]:
    """Return the requirements with hashes, as lines of a file, that apply on a machine.

    Args:
        machine: where.
        text: a requirements file as uv exports it: one version each, with hashes.
    """
    return [
        f"{requirement.name}{requirement.specifier} {' '.join(hashes)}"
        for requirement, hashes in _parsed(text)
        if requirement.marker is None or requirement.marker.evaluate(machine.markers)
    ]


def zip_of_wheels(machine: Machine, requirements: list[str], own: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return what is in the zip, by path.

    Args:
        machine: where it is installed.
        requirements: with hashes, see `requirements_for`.
        own: wheels beside these, by name.

    Raises:
        BuildError: a wheel cannot be had, or none fits.
    """
    wheels = {**_downloaded(machine, requirements), **own}
    names = sorted("==".join(name.split("-")[:2]).replace("_", "-") for name in wheels)
    if len(wheels) != len(requirements) + len(own):
        raise BuildError(f"{len(requirements)} packages came as {len(wheels) - len(own)} wheels")
    listed = "".join(f"{name}\n" for name in names).encode()
    return {f"{_FOLDER}/requirements.txt": listed, **{f"{_FOLDER}/{name}": data for name, data in wheels.items()}}


def _parsed(text: str) -> Iterator[tuple[Requirement, list[str]]]:
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.startswith("#"):
            said, *hashes = line.split(" --hash=")
            yield Requirement(said.strip()), [f"--hash={digest.strip()}" for digest in hashes]


def _downloaded(machine: Machine, requirements: list[str]) -> dict[str, bytes]:
    if not requirements:
        return {}
    with tempfile.TemporaryDirectory() as scratch:
        listed, folder = Path(scratch, "requirements.txt"), Path(scratch, "wheels")
        listed.write_text("".join(f"{line}\n" for line in requirements), encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--requirement", str(listed)]
        command += ["--implementation", "cp", "--python-version", machine.python, "--dest", str(folder)]
        for platform in machine.platforms:
            command += ["--platform", platform]
        try:
            ran = subprocess.run(command, capture_output=True, text=True, timeout=_DEADLINE_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise BuildError(f"pip did not end within {_DEADLINE_S} s: {' '.join(command)}") from error
        if ran.returncode != 0:
            raise BuildError(f"pip cannot get the wheels for {machine}: {ran.stderr.strip()}")
        return {path.name: path.read_bytes() for path in folder.iterdir()}
