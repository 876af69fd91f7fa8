"""The tools of the checks: got once, pinned by hash, kept in the user's cache folder and used by every later run.

`requirements/*.txt` are the pins, made of the files `.in` beside them by

    uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate NAME.in -o NAME.txt

The AWS provider is Terraform's own where its registry answers. Where a folder with the schema-serving provider lies
beside the project, that one is built and used instead: it knows every type and argument, makes up what AWS would
answer, and calls nobody, so that tests can apply. With the registry's provider they would need an account, and are not
run.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.artifacts.errors import BuildError
from infra.artifacts.vendor import find_uv
from infra.checks.running import run_tool
from schemas.errors import ClickstreamError

_ROOT = Path(__file__).resolve().parents[2]
_REQUIREMENTS = Path(__file__).with_name("requirements")
_SCHEMA_PROVIDER = _ROOT.parent / "shared" / "tools" / "awsschema"
# Source: Terraform CLI documentation, "Remote service discovery".
_REGISTRY = "https://registry.terraform.io/.well-known/terraform.json"
_REGISTRY_DEADLINE_S = 5
# Source: Terraform documentation, "Command: providers schema".
_KINDS = {
    "resource": "resource_schemas",
    "data": "data_source_schemas",
    "ephemeral": "ephemeral_resource_schemas",
}


class UnavailableError(ClickstreamError):
    """A tool cannot be had here; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Provider:
    """Where Terraform gets the AWS provider from.

    Attributes:
        variables: what Terraform is told of it.
        can_apply: it calls nobody, so tests may apply; else it is the real one.
    """

    variables: Mapping[str, str]
    can_apply: bool


class Tools:
    """The tools below one cache folder.

    Args:
        cache: the folder; made where it is not there.
        schema_provider: the folder of the schema-serving provider; need not exist.
    """

    def __init__(self, cache: Path, schema_provider: Path = _SCHEMA_PROVIDER) -> None:
        self._cache = cache
        self._schema_provider = schema_provider
        cache.mkdir(parents=True, exist_ok=True)

    def python(self, name: str) -> Path:
        """Return the Python of the environment of `requirements/NAME.txt`.

        Raises:
            UnavailableError: it cannot be installed.
        """
        requirements = _REQUIREMENTS / f"{name}.txt"
        folder = self._cache / f"{name}-{_digest([requirements.read_bytes(), sys.version.encode()])}"
        python = folder / "bin" / "python"
        with self._once(folder) as is_new:
            if is_new:
                uv = _uv()
                _make([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], f"no {name}")
                command = [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(python), str(requirements)]
                _make(command, f"{name} cannot be installed")
        return python

    def provider(self, types: Sequence[str]) -> Provider:
        """Return where Terraform gets the AWS provider from.

        Args:
            types: every type that is used, like `data:aws_region`.

        Raises:
            UnavailableError: from nowhere.
        """
        if (self._schema_provider / "provider").is_dir() and shutil.which("go"):
            return self._serving(types)
        if not _registry_answers():
            raise UnavailableError("the AWS provider: registry.terraform.io does not answer")
        plugins = self._cache / "plugins"
        plugins.mkdir(exist_ok=True)
        config = self._written("registry.tfrc", f'plugin_cache_dir = "{plugins}"\n')
        return Provider({"TF_CLI_CONFIG_FILE": str(config)}, can_apply=False)

    def without_provider(self) -> Provider:
        """Return what serves folders that need no provider at all."""
        return Provider({"TF_CLI_CONFIG_FILE": str(self._written("none.tfrc", ""))}, can_apply=True)

    def _serving(self, types: Sequence[str]) -> Provider:
        sources = sorted((self._schema_provider / "provider").iterdir())
        extract = self._schema_provider / "extract_schema.py"
        folder = self._cache / f"provider-{_digest(path.read_bytes() for path in sources)}"
        with self._once(folder) as is_new:
            if is_new:
                folder.mkdir(exist_ok=True)
                _make(
                    ["go", "build", "-trimpath", "-o", str(folder / "terraform-provider-aws"), "."],
                    "the provider cannot be built",
                    cwd=self._schema_provider / "provider",
                    variables={"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"},
                )
        whole = self._schema(extract)
        schema = folder / f"{_digest([whole.name.encode(), *map(str.encode, types)])}.json"
        with self._once(schema) as is_new:
            if is_new:
                # Terraform reads it anew with each command, so it gets no more than is used.
                schema.write_text(_schema_of(whole.read_text(encoding="utf-8"), types), encoding="utf-8")
        overrides = f'provider_installation {{\n  dev_overrides {{\n    "hashicorp/aws" = "{folder}"\n  }}\n}}\n'
        config = self._written("serving.tfrc", overrides)
        return Provider({"TF_CLI_CONFIG_FILE": str(config), "AWS_SCHEMA_JSON": str(schema)}, can_apply=True)

    def _schema(self, extract: Path) -> Path:
        """Return a file with the schema of every type of the provider."""
        requirements = _REQUIREMENTS / "provider.txt"
        schema = self._cache / f"schema-{_digest([requirements.read_bytes(), extract.read_bytes()])}.json"
        with self._once(schema) as is_new, tempfile.TemporaryDirectory(dir=self._cache) as scratch:
            if is_new:
                command = [_uv(), "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--target", scratch]
                _make([*command, "--requirement", str(requirements)], "the provider's bindings cannot be had")
                # What extracts wants a wheel; of that it reads one file.
                [package] = Path(scratch).rglob("*.jsii.tgz")
                wheel = Path(scratch) / "bindings.whl"
                with zipfile.ZipFile(wheel, "w") as archive:
                    archive.write(package, package.name)
                options = ["--wheel", str(wheel), "--all", "--out", str(schema)]
                _make([sys.executable, str(extract), *options], "the provider's schema cannot be read")
        return schema

    def _written(self, name: str, text: str) -> Path:
        path = self._cache / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            part = path.with_suffix(f".{os.getpid()}")
            part.write_text(text, encoding="utf-8")
            part.replace(path)
        return path

    @contextmanager
    def _once(self, made: Path) -> Iterator[bool]:
        """Say whether something has still to be made; whoever else wants it meanwhile waits."""
        ready = made.with_name(f"{made.name}.ready")
        with self._cache.joinpath("lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            is_new = not (ready.is_file() and made.exists())
            yield is_new
            if is_new:
                ready.touch()


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Return the user's cache folder for the tools."""
    base = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "clickstream-infra"


def _uv() -> str:
    try:
        return find_uv(_ROOT)
    except BuildError as error:
        raise UnavailableError(str(error)) from error


def _schema_of(whole: str, types: Sequence[str]) -> str:
    """Return a schema that has of some types those that there are; of the others Terraform says that there are none."""
    parsed = json.loads(whole)
    for provider in parsed["provider_schemas"].values():
        for kind, key in _KINDS.items():
            wanted = {name.removeprefix(f"{kind}:") for name in types if name.startswith(f"{kind}:")}
            provider[key] = {name: schema for name, schema in provider[key].items() if name in wanted}
    return json.dumps(parsed)


def _registry_answers() -> bool:
    try:
        with urllib.request.urlopen(_REGISTRY, timeout=_REGISTRY_DEADLINE_S):
            return True
    except OSError:
        return False


def _make(
    command: Sequence[str | Path], failure: str, cwd: Path | None = None, variables: Mapping[str, str] | None = None
) -> None:
    try:
        ran = run_tool(command, variables, cwd=cwd)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"{failure}: {error}") from error
    if ran.returncode != 0:
        raise UnavailableError(f"{failure}: {ran.stderr.strip()[-1500:]}")


def _digest(parts: Iterator[bytes] | Sequence[bytes]) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
