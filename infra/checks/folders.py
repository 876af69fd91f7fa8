"""Which folders there are: every module and every environment, found by their files.

Decides nothing about what is in them beyond what their text says of providers and of each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import ConfigError

KINDS = ("modules", "envs")
# What is applied before any environment, and is alone of its kind.
_BOOTSTRAP = "bootstrap"
_LOCAL_SOURCE = re.compile(r'^\s*source\s*=\s*"(\.{1,2}/[^"]+)"', re.MULTILINE)
_PROVIDER = re.compile(r'"hashicorp/aws"|^\s*(?:resource|data|ephemeral|provider)\s+"aws', re.MULTILINE)
_TYPE = re.compile(r'^\s*(resource|data|ephemeral)\s+"(aws_\w+)"', re.MULTILINE)
_DOCUMENT = re.compile(r'^\s*data\s+"aws_iam_policy_document"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Folder:
    """A module or an environment.

    Attributes:
        name: like `modules/lake` or `envs/dev`.
        path: absolute.
    """

    name: str
    path: Path


def folders_of(root: Path) -> list[Folder]:
    """Return each folder below `modules` and `envs` that has Terraform in it, and `bootstrap`, ordered by name."""
    found = {path.parent for kind in KINDS for path in (root / kind).glob("*/*.tf")}
    found |= {path.parent for path in (root / _BOOTSTRAP).glob("*.tf")}
    return [Folder(path.relative_to(root).as_posix(), path.resolve()) for path in sorted(found)]


def chosen(folders: Sequence[Folder], names: Sequence[str]) -> list[Folder]:
    """Return the folders that are named, by whole name, last part or path; all of them where none is.

    Raises:
        ConfigError: with every name that is of no folder.
    """
    wanted = [name.rstrip("/") for name in names]
    unknown = [name for name in wanted if not any(_is_called(folder, name) for folder in folders)]
    if unknown:
        known = ", ".join(folder.name for folder in folders)
        raise ConfigError([f"there is no module or environment {name!r}; there are {known}" for name in unknown])
    return [folder for folder in folders if not wanted or any(_is_called(folder, name) for name in wanted)]


def _is_called(folder: Folder, name: str) -> bool:
    return name in (folder.name, folder.path.name) or Path(name).resolve() == folder.path


def with_modules(folder: Path) -> list[Path]:
    """Return a folder and every local module that it calls, itself or by another."""
    reached: list[Path] = []
    waiting = [folder.resolve()]
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.append(path)
            waiting += [(path / source).resolve() for source in _LOCAL_SOURCE.findall(text_of(path, "*.tf"))]
    return reached


def text_of(folder: Path, *patterns: str) -> str:
    """Return the text of the folder's files, below it too but for what Terraform keeps there."""
    paths = sorted({path for pattern in patterns for path in folder.rglob(pattern)})
    return "\n".join(path.read_text(encoding="utf-8") for path in paths if ".terraform" not in path.parts)


def needs_provider(folder: Folder) -> bool:
    """Say whether anything in it needs the AWS provider."""
    return any(_PROVIDER.search(text_of(path, "*.tf")) for path in with_modules(folder.path))


def types_of(paths: Iterable[Path]) -> list[str]:
    """Return the types of the AWS provider that are used in folders, like `data:aws_region`, sorted."""
    text = "\n".join(text_of(path, "*.tf", "*.tftest.hcl") for path in paths)
    return sorted({f"{kind}:{name}" for kind, name in _TYPE.findall(text)})


def has_documents(folder: Folder) -> bool:
    """Say whether the folder itself, not what it calls, renders IAM documents."""
    return _DOCUMENT.search(text_of(folder.path, "*.tf")) is not None


def has_tests(folder: Folder) -> bool:
    """Say whether the folder has tests."""
    return any(".terraform" not in path.parts for path in folder.path.rglob("*.tftest.hcl"))
