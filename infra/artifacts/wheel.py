"""The project itself as a wheel, the same bytes from the same source whenever and wherever it is built.

Hatchling, in the version of the lock file, writes one time into all entries and takes no mode but executable or not.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from infra.artifacts.errors import BuildError

# 2020-02-02, which is what hatchling takes where nothing is said.
_EPOCH = "1580601600"
_DEADLINE_S = 120


def project_wheel(root: Path) -> tuple[str, bytes]:
    """Return the wheel's name and bytes.

    Raises:
        BuildError: it cannot be built.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": _EPOCH}
        ran = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, timeout=_DEADLINE_S, check=False
        )
        if ran.returncode != 0:
            raise BuildError(f"hatchling cannot build the wheel: {ran.stderr.strip()}")
        [path] = Path(folder).glob("*.whl")
        return path.name, path.read_bytes()
