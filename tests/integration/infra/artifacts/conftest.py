"""The packages, built once for all tests, and unpacked."""

import io
import platform
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.artifacts.packages import Package, alerts_package, dropped_files_package
from infra.artifacts.vendor import find_uv

ROOT = Path(__file__).parents[4]


@dataclass(frozen=True)
class Built:
    """A package and the folder that it was unpacked to."""

    package: Package
    folder: Path

    def names(self) -> set[str]:
        return set(zipfile.ZipFile(io.BytesIO(self.package.data)).namelist())


def unpacked(package: Package, folder: Path) -> Built:
    zipfile.ZipFile(io.BytesIO(package.data)).extractall(folder)
    return Built(package, folder)


@pytest.fixture(scope="session")
def alerts(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The alert job's package, without the connector's jar."""
    return unpacked(alerts_package(ROOT, find_uv(ROOT), None), tmp_path_factory.mktemp("alerts"))


@pytest.fixture(scope="session")
def dropped_files(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The function's package."""
    return unpacked(dropped_files_package(ROOT, find_uv(ROOT)), tmp_path_factory.mktemp("dropped-files"))


@pytest.fixture
def on_x86_64_linux() -> None:
    """Skips where the job's package could not be imported by any Python."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip("the alert job's package is for Linux on x86_64")


@pytest.fixture
def on_linux() -> None:
    """Skips where the function's package could not be imported by any Python."""
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"):
        pytest.skip("the function's package is for Linux on x86_64 and arm64")
