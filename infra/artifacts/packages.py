"""What is in each package, and how large it may be.

The alert job's has the layout that Managed Service for Apache Flink asks for: `main.py`, `dep/` with everything that it
imports, ours and others', and `lib/` with one jar. Our own packages lie in `dep/` because Flink brings nothing but that
folder to its tasks. The function's has the layout of Lambda: everything at the root.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.artifacts.archive import zip_bytes
from infra.artifacts.closure import closure_of
from infra.artifacts.errors import BuildError
from infra.artifacts.lock import pins_of
from infra.artifacts.vendor import Target, vendored

ALERTS = "clickstream-alerts.zip"
DROPPED_FILES = "clickstream-dropped-files.zip"
MAIN = "main.py"
DEPENDENCIES = "dep/"
# The compaction as a Glue job: its script, and what it installs; Glue goes by the ending.
GLUE_JOB = "clickstream-glue-job.py"
GLUE_WHEELS = "clickstream-compaction.gluewheels.zip"
JAR = "lib/pyflink-dependencies.jar"
# What the service is told of the files in the job's package, in the group `RUN_OPTIONS_GROUP` of its properties.
RUN_OPTIONS: Mapping[str, str] = {"python": MAIN, "jarfile": JAR, "pyFiles": DEPENDENCIES}
POM = "stream_jobs/msf/pom.xml"
X86_64 = "x86_64-manylinux2014"
ARM64 = "aarch64-manylinux2014"
# The Pythons that the project runs on; the runtime chooses.
PYTHONS = ("3.11", "3.12")
# The service runs on x86_64 alone, Lambda on either.
ALERTS_TARGETS = tuple(Target(X86_64, python) for python in PYTHONS)
DROPPED_FILES_TARGETS = tuple(Target(platform, python) for platform in (X86_64, ARM64) for python in PYTHONS)

_MAIN = Path("stream_jobs/msf/main.py")
_HANDLER = Path("stream_jobs/lambda_handler.py")
_OURS = ("schemas", "stream_jobs")
# What the runtime brings; the job has to take its own, or nothing fits together.
_BROUGHT_BY_FLINK = frozenset({"pyflink", "py4j", "pemja"})
_LICENSE = "LICENSE"
# Source: the Lambda quotas, "Deployment package (.zip file archive) size": by direct upload, and unpacked.
MAX_LAMBDA_ZIP_BYTES = 50_000_000
MAX_LAMBDA_UNPACKED_BYTES = 250_000_000
# The connector as it is called, and the SDK client under it as it is named plain and in the fat SQL jar.
_CONNECTOR_CLASS = "org/apache/flink/connector/kinesis/source/KinesisStreamsSource.class"
_SDK_CLASS = "software/amazon/awssdk/services/kinesis/KinesisClient.class"
_SHADED = "org/apache/flink/connector/kinesis/sink/shaded/"


@dataclass(frozen=True, slots=True)
class Package:
    """One zip, and what it unpacks to."""

    name: str
    data: bytes
    unpacked_bytes: int


def alerts_package(root: Path, uv: str, connector_jar: Path | None) -> Package:
    """Return the alert job for Managed Service for Apache Flink; without a jar it is complete but for that.

    Raises:
        BuildError: it cannot be built, or the jar is not what the job needs.
    """
    files = {DEPENDENCIES + name: content for name, content in _files(root, uv, _MAIN, ALERTS_TARGETS).items()}
    files[MAIN] = (root / _MAIN).read_bytes()
    if connector_jar is not None:
        files[JAR] = checked_jar(connector_jar)
    return _package(ALERTS, root, files)


def dropped_files_package(root: Path, uv: str) -> Package:
    """Return the function for dropped files, for Lambda.

    Raises:
        BuildError: it cannot be built, or is larger than Lambda takes.
    """
    package = _package(DROPPED_FILES, root, _files(root, uv, _HANDLER, DROPPED_FILES_TARGETS))
    if len(package.data) > MAX_LAMBDA_ZIP_BYTES or package.unpacked_bytes > MAX_LAMBDA_UNPACKED_BYTES:
        raise BuildError(
            f"{package.name} has {len(package.data)} bytes and unpacks to {package.unpacked_bytes}; Lambda takes "
            f"{MAX_LAMBDA_ZIP_BYTES} and {MAX_LAMBDA_UNPACKED_BYTES}"
        )
    return package


def checked_jar(path: Path) -> bytes:
    """Return the bytes of a jar that has the connector and what it calls.

    Raises:
        BuildError: it is no jar, or misses one of them.
    """
    try:
        with zipfile.ZipFile(path) as jar:
            names = set(jar.namelist())
    except (OSError, zipfile.BadZipFile) as error:
        raise BuildError(f"{path} cannot be read as a jar: {error}") from error
    if _CONNECTOR_CLASS not in names:
        raise BuildError(f"{path} is not Flink's Kinesis connector of release 5 or later: it has no {_CONNECTOR_CLASS}")
    if names.isdisjoint({_SDK_CLASS, _SHADED + _SDK_CLASS}):
        raise BuildError(f"{path} has the connector without the AWS SDK that it calls: build it with {POM}")
    return path.read_bytes()


def _files(root: Path, uv: str, entry: Path, targets: tuple[Target, ...]) -> dict[str, bytes]:
    """Return what an entry point imports, itself included where it lies in a package."""
    closure = closure_of(root, [entry], _OURS)
    lock = (root / "uv.lock").read_text(encoding="utf-8")
    pins = pins_of(lock, set(closure.packages) - _BROUGHT_BY_FLINK)
    others = vendored(uv, pins, targets, closure.texts)
    ours = {path.as_posix(): (root / path).read_bytes() for path in closure.files if path != _MAIN}
    return others | ours


def _package(name: str, root: Path, files: Mapping[str, bytes]) -> Package:
    whole = {**files, _LICENSE: (root / _LICENSE).read_bytes()}
    return Package(name, zip_bytes(whole), sum(map(len, whole.values())))
