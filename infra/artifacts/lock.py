"""Which versions of others' packages are packed: those of the lock file, with what they need, each with its hashes.

Only what the tests ran with is deployed. Decides no version itself.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from infra.artifacts.errors import BuildError

_LOCK_VERSION = 1
_UNIVERSAL = re.compile(r"-(py2\.)?py3-none-any\.whl$")


@dataclass(frozen=True, slots=True)
class Pin:
    """One distribution in one version.

    Attributes:
        hashes: of its wheels, as `sha256:…`; one for each platform.
        is_universal: its wheel is the same for every platform and every Python 3.
    """

    name: str
    version: str
    hashes: tuple[str, ...]
    is_universal: bool

    @property
    def requirement(self) -> str:
        """The line of a requirements file that takes this and nothing else."""
        return " ".join([f"{self.name}=={self.version}", *(f"--hash={digest}" for digest in self.hashes)])


def pins_of(lock: str, packages: Iterable[str]) -> list[Pin]:
    """Return the distributions of some packages and all that these need, by name.

    Args:
        lock: the text of `uv.lock`.
        packages: names as they are imported; each has to be the name of its distribution too.

    Raises:
        BuildError: one is not in the lock file, or it cannot be told which of several would be installed.
    """
    read = tomllib.loads(lock)
    if read.get("version") != _LOCK_VERSION:
        raise BuildError(f"uv.lock has version {read.get('version')}; what is read here is version {_LOCK_VERSION}")
    locked: dict[str, list[Mapping[str, Any]]] = {}
    for entry in read["package"]:
        locked.setdefault(entry["name"], []).append(entry)
    pins: dict[str, Pin] = {}
    ahead = [(_normal(package), "the source") for package in packages]
    while ahead:
        name, wanted_by = ahead.pop()
        if name in pins:
            continue
        entries = locked.get(name, [])
        if len(entries) != 1:
            raise BuildError(f"{wanted_by} needs {name}, of which uv.lock has {len(entries)} versions")
        entry = entries[0]
        wheels = entry.get("wheels", ())
        is_universal = all(_UNIVERSAL.search(wheel["url"]) for wheel in wheels)
        pins[name] = Pin(name, entry["version"], tuple(wheel["hash"] for wheel in wheels), is_universal)
        for dependency in entry.get("dependencies", ()):
            if "marker" in dependency:
                raise BuildError(
                    f"{name} needs {dependency['name']} only where {dependency['marker']}: not decided here"
                )
            ahead.append((dependency["name"], name))
    return [pins[name] for name in sorted(pins)]


def _normal(name: str) -> str:
    """Return a name as the index writes it.

    Source: packaging.python.org, "Names and normalization".
    """
    return re.sub(r"[-_.]+", "-", name).lower()
